/** Limits of the fleet that were set by hand: they win over every process's own, until they are reset. */

import type { Redis } from 'ioredis'
import type { GateKeys } from '../queues/names.ts'

export interface Limits {
  /** Calls a second; null: no limit. */
  rate: number | null
  burst: number
  /** Calls at one time; null: no limit. */
  inFlight: number | null
}

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
  }

  async reset(): Promise<void> {
    await this.#redis.del(this.#keys.limits)
  }

  /** Calls that are out at the moment, as far as they are counted (where calls in flight are limited). */
  async inFlight(): Promise<number> {
    return await this.#redis.zcard(this.#keys.inFlight)
  }
}
