/**
 * Puts jobs that lie in no list back where they can be found: to be run, or, if they had ended, among those that have. Each run
 * looks at the next keys, as many as one look takes; several processes may look at once.
 */

import { lookForUnlisted, type UnlistedJob } from '../queues/unlisted.ts'
import type { Redis } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'
import { FIRST } from '../redis/scan.ts'

export class Orphans {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #cursors = new Map<string, string>()

  constructor(redis: Redis, names: QueueNames) {
    this.#redis = redis
    this.#names = names
  }

  /** Puts back those it finds among the next keys. */
  async adopt(queue: string): Promise<UnlistedJob[]> {
    const look = await lookForUnlisted(this.#redis, this.#names, queue, this.#cursors.get(queue) ?? FIRST, true)
    if (look) this.#cursors.set(queue, look.next)
    return look?.found ?? []
  }
}
