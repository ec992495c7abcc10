/** The fleet in one sentence: what `status` ends with, and the console begins with. */

import { number, seconds } from '../domain/figures.ts'
import type { FleetStatus } from './status.ts'

export function sentenceOf(status: FleetStatus): string {
  return `backlog ${number.format(status.backlog)}, ${number.format(status.perSecond)} results/s: ${drainInWords(status)}`
}

function drainInWords(status: FleetStatus): string {
  const { backlog, drainSeconds, redis } = status
  if (backlog === 0) return 'nothing waits'
  if (redis?.isFull) return 'Redis is full: not moving'
  if (status.serviceProblem === null && status.holds.length > 0) return 'held: not moving'
  return drainSeconds === null ? 'not draining' : `gone in ${seconds(drainSeconds * 1000)}`
}
