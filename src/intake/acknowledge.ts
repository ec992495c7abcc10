/**
 * Enqueues, and says of each lookup what became of it: it is on the queue, or why it is not. Whatever goes wrong in the
 * middle, nothing is said to be on the queue that is not there, and nothing is there of which nobody was told.
 */

import { monotonic, sleep, within } from '../clock.ts'
import type { RedisErrorKind } from '../domain/event.ts'
import type { Lane } from '../domain/lane.ts'
import { echo } from '../domain/lookup.ts'
import { connectionIdsOf, LookupQueues, type NewLookup } from '../queues/lookup-queue.ts'
import type { Redis } from '../redis/connections.ts'
import { isRedisError, kindOfRedisError } from '../redis/errors.ts'
import type { QueueNames } from '../redis/names.ts'
import { InvalidLookup, KeyConflict, RedisUnavailable } from './errors.ts'
import { chunksOf, KEY_CONFLICT, type KeyUse, keyUses, type Request, toLookup } from './submit.ts'

/**
 * The lookup is on the queue. `isNew` is false where the same idempotency key had put it there before; of those who ask with it
 * at one moment more than one may be told true.
 */
export interface Enqueued {
  lookupId: string
  connectionId: string
  isNew: boolean
}

/** It is not on the queue, because of the error. `connectionId` is what could be read of it, at most 256 characters. */
export interface NotEnqueued {
  connectionId: string | null
  error: Error
}

export type Ack = Enqueued | NotEnqueued

/** What a source brings: what is asked, or why it cannot be read. */
export type Brought = Request | InvalidLookup

/** What became of a chunk; after an error nothing more should be sent. */
interface Acked {
  acks: Ack[]
  error: Error | null
}

interface Asked {
  lookup: NewLookup
  hasKey: boolean
}

const SETTLE_EVERY_MS = 200
const TRIES = 2
/** Worth adding again for what is not there, once Redis answers. */
const PASSING: readonly RedisErrorKind[] = ['connection', 'timeout', 'loading', 'readonly']

export class Acknowledger {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #queues: LookupQueues
  readonly #explain: (error: unknown) => Error
  readonly #settleMs: number

  /**
   * `explain` says in words what an error of Redis means. `settleMs`: how long it tries to find out what is on the queue, after
   * Redis went away while a chunk was added.
   */
  constructor(redis: Redis, names: QueueNames, explain: (error: unknown) => Error, settleMs: number) {
    this.#redis = redis
    this.#names = names
    this.#queues = new LookupQueues(redis, names)
    this.#explain = explain
    this.#settleMs = settleMs
  }

  /**
   * Enqueues what the source brings, in its order and in chunks, and yields what became of each chunk. A bad lookup does not
   * stop the others. `common` is what every lookup gets unless it says so itself. Rejects with the error of the source, of
   * Redis, or the signal's reason, once everything is told of what was sent.
   */
  async *all(
    lane: Lane,
    requests: AsyncIterable<Brought> | Iterable<Brought>,
    common: Partial<Request>,
    signal: AbortSignal,
  ): AsyncGenerator<Ack[]> {
    for await (const chunk of chunksOf(requests, signal)) {
      const asked = chunk.map((one) => (one instanceof InvalidLookup ? one : { ...common, ...one }))
      const { acks, error } = await this.#chunk(lane, asked)
      yield acks
      if (error) throw error
    }
  }

  /** Enqueues as many as go to Redis together. */
  async some(lane: Lane, requests: Request[]): Promise<Ack[]> {
    return (await this.#chunk(lane, requests)).acks
  }

  /** Which of them would be refused, and why, if they were enqueued now; nothing is. */
  async refusals(requests: Request[]): Promise<{ index: number; error: Error }[]> {
    const checked = requests.map(checkedRequest)
    const asked = checked.flatMap((one, index) => ('lookup' in one ? [{ ...one, index }] : []))
    const keyed = asked.filter(({ hasKey }) => hasKey).map(({ lookup }) => lookup.lookupId)
    const uses = keyUses(
      asked.map(({ lookup }) => lookup),
      await this.#known(keyed),
    )
    const conflicts = asked.flatMap(({ index }, place) =>
      uses[place] === 'conflict' ? [{ index, error: new KeyConflict(KEY_CONFLICT) }] : [],
    )
    return [...checked.flatMap((one, index) => ('error' in one ? [{ index, error: one.error }] : [])), ...conflicts]
  }

  /** Enqueues one, and rejects with its error. */
  async one(lane: Lane, request: Request): Promise<Enqueued> {
    const { acks } = await this.#chunk(lane, [request])
    const ack = acks[0] as Ack
    if ('error' in ack) throw ack.error
    return ack
  }

  async #chunk(lane: Lane, requests: Brought[]): Promise<Acked> {
    const checked = requests.map(checkedRequest)
    const asked = checked.filter((one) => 'lookup' in one)
    const { acks, error } = await this.#add(lane, asked)
    const next = acks.values()
    return { acks: checked.map((one) => ('error' in one ? one : (next.next().value as Ack))), error }
  }

