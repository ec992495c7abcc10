/** A task of a whole fleet that one process does for all. */

import type { Redis } from './connections.ts'
import { leaseKey, type QueueNames } from './names.ts'

export class Leases {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #holder: string

  /** `holder` is the id of this process. */
  constructor(redis: Redis, names: QueueNames, holder: string) {
    this.#redis = redis
    this.#names = names
    this.#holder = holder
  }

  /** True for one process of the fleet at a time, for `ms`. If the same process asks again, the task stays with it. */
  async take(task: string, ms: number): Promise<boolean> {
    const key = leaseKey(this.#names, task)
    if ((await this.#redis.set(key, this.#holder, 'PX', ms, 'NX')) === 'OK') return true
    if ((await this.#redis.get(key)) !== this.#holder) return false
    await this.#redis.pexpire(key, ms)
    return true
  }
}
