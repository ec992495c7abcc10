import type { Redis } from 'ioredis'
import { monotonic } from '../clock.ts'

/** Redis' clock, ms since 1970: the one that all of a fleet share. */
export async function redisTime(redis: Redis): Promise<number> {
  const [seconds, micros] = await redis.time()
  return Number(seconds) * 1000 + Number(micros) / 1000
}

const ASK_AGAIN_MS = 1000

/** Redis' clock, asked at most once a second; in between it goes on by the monotonic clock, which nobody sets. */
export class RedisClock {
  readonly #redis: Redis
  #last: Promise<{ redisAt: number; at: number }> | null = null
  #askedAt = Number.NEGATIVE_INFINITY

  constructor(redis: Redis) {
    this.#redis = redis
  }

  /** ms since 1970. Rejects when Redis cannot be asked. */
  async now(): Promise<number> {
    if (!this.#last || monotonic() - this.#askedAt > ASK_AGAIN_MS) {
      this.#askedAt = monotonic()
      this.#last = redisTime(this.#redis).then((redisAt) => ({ redisAt, at: monotonic() }))
      this.#last.catch(() => {
        this.#last = null
      })
    }
    const { redisAt, at } = await this.#last
    return redisAt + monotonic() - at
  }
}
