/** Whether a job in one of our queues is about a connection id, whoever wrote the job and however broken it is. */

import { fromIso } from '../clock.ts'
import { echo } from '../domain/lookup.ts'

/** The job's fields in Redis; null: it has no such field. */
export interface FoundJob {
  id: string
  name: string | null
  /** Its JSON, or what should be. */
  data: string | null
  timestamp: string | null
  redrive: string | null
}

/**
 * By what it says its connection id is; a result also by the connection id in its ChatRequest. One that says none is about
 * it if one of its values is that id, or if the name that somebody gave to the job or its scheduler has it as a word.
 */
export function isAbout({ id, name, data }: FoundJob, connectionId: string): boolean {
  const value = parsed(data)
  const said = connectionIdsIn(value)
  const isIt = (one: unknown) => one === connectionId || one === echo(connectionId)
  if (said.length > 0) return said.some(isIt)
  if ([isNumbered(id) ? '' : id, name ?? ''].some((text) => mentions(text, connectionId))) return true
  return value === undefined ? saysBroken(data ?? '', connectionId) : valuesOf(value).some(isIt)
}

/** An id that BullMQ counted, or that we made, says nothing of anybody; a result has its lookup's. */
function isNumbered(id: string): boolean {
  return /^(rs-)?(\d+|lk-[0-9a-f]{32})(-[0-9a-f]+)?$/.test(id)
}

/** Which lookup a result belongs to, as it says itself; `enqueuedAt` 0: it does not say when. */
export function lookupIn(data: string | null): { lookupId?: string; enqueuedAt: number; redrive: number } {
  const { lookupId, enqueuedAt, redrive } = fieldsOf(parsed(data))
  const at = typeof enqueuedAt === 'string' ? fromIso(enqueuedAt) : 0
  return { ...(typeof lookupId === 'string' ? { lookupId } : {}), enqueuedAt: at || 0, redrive: Number(redrive) || 0 }
}

function connectionIdsIn(value: unknown): string[] {
  const { connectionId, chatRequest } = fieldsOf(value)
  return [connectionId, fieldsOf(chatRequest).idConnection]
    .filter((one) => typeof one === 'string' || typeof one === 'number')
    .map(String)
}

/** Texts in it, and what may be a connection id by its name, however that is spelt. Other ids of ours are none. */
function valuesOf(value: unknown, name = ''): string[] {
  if (typeof value === 'string') return OTHER_IDS.test(name) ? [] : [value]
  if (typeof value === 'number') return name === '' || /connection/i.test(name) ? [String(value)] : []
  return Object.entries(fieldsOf(value)).flatMap(([key, part]) => valuesOf(part, Array.isArray(value) ? name : key))
}

const OTHER_IDS = /^(lookupId|correlationId|producer)$/

/** Half a JSON, say: the id in quotes, or behind its name. */
function saysBroken(text: string, connectionId: string): boolean {
  const ours = text.replace(/"(lookupId|correlationId|producer)"\s*:\s*"[^"]*"?/g, '')
  return placesOf(ours, connectionId).some((at) => /(^|["']|connection\W{0,2}id\W{1,6})$/i.test(ours.slice(0, at)))
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** Undefined where it is no JSON. */
function parsed(data: string | null): unknown {
  try {
    return JSON.parse(data ?? '')
  } catch {
    return undefined
  }
}

/** Looks for the id as a word of its own, so that 12 is not found in 3124; also as JSON would write it. */
export function mentions(text: string, connectionId: string): boolean {
  return placesOf(text, connectionId).length > 0
}

function placesOf(text: string, connectionId: string): number[] {
  const isPart = (character = '') => /^[\p{L}\p{N}]$/u.test(character)
  const spellings = new Set([connectionId, JSON.stringify(connectionId).slice(1, -1)])
  const found: number[] = []
  for (const word of spellings) {
    for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
      if (!isPart(text[at - 1]) && !isPart(text[at + word.length])) found.push(at)
    }
  }
  return found
}
