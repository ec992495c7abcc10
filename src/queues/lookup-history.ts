/** What is known of a lookup before it is run: whether it has had its result, and what it has behind it. */

import type { Redis } from 'ioredis'
import { type LookupHistory, NO_HISTORY } from '../domain/history.ts'
import type { ResultStatus } from '../domain/result.ts'
import { bullKey, FAILED_AT_FIELD, HISTORY_FIELD, type LookupIdentity, markerKey, type QueueNames } from './names.ts'
import { redisTime } from './redis-time.ts'
import { Script } from './script.ts'

export interface KnownLookup {
  /** The status of the result it has had, or null. */
  published: ResultStatus | null
  history: LookupHistory
  /** Redis time (ms) at which it went back with a failure that may be charged to it; null if it did not. */
  failedAt: number | null
}

// Only on a job that is still there: a late write must not leave a ghost. Redis' clock, because it is compared with
// what other processes wrote. KEYS: job. ARGV: history, 1 if the failure may be charged.
const REMEMBER = new Script(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], '${HISTORY_FIELD}', ARGV[1])
if ARGV[2] == '1' then
  local time = redis.call('TIME')
  redis.call('HSET', KEYS[1], '${FAILED_AT_FIELD}', string.format('%.3f', time[1] * 1000 + time[2] / 1000))
else
  redis.call('HDEL', KEYS[1], '${FAILED_AT_FIELD}')
end
return 1`)

export class LookupHistories {
  readonly #redis: Redis
  readonly #names: QueueNames

  constructor(redis: Redis, names: QueueNames) {
    this.#redis = redis
    this.#names = names
  }

  /** Redis' clock, ms. */
  time(): Promise<number> {
    return redisTime(this.#redis)
  }

  async recall(identity: LookupIdentity, firstRun: boolean): Promise<KnownLookup> {
    const marker = this.#redis.get(markerKey(this.#names, identity))
    const fields = firstRun ? [null, null] : this.#redis.hmget(this.#job(identity), HISTORY_FIELD, FAILED_AT_FIELD)
    const [published, [history, failedAt]] = await Promise.all([marker, fields])
    return {
      published: published as ResultStatus | null,
      history: history ? { ...NO_HISTORY, ...(JSON.parse(history) as Partial<LookupHistory>) } : { ...NO_HISTORY },
      failedAt: failedAt ? Number(failedAt) : null,
    }
  }

  async remember(identity: LookupIdentity, history: LookupHistory, mayBeCharged: boolean): Promise<void> {
    await REMEMBER.run(this.#redis, [this.#job(identity)], [JSON.stringify(history), mayBeCharged ? 1 : 0])
  }

  /** Which of these lookups have no result. */
  async withoutResult<T extends LookupIdentity>(identities: T[]): Promise<T[]> {
    if (identities.length === 0) return []
    const markers = await this.#redis.mget(identities.map((identity) => markerKey(this.#names, identity)))
    return identities.filter((_, index) => markers[index] === null)
  }

  #job({ queue, lookupId }: LookupIdentity): string {
    return bullKey(this.#names, queue, lookupId)
  }
}
