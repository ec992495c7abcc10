/** The fleet in one sentence: what `status` ends with, and the console begins with. */

import { counted, mebibytes, number, seconds } from '../domain/figures.ts'
import type { RedisMemory } from './redis-memory.ts'
import type { FleetStatus } from './status.ts'

/** What is so while nobody works. A hold says nothing then: nobody tries whether the service answers. */
export const NO_WORKER = 'no worker is running. Do: start one; nothing that waits is lost'

/** What is so while Redis takes no writes. */
export function fullInWords({ where, usedBytes, maxBytes }: RedisMemory): string {
  const of = `${mebibytes(usedBytes)} of ${mebibytes(maxBytes ?? 0)}`
  return `Redis at ${where} takes no writes: its memory is full (${of}). Do: raise its maxmemory, or delete what else lies in it.`
}

export function sentenceOf(status: FleetStatus): string {
  return `backlog ${number.format(status.backlog)}, ${number.format(status.perSecond)} results/s: ${drainInWords(status)}`
}

function drainInWords(status: FleetStatus): string {
  const { backlog, drainSeconds, redis, members } = status
  if (backlog === 0) return 'nothing waits'
  if (redis?.isFull) return 'Redis is full: not moving'
  if (members?.length === 0) return 'no worker: not moving'
  if (status.serviceProblem === null && status.holds.length > 0) return 'held: not moving'
  const delayed = delayedOf(status)
  if (delayed === backlog) return `nothing waits but ${laterInWords(delayed)}`
  if (drainSeconds === null) return 'not draining'
  const later = delayed > 0 ? `, but for ${laterInWords(delayed)}` : ''
  return `gone in ${seconds(drainSeconds * 1000)}${later}`
}

function laterInWords(delayed: number): string {
  return `${counted(delayed, 'lookup')} due later`
}

/** Lookups that are due later: a retry, or their producer asked for it. */
export function delayedOf({ queues: [batch, interactive] }: FleetStatus): number {
  return (batch?.jobs.delayed ?? 0) + (interactive?.jobs.delayed ?? 0)
}
