/** A task of a whole fleet that one process does for all. */

import type { Redis } from './connections.ts'
import { leaseKey, type QueueNames } from './names.ts'
import { Script } from './script.ts'

const GIVE_UP = new Script(`
local LEASE = KEYS[1]
local holder = ARGV[1]
if redis.call('GET', LEASE) ~= holder then return 0 end
return redis.call('DEL', LEASE)`)

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

  /** Lets another process have it at once. Does nothing if it is not this one's. */
  async giveUp(task: string): Promise<void> {
    await GIVE_UP.run(this.#redis, [leaseKey(this.#names, task)], [this.#holder])
  }
}
