/** The one way in: what is asked becomes lookups on a queue. The CLI uses it, and so will HTTP and the library. */

import { orAborted, sleep } from '../clock.ts'
import type { Lane } from '../domain/lane.ts'
import { parseLookup } from '../domain/lookup.ts'
import type { LookupQueues, NewLookup } from '../queues/lookup-queue.ts'
import { lookupIdFor } from '../redis/names.ts'

/** One request for a lookup. The same `idempotencyKey` of the same producer again is the same lookup. */
export interface Request {
  connectionId: unknown
  correlationId?: unknown
  producer?: unknown
  metadata?: unknown
  expiresAt?: unknown
  traceparent?: unknown
  deliver?: unknown
  idempotencyKey?: unknown
  priority?: number
  delayMs?: number
}

export type Checked = { ok: true; lookup: NewLookup } | { ok: false; problem: string }

const KEY_MAX = 1024

/** Checks one request and gives it its lookup id. */
export function toLookup({ idempotencyKey, priority, delayMs, ...data }: Request): Checked {
  const parsed = parseLookup(data)
  if (!parsed.ok) return parsed
  if (!isKey(idempotencyKey)) {
    // Ignoring a numeric key would enqueue duplicates; accepting an empty one would merge all lookups. Both are refused.
    return {
      ok: false,
      problem: `idempotencyKey: expected a string of 1 to ${KEY_MAX} characters, no lone surrogates, got something else`,
    }
  }
  const lookupId = lookupIdFor(idempotencyKey ?? undefined, parsed.data.producer)
  const lookup = { ...parsed.data, lookupId, ...defined({ priority, delayMs }) }
  return { ok: true, lookup }
}

function isKey(value: unknown): value is string | null | undefined {
  if (value == null) return true
  // Half a surrogate pair would be hashed as U+FFFD: many keys would be one.
  return typeof value === 'string' && value.length >= 1 && value.length <= KEY_MAX && value.isWellFormed()
}

function defined<T extends Record<string, unknown>>(fields: T): { [K in keyof T]: NonNullable<T[K]> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]: NonNullable<T[K]> }
}

/** How many lookups go to Redis together: large enough to be cheap, small enough to keep memory flat. */
export const CHUNK = 1000
/** If the source brings lookups one by one, none waits longer than this for the rest of its chunk. */
const CHUNK_MAY_WAIT_MS = 200
const NEVER = new AbortController().signal

/** `fresh`: without those that were there before. The job of one of these may have left since, because it has finished. */
export interface ToAdd {
  all: NewLookup[]
  fresh: NewLookup[]
}

/**
 * Puts lookups on a queue in chunks, in their order. Yields each chunk once it is on the queue; `before` sees the chunk
 * before that, and answers what of it is there then, and what of that has to be added. An error of the source comes after everything that was read before it is
 * on the queue.
 */
export async function* submit(
  queues: LookupQueues,
  lane: Lane,
  lookups: AsyncIterable<NewLookup> | Iterable<NewLookup>,
  before: (chunk: NewLookup[]) => Promise<ToAdd> = async (chunk) => ({ all: chunk, fresh: chunk }),
): AsyncGenerator<NewLookup[]> {
  for await (const read of chunksOf(lookups)) {
    const { all, fresh } = await before(read)
    if (all.length === 0) continue
    if (fresh.length > 0) await queues.add(lane, fresh)
    yield all
  }
}

export const KEY_CONFLICT = 'idempotencyKey: was given before, with another connection id'

/** Of lookups with a key: the first with it, the same lookup again, or a mistake of the producer's. */
export type KeyUse = 'new' | 'repeat' | 'conflict'

/** `known`: for which connection id a lookup is on a queue already, by its lookup id. */
export function keyUses(lookups: NewLookup[], known: ReadonlyMap<string, unknown>): KeyUse[] {
  const first = new Map(known)
  return lookups.map(({ lookupId, connectionId }) => {
    if (first.has(lookupId)) return first.get(lookupId) === connectionId ? 'repeat' : 'conflict'
    first.set(lookupId, connectionId)
    return 'new'
  })
}

/** Chunks of what a source brings, in its order. Rejects with the signal's reason where that ends the wait for the source. */
export async function* chunksOf<T>(
  items: AsyncIterable<T> | Iterable<T>,
  signal: AbortSignal = NEVER,
): AsyncGenerator<T[]> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
  const ahead = new Ahead(iterator)
  try {
    const next = () => orAborted(ahead.next, signal)
    for (let read = await next(); !read.done; read = await next()) {
      ahead.step()
      const chunk = [read.value]
      await fill(chunk, ahead)
      yield chunk
    }
  } finally {
    ahead.leave()
  }
}

/** Adds lookups until the chunk is full, its time is over, or the source has no more. */
async function fill<T>(chunk: T[], ahead: Ahead<T>): Promise<void> {
  const cancel = new AbortController()
  const late = sleep(CHUNK_MAY_WAIT_MS, cancel.signal).catch(() => {})
  try {
    while (chunk.length < CHUNK) {
      const item = await Promise.race([ahead.next, late])
      if (!item || item.done) return
      chunk.push(item.value)
      ahead.step()
    }
  } catch {
    // The source failed. Whoever awaits the same step next gets the error.
  } finally {
    cancel.abort()
  }
}

/** Holds the one item that was asked for and not used yet. */
class Ahead<T> {
  next: Promise<IteratorResult<T>>
  readonly #iterator: AsyncIterator<T> | Iterator<T>

  constructor(iterator: AsyncIterator<T> | Iterator<T>) {
    this.#iterator = iterator
    this.next = this.#ask()
  }

  step(): void {
    this.next = this.#ask()
  }

  /** Not awaited, because a source that brings nothing more would keep us waiting. */
  leave(): void {
    void Promise.resolve(this.#iterator.return?.()).catch(() => {})
  }

  #ask(): Promise<IteratorResult<T>> {
    const next = Promise.resolve(this.#iterator.next())
    next.catch(() => {}) // it may be awaited much later
    return next
  }
}
