/**
 * What the fleet remembers of the service's answers: when it last answered, and for which connection id. Whose failure
 * it was, when a lookup failed, is told by this: the service answered others meanwhile, or it did not.
 */

import type { Redis } from 'ioredis'
import { monotonic } from '../clock.ts'
import { ownKey, type QueueNames } from '../queues/names.ts'

// KEYS: last-answer. ARGV: connection id.
const STAMP = `
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'at', string.format('%.3f', time[1] * 1000 + time[2] / 1000), 'connectionId', ARGV[1])
return 1`

/** One write is as good as many: what is asked is only whether there was an answer after some failure, seconds ago. */
const AT_MOST_EVERY_MS = 200

export interface LastAnswer {
  /** Redis time, ms; 0 if the service never answered. */
  at: number
  connectionId: string | null
}

export class LastAnswers {
  readonly #redis: Redis
  readonly #key: string
  #stampedAt = Number.NEGATIVE_INFINITY

  constructor(redis: Redis, names: QueueNames) {
    this.#redis = redis
    this.#key = ownKey(names, 'gate', 'last-answer')
  }

  /** The service has just answered. Never rejects: what is lost here is one stamp of many. */
  stamp(connectionId: string): void {
    if (monotonic() - this.#stampedAt < AT_MOST_EVERY_MS) return
    this.#stampedAt = monotonic()
    this.#redis.eval(STAMP, 1, this.#key, connectionId).catch(() => {})
  }

  async read(): Promise<LastAnswer> {
    const [at, connectionId] = await this.#redis.hmget(this.#key, 'at', 'connectionId')
    return { at: Number(at ?? 0), connectionId: connectionId ?? null }
  }
}