  async #add(lane: Lane, asked: Asked[]): Promise<Acked> {
    if (asked.length === 0) return { acks: [], error: null }
    // While there is no connection nothing is sent, so that nobody has to ask what of it arrived.
    if (this.#redis.status !== 'ready') await this.#redis.ping()
    const lookups = asked.map(({ lookup }) => lookup)
    const keyed = asked.filter(({ hasKey }) => hasKey).map(({ lookup }) => lookup.lookupId)
    const uses = keyUses(lookups, await this.#known(keyed))
    // One that is there already is not added again: its job may have left, because it has finished.
    const fresh = lookups.filter((_, index) => uses[index] === 'new')
    const missing = await this.#put(lane, fresh, TRIES)
    // Somebody else may have used a key at the same moment; the lookup that was there first stays as it is.
    const others = missing.size > 0 ? new Map() : await this.#knownSoon(keyed)
    return this.#told(lookups, uses, others === null ? this.#inDoubt(keyed) : missing, others ?? new Map())
  }

  #told(lookups: NewLookup[], uses: KeyUse[], missing: Map<string, Error>, others: Map<string, unknown>): Acked {
    const acks = lookups.map(({ lookupId, connectionId }, index): Ack => {
      const error = missing.get(lookupId)
      if (error) return { connectionId, error }
      const isOthers = (others.get(lookupId) ?? connectionId) !== connectionId
      if (isOthers || uses[index] === 'conflict') return { connectionId, error: new KeyConflict(KEY_CONFLICT) }
      return { lookupId, connectionId, isNew: uses[index] === 'new' }
    })
    const [error = null] = missing.values()
    return { acks, error }
  }

  /** Answers which of them are not on the queue, or not known to be there, and why. */
  async #put(lane: Lane, lookups: NewLookup[], tries: number): Promise<Map<string, Error>> {
    try {
      await this.#queues.add(lane, lookups)
      return new Map()
    } catch (error) {
      if (!isRedisError(error)) throw error
      const there = await this.#knownSoon(idsOf(lookups))
      if (!there) return this.#inDoubt(idsOf(lookups), error)
      const absent = lookups.filter(({ lookupId }) => !there.has(lookupId))
      if (absent.length > 0 && tries > 1 && PASSING.includes(kindOfRedisError(error)))
        return this.#put(lane, absent, tries - 1)
      return new Map(absent.map(({ lookupId }) => [lookupId, this.#explain(error)]))
    }
  }

  #inDoubt(lookupIds: string[], cause?: unknown): Map<string, Error> {
    const { message } = this.#explain(cause ?? new Error('Command timed out'))
    const error = new RedisUnavailable(`${message} The lookup may be on the queue.`, { cause, mayBeOnQueue: true })
    return new Map(lookupIds.map((lookupId) => [lookupId, error]))
  }

  /** As soon as Redis answers; null: it did not in time. */
  async #knownSoon(lookupIds: string[]): Promise<Map<string, unknown> | null> {
    for (const end = monotonic() + this.#settleMs; ; await sleep(SETTLE_EVERY_MS)) {
      const leftMs = end - monotonic()
      if (leftMs <= 0) return null
      try {
        const known = await within(leftMs, this.#known(lookupIds))
        return known === 'late' ? null : known
      } catch (error) {
        if (!isRedisError(error)) throw error
      }
    }
  }

  async #known(lookupIds: string[]): Promise<Map<string, unknown>> {
    return lookupIds.length === 0 ? new Map() : connectionIdsOf(this.#redis, this.#names, lookupIds)
  }
}

function checkedRequest(request: Brought): Asked | NotEnqueued {
  if (request instanceof InvalidLookup) return { connectionId: null, error: request }
  const checked = toLookup(request ?? {})
  if (checked.ok) return { lookup: checked.lookup, hasKey: request.idempotencyKey != null }
  return { connectionId: echo(request?.connectionId), error: new InvalidLookup(checked.problem) }
}

function idsOf(lookups: NewLookup[]): string[] {
  return lookups.map(({ lookupId }) => lookupId)
}
