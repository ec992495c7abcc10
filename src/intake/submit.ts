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

export const KEY_MAX = 1024
/** BullMQ's. */
export const PRIORITY_MAX = 2_097_151
export const DELAY_MAX_MS = 366 * 86_400_000

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
  const wrong = outOf('priority', priority, PRIORITY_MAX) ?? outOf('delayMs', delayMs, DELAY_MAX_MS)
  if (wrong) return { ok: false, problem: wrong }
  const lookupId = lookupIdFor(idempotencyKey ?? undefined, parsed.data.producer)
  const lookup: NewLookup = { ...parsed.data, lookupId }
  if (priority != null) lookup.priority = priority
  if (delayMs != null) lookup.delayMs = delayMs
  return { ok: true, lookup }
}

/** Redis would be given what is no number, and add none of those that go with it. */
function outOf(name: string, value: unknown, most: number): string | null {
  if (value == null || (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most)) return null
  return `${name}: expected a whole number from 0 to ${most}, got ${typeof value === 'number' ? 'another number' : 'something else'}`
}

function isKey(value: unknown): value is string | null | undefined {
  if (value == null) return true
  // Half a surrogate pair would be hashed as U+FFFD: many keys would be one.
  return typeof value === 'string' && value.length >= 1 && value.length <= KEY_MAX && value.isWellFormed()
}

/** How many lookups Redis adds in one step: large enough to be cheap, small enough that the step stays below 5 ms. */
export const CHUNK = 100
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

/**
 * Chunks of what a source brings, in its order; the next one is read while somebody works on this one. Rejects with the
 * signal's reason where that ends the wait for the source.
 */
export async function* chunksOf<T>(
  items: AsyncIterable<T> | Iterable<T>,
  signal: AbortSignal = NEVER,
): AsyncGenerator<T[]> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
  const ahead = new Ahead(iterator)
  try {
    let next = chunkOf(ahead, signal)
    for (let chunk = await next; chunk.length > 0; chunk = await next) {
      next = chunkOf(ahead, signal)
      next.catch(() => {}) // told to whoever asks for it
      yield chunk
    }
  } finally {
    ahead.leave()
  }
}

/** Empty: the source has no more. */
async function chunkOf<T>(ahead: Ahead<T>, signal: AbortSignal): Promise<T[]> {
  const first = await orAborted(ahead.next, signal)
  if (first.done) return []
  ahead.step()
  const chunk = [first.value]
  await fill(chunk, ahead)
  return chunk
}

/** Adds lookups until the chunk is full, its time is over, or the source has no more. */
async function fill<T>(chunk: T[], ahead: Ahead<T>): Promise<void> {
  const cancel = new AbortController()
  let isOver = false
  const late = sleep(CHUNK_MAY_WAIT_MS, cancel.signal).catch(() => {})
  const filled = async () => {
    while (chunk.length < CHUNK) {
      const item = await ahead.next
      if (isOver || item.done) return
      chunk.push(item.value)
      ahead.step()
    }
  }
  try {
    await Promise.race([filled(), late])
  } catch {
    // The source failed. Whoever awaits the same step next gets the error.
  } finally {
    isOver = true
    cancel.abort()
  }
}

const NO_MORE = Promise.resolve({ done: true, value: undefined } as const)

/** Holds the one item that was asked for and not used yet. */
class Ahead<T> {
  next: Promise<IteratorResult<T>>
  readonly #iterator: AsyncIterator<T> | Iterator<T>
  #isLeft = false

  constructor(iterator: AsyncIterator<T> | Iterator<T>) {
    this.#iterator = iterator
    this.next = this.#ask()
  }

  step(): void {
    this.next = this.#isLeft ? NO_MORE : this.#ask()
  }

  /** Not awaited, because a source that brings nothing more would keep us waiting. */
  leave(): void {
    this.#isLeft = true
    void Promise.resolve(this.#iterator.return?.()).catch(() => {})
  }

  #ask(): Promise<IteratorResult<T>> {
    const next = Promise.resolve(this.#iterator.next())
    next.catch(() => {}) // it may be awaited much later
    return next
  }
}
