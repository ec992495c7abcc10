/** Limits of the fleet that were set by hand: they win over every process's own, until they are reset. */

import type { Redis } from '../redis/connections.ts'
import type { GateKeys } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { NOW_LUA } from '../redis/time.ts'

export interface Limits {
  /** Calls a second; null: no limit. */
  rate: number | null
  burst: number
  /** Calls at one time; null: no limit. */
  inFlight: number | null
}

// Changing the limit clears the time of the next turn, because the new pace must not wait for a turn of the old one.
// Turns that are booked are nearer than this.
const FORGET_FAR = new Script(`
local RATE, RATE_INTERACTIVE, RATE_RETRIES = unpack(KEYS)
${NOW_LUA}
for _, key in ipairs({ RATE, RATE_INTERACTIVE, RATE_RETRIES }) do
  local due = tonumber(string.match(redis.call('GET', key) or '', '^%S+') or 0)
  if due > now() + 1000 then redis.call('DEL', key) end
end
return 1`)

export class LimitStore {
  readonly #redis: Redis
  readonly #keys: GateKeys

  constructor(redis: Redis, keys: GateKeys) {
    this.#redis = redis
    this.#keys = keys
  }

  /** What was set by hand, and nothing else. */
  async read(): Promise<Partial<Limits>> {
    const { rate, burst, inFlight } = await this.#redis.hgetall(this.#keys.limits)
    return {
      ...(rate === undefined ? {} : { rate: rate === 'none' ? null : Number(rate) }),
      ...(burst === undefined ? {} : { burst: Number(burst) }),
      ...(inFlight === undefined ? {} : { inFlight: inFlight === 'none' ? null : Number(inFlight) }),
    }
  }

  async set(limits: Partial<Limits>): Promise<void> {
    const fields = Object.entries(limits).map(([name, value]) => [name, String(value ?? 'none')] as const)
    await this.#redis.hset(this.#keys.limits, Object.fromEntries(fields))
    await this.#forgetFar()
  }

  async reset(): Promise<void> {
    await this.#redis.del(this.#keys.limits)
    await this.#forgetFar()
  }

  async #forgetFar(): Promise<void> {
    const { rate, rateInteractive, rateRetries } = this.#keys
    await FORGET_FAR.run(this.#redis, [rate, rateInteractive, rateRetries])
  }

  /** Calls that are out at the moment, as far as they are counted (where calls in flight are limited). */
  async inFlight(): Promise<number> {
    const { inFlight, inFlightInteractive } = this.#keys
    const counts = await Promise.all([this.#redis.zcard(inFlight), this.#redis.zcard(inFlightInteractive)])
    return counts[0] + counts[1]
  }
}
