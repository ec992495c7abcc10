/** The one way in: what is asked becomes lookups on a queue. The CLI uses it, and so will HTTP and the library. */

import type { Lane } from '../domain/lane.ts'
import { parseLookup } from '../domain/lookup.ts'
import type { LookupQueues, NewLookup } from '../queues/lookup-queue.ts'
import { lookupIdFor } from '../queues/names.ts'

/** What somebody asks for; `idempotencyKey`: the same key again is the same lookup. */
export interface Request {
  connectionId: unknown
  correlationId?: unknown
  metadata?: unknown
  expiresAt?: unknown
  idempotencyKey?: string
  priority?: number
  delayMs?: number
}

export type Checked = { ok: true; lookup: NewLookup } | { ok: false; problem: string }

/** Checks one request and gives it its lookup id. */
export function toLookup({ idempotencyKey, priority, delayMs, ...data }: Request): Checked {
  const parsed = parseLookup(data)
  if (!parsed.ok) return parsed
  const lookupId = lookupIdFor(idempotencyKey)
  const lookup = { ...parsed.data, lookupId, ...defined({ priority, delayMs }) }
  return { ok: true, lookup }
}

function defined<T extends Record<string, unknown>>(fields: T): { [K in keyof T]: NonNullable<T[K]> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]: NonNullable<T[K]> }
}

/** How many lookups go to Redis together: large enough to be cheap, small enough to keep memory flat. */
export const CHUNK = 1000

/** Puts lookups on a queue, in chunks, in their order. Yields how many are on it after each chunk. */
export async function* submit(
  queues: LookupQueues,
  lane: Lane,
  lookups: AsyncIterable<NewLookup> | Iterable<NewLookup>,
): AsyncGenerator<NewLookup[]> {
  let chunk: NewLookup[] = []
  for await (const lookup of lookups) {
    chunk.push(lookup)
    if (chunk.length < CHUNK) continue
    await queues.add(lane, chunk)
    yield chunk
    chunk = []
  }
  if (chunk.length === 0) return
  await queues.add(lane, chunk)
  yield chunk
}
