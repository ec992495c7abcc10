/**
 * What one process does for the whole fleet: it finds lookups that lie in no list, lookups that gave up without a result,
 * and jobs that nobody can read, and removes what is too old.
 */

import type { Observe } from '../domain/event.ts'
import { LANES } from '../domain/lane.ts'
import type { LookupQueues } from '../queues/lookup-queue.ts'
import type { Publisher } from '../queues/publisher.ts'
import { type TakenLookup, takenFrom, takenUnread } from '../queues/taken-lookup.ts'
import type { Redis } from '../redis/connections.ts'
import { isRedisError } from '../redis/errors.ts'
import type { Leases } from '../redis/lease.ts'
import type { Orphans } from './orphans.ts'
import type { Reconciler } from './reconciler.ts'
import { type Retention, removeOld } from './retention.ts'
import type { UnreadableJobs } from './unreadable.ts'

export const UPKEEP_EVERY_MS = 20_000
/**
 * The lease of the process that does it. If that process dies, another takes over within the sum of both times: less than
 * a minute.
 */
const LEASE_MS = 30_000
const TASK = 'upkeep'

export interface UpkeepParts {
  leases: Leases
  queues: LookupQueues
  publisher: Publisher
  reconciler: Reconciler
  unreadable: UnreadableJobs
  orphans: Orphans
  redis: Redis
}

export class Upkeep {
  readonly #parts: UpkeepParts
  readonly #retention: Retention
  readonly #observe: Observe

  constructor(parts: UpkeepParts, retention: Retention, observe: Observe) {
    this.#parts = parts
    this.#retention = retention
    this.#observe = observe
  }

  /** Runs the upkeep if this process has the lease. Rejects when Redis fails; the next run goes on from there. */
  async run(): Promise<void> {
    const { leases, queues, publisher, reconciler, unreadable, redis } = this.#parts
    if (!(await leases.take(TASK, LEASE_MS))) return
    for (const lane of LANES) {
      const queue = queues.of(lane)
      await this.#adopt(queue.name)
      await reconciler.run(
        queue,
        (job) => takenFrom(job, lane),
        (job) => this.#seeTo(takenFrom(job, lane), (taken) => publisher.poison(taken)),
      )
      for (const job of await unreadable.find(queue.name)) {
        await this.#seeTo(takenUnread(job, lane), async (taken) => {
          await publisher.unreadable(taken)
          await unreadable.remove(job)
        })
      }
      await removeOld(queue, redis, this.#retention)
    }
  }

  /** For a process that stops: another one may take over at once. */
  async leave(): Promise<void> {
    await this.#parts.leases.giveUp(TASK)
  }

  /** An error that one lookup brings out must not keep the others from being handled. */
  async #seeTo(taken: TakenLookup, work: (taken: TakenLookup) => Promise<void>): Promise<void> {
    try {
      await work(taken)
    } catch (error) {
      if (isRedisError(error)) throw error
      this.#observe({ type: 'internal-error', lookupId: taken.lookupId, where: 'upkeep', error })
    }
  }

  async #adopt(queue: string): Promise<void> {
    const { orphans, reconciler } = this.#parts
    const found = await orphans.adopt(queue)
    for (const { id: lookupId } of found) this.#observe({ type: 'adopted', lookupId })
    if (found.some(({ place }) => place === 'failed')) reconciler.forget(queue)
  }
}
