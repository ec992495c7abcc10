/**
 * What one process does for the whole fleet: finds lookups and results that lie in no list, lookups that gave up without a
 * result, and jobs that nobody can read, and removes what is too old.
 */

import type { Observe } from '../domain/event.ts'
import { LANES, type Lane } from '../domain/lane.ts'
import type { LookupQueues, Queue } from '../queues/lookup-queue.ts'
import type { Publisher } from '../queues/publisher.ts'
import { type TakenLookup, takenStored } from '../queues/taken-lookup.ts'
import type { Redis } from '../redis/connections.ts'
import { isRedisError } from '../redis/errors.ts'
import type { Leases } from '../redis/lease.ts'
import type { DeadLetterCounts } from './dead-letter-counts.ts'
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
/** What was said is remembered up to so many lookups. */
const SAID_MAX = 1000
const TASK = 'upkeep'

export interface UpkeepParts {
  leases: Leases
  queues: LookupQueues
  publisher: Publisher
  reconciler: Reconciler
  unreadable: UnreadableJobs
  orphans: Orphans
  deadLetterCounts?: DeadLetterCounts
  redis: Redis
}

export interface UpkeepSettings extends Retention {
  /** A result may lie in no list, too. */
  resultQueue: string
}

export class Upkeep {
  readonly #parts: UpkeepParts
  readonly #settings: UpkeepSettings
  readonly #observe: Observe
  readonly #said = new Set<string>()

  constructor(parts: UpkeepParts, settings: UpkeepSettings, observe: Observe) {
    this.#parts = parts
    this.#settings = settings
    this.#observe = observe
  }

  /**
   * Runs every part if this process has the lease, whatever becomes of the others. Rejects when Redis fails; the next run
   * goes on from there.
   */
  async run(): Promise<void> {
    if (!(await this.#parts.leases.take(TASK, LEASE_MS))) return
    const errors: unknown[] = []
    for (const part of this.#all()) await part().catch((error) => errors.push(error))
    const redisErrors = errors.filter(isRedisError)
    for (const error of errors.filter((one) => !isRedisError(one))) this.#say('upkeep', error)
    if (redisErrors.length > 0) throw redisErrors[0]
  }

  #all(): (() => Promise<void>)[] {
    const { queues } = this.#parts
    const ofLanes = LANES.flatMap((lane) => {
      const queue = queues.of(lane)
      return [
        () => this.#adopt(queue.name),
        () => this.#reconcile(queue.name, lane),
        () => this.#endUnreadable(queue, lane),
        () => removeOld(queue, this.#parts.redis, this.#settings),
      ]
    })
    const counts = async () => this.#parts.deadLetterCounts?.run()
    return [...ofLanes, () => this.#adopt(this.#settings.resultQueue), counts]
  }

  async #adopt(queue: string): Promise<void> {
    const { orphans, reconciler } = this.#parts
    const found = await orphans.adopt(queue)
    for (const { id: lookupId } of found) this.#observe({ type: 'adopted', lookupId })
    if (found.some(({ place }) => place === 'failed')) reconciler.forget(queue)
  }

  #reconcile(queue: string, lane: Lane): Promise<void> {
    const { reconciler, publisher } = this.#parts
    return reconciler.run(queue, (job) => this.#seeTo(takenStored(job, lane), (taken) => publisher.poison(taken)))
  }

  async #endUnreadable(queue: Queue, lane: Lane): Promise<void> {
    const { publisher, unreadable } = this.#parts
    for (const found of await unreadable.find(queue)) {
      await this.#seeTo(takenStored(found.job, lane), async (taken) => {
        await publisher.unreadable(taken, found.problem)
        await unreadable.remove(found)
      })
    }
  }

  /** Called when this process stops, so that another one may take over at once. */
  async leave(): Promise<void> {
    await this.#parts.leases.giveUp(TASK)
  }

  /** An error that one lookup brings out must not keep the others from being handled. */
  async #seeTo(taken: TakenLookup, work: (taken: TakenLookup) => Promise<void>): Promise<void> {
    try {
      await work(taken)
    } catch (error) {
      if (isRedisError(error)) throw error
      this.#say(taken.lookupId, error)
    }
  }

  /** Says an error once for each lookup, because it comes again with every run. */
  #say(lookupId: string, error: unknown): void {
    const what = `${lookupId} ${(error as Error | null)?.message}`
    if (this.#said.has(what)) return
    if (this.#said.size >= SAID_MAX) this.#said.clear()
    this.#said.add(what)
    this.#observe({ type: 'internal-error', lookupId, where: 'upkeep', error })
  }
}
