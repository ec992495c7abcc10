/** What is known of a lookup before it is run: whether it has had its result, and its history. */

import { type LookupHistory, NO_HISTORY, readHistory, writeHistory } from '../domain/history.ts'
import type { ResultStatus } from '../domain/result.ts'
import type { Redis } from '../redis/connections.ts'
import {
  ALONE_FIELD,
  bullKey,
  FAILED_AT_FIELD,
  HISTORY_FIELD,
  type LookupIdentity,
  type QueueNames,
  servicesKey,
} from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { NOW_LUA, RedisClock } from '../redis/time.ts'
import { FIELDS, LOCK, QUEUE_KEYS, UNSUCCESSFUL_CHILDREN } from './bull-layout.ts'
import { readFinished } from './finished-lookups.ts'
import { Markers } from './marker.ts'

export interface KnownLookup {
  /** The status of the result it has had, or null. */
  published: ResultStatus | null
  history: LookupHistory
  /** Redis time (ms) at which the lookup went back with a failure that may be charged to it; null: it did not. */
  failedAt: number | null
}

/** What is known of a lookup that was never run. */
export const NOTHING_KNOWN: KnownLookup = { published: null, history: NO_HISTORY, failedAt: null }

// Only if the job still exists, because a late write must not leave a hash without a job. Redis' clock, because the time
// is compared with what other processes wrote. The job is taken off its deduplication, because a producer that replaces
// what is delayed would remove it while it waits for its retry, without a result. DEDUPLICATION is a key without its id.
const REMEMBER = new Script(`
local JOB, LOCK, DEDUPLICATION = unpack(KEYS)
local history, mayBeCharged, token, id = ARGV[1], ARGV[2] == '1', ARGV[3], ARGV[4]
${NOW_LUA}
if redis.call('EXISTS', JOB) == 0 or redis.call('GET', LOCK) ~= token then return 0 end
redis.call('HSET', JOB, '${HISTORY_FIELD}', history)
redis.call('HDEL', JOB, '${ALONE_FIELD}')
if mayBeCharged then
  redis.call('HSET', JOB, '${FAILED_AT_FIELD}', string.format('%.3f', now()))
else
  redis.call('HDEL', JOB, '${FAILED_AT_FIELD}')
end
local deduplicationId = redis.call('HGET', JOB, '${FIELDS.deduplicationId}')
if deduplicationId and redis.call('GET', DEDUPLICATION .. deduplicationId) == id then
  redis.call('DEL', DEDUPLICATION .. deduplicationId)
end
return 1`)

// Does nothing if another process has taken the job up since, because this one was frozen.
const BEGIN_ALONE = new Script(`
local JOB = KEYS[1]
local history, stalls = unpack(ARGV)
if redis.call('HGET', JOB, '${FIELDS.stalls}') ~= stalls then return 0 end
return redis.call('HSET', JOB, '${HISTORY_FIELD}', history, '${ALONE_FIELD}', stalls)`)

// Does nothing if the job's next run has begun.
const END_ALONE = new Script(`
local JOB = KEYS[1]
local stalls = ARGV[1]
if redis.call('HGET', JOB, '${ALONE_FIELD}') ~= stalls then return 0 end
return redis.call('HDEL', JOB, '${ALONE_FIELD}')`)

/** A lookup as it was taken up. */
export interface Taking extends LookupIdentity {
  /** How often its process died, or lost it. */
  stalls: number
}

export class LookupHistories {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #clock: RedisClock
  readonly markers: Markers

  constructor(redis: Redis, names: QueueNames) {
    this.#redis = redis
    this.#clock = new RedisClock(redis, servicesKey(names))
    this.#names = names
    this.markers = new Markers(redis, names)
  }

  /** Redis' clock, ms. */
  time(): Promise<number> {
    return this.#clock.now()
  }

  async recall(taking: Taking): Promise<KnownLookup> {
    const fields = this.#redis.hmget(this.#job(taking), HISTORY_FIELD, FAILED_AT_FIELD, ALONE_FIELD)
    const [published, [stored, failedAt, aloneAt]] = await Promise.all([this.markers.statusOf(taking), fields])
    const history = readHistory(stored)
    if (aloneAt && taking.stalls > Number(aloneAt)) history.diedAlone++
    return { published, history, failedAt: finite(failedAt) }
  }

  /** The lookup runs alone in its process from now on. If it is then found stalled, its process died of it. */
  async beginAlone(taking: Taking, history: LookupHistory): Promise<void> {
    await BEGIN_ALONE.run(this.#redis, [this.#job(taking)], [writeHistory(history), taking.stalls])
  }

  /** The process has survived the lookup, so a later stall has another cause. */
  async endAlone(taking: Taking): Promise<void> {
    await END_ALONE.run(this.#redis, [this.#job(taking)], [taking.stalls])
  }

  /**
   * Writes only with the token of the lock that the lookup was taken up with: a process that lost it, because it was
   * frozen, must not write over the run of the process that has it now.
   */
  async remember(
    identity: LookupIdentity,
    token: string,
    history: LookupHistory,
    mayBeCharged: boolean,
  ): Promise<void> {
    const job = this.#job(identity)
    const deduplication = bullKey(this.#names, identity.queue, `${QUEUE_KEYS.deduplication}:`)
    const args = [writeHistory(history), mayBeCharged ? 1 : 0, token, identity.lookupId]
    await REMEMBER.run(this.#redis, [job, job + LOCK, deduplication], args)
  }

  /** Why it gave up, as its result was published; null: it has not. */
  failedReason(identity: LookupIdentity): Promise<string | null> {
    return this.#redis.hget(this.#job(identity), FIELDS.failedReason)
  }

  /** What is kept of it as a finished lookup is kept without its job. */
  async isKept({ queue, lookupId }: LookupIdentity): Promise<boolean> {
    return (await readFinished(this.#redis, this.#names, queue, [lookupId])).has(lookupId)
  }

  /** It was to wait for jobs of a flow, and to fail with them; one has failed. */
  async hasFailedChild(identity: LookupIdentity): Promise<boolean> {
    return (await this.#redis.exists(this.#job(identity) + UNSUCCESSFUL_CHILDREN)) === 1
  }

  #job({ queue, lookupId }: LookupIdentity): string {
    return bullKey(this.#names, queue, lookupId)
  }
}

function finite(text: string | null | undefined): number | null {
  const value = Number(text || Number.NaN)
  return Number.isFinite(value) ? value : null
}
