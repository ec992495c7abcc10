import type { Redis } from 'ioredis'
import { monotonic } from '../clock.ts'
import { Script } from './script.ts'

/** Lua that scripts include: `now()` is Redis' time, ms since 1970, with fractions. */
export const NOW_LUA = `
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + time[2] / 1000
end
`

// KEYS: any key of ours. In a Cluster TIME itself asks any node, and each node has a clock of its own.
const TIME = new Script(`return redis.call('TIME')`)

/** The clock of the Redis that holds this key, ms since 1970. The whole fleet shares it. */
export async function redisTime(redis: Redis, key: string): Promise<number> {
  const [seconds, micros] = (await TIME.run(redis, [key])) as [string, string]
  return Number(seconds) * 1000 + Number(micros) / 1000
}

const ASK_AGAIN_MS = 1000

/** Redis' clock, asked at most once a second. In between it goes on by the monotonic clock, which nobody can set. */
export class RedisClock {
  readonly #redis: Redis
  readonly #key: string
  #last: Promise<{ redisAt: number; at: number }> | null = null
  #askedAt = Number.NEGATIVE_INFINITY

  /** `key` as for `redisTime`. */
  constructor(redis: Redis, key: string) {
    this.#redis = redis
    this.#key = key
  }

  /** ms since 1970. Rejects when Redis cannot be asked. */
  async now(): Promise<number> {
    if (!this.#last || monotonic() - this.#askedAt > ASK_AGAIN_MS) {
      this.#askedAt = monotonic()
      this.#last = redisTime(this.#redis, this.#key).then((redisAt) => ({ redisAt, at: monotonic() }))
      this.#last.catch(() => {
        this.#last = null
      })
    }
    const { redisAt, at } = await this.#last
    return redisAt + monotonic() - at
  }
}
