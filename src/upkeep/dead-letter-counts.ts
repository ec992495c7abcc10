/**
 * How many dead letters there are of each failure, for the metric. There may be 100,000s, so one process of the fleet counts
 * them, once a minute and in small steps, and every process says what it counted last.
 */

import { monotonic } from '../clock.ts'
import { LANES, type Lane } from '../domain/lane.ts'
import { foundLookup } from '../queues/found-lookup.ts'
import { type Bookmark, type Step, Walk } from '../queues/walk.ts'
import type { Redis } from '../redis/connections.ts'
import { deadLettersKey, type QueueNames, queueOf } from '../redis/names.ts'

const COUNT_EVERY_MS = 60_000
/** Of many, counting takes longer; it takes no more than a fiftieth of the time. */
const REST = 50
const KEPT_MS = 3_600_000
const STEP = { look: 1000, send: 1000 }
const ALL = { inData: [], inEnd: [], after: null, before: null }

export class DeadLetterCounts {
  readonly #redis: Redis
  readonly #names: QueueNames
  #nextAt = Number.NEGATIVE_INFINITY

  constructor(redis: Redis, names: QueueNames) {
    this.#redis = redis
    this.#names = names
  }

  /** Counts, if it is time. Rejects when Redis fails. */
  async run(): Promise<void> {
    const began = monotonic()
    if (began < this.#nextAt) return
    const counts = new Map<string, number>()
    for (const lane of LANES) await this.#count(lane, counts)
    const key = deadLettersKey(this.#names)
    const told = this.#redis.multi().del(key)
    for (const [failure, count] of counts) told.hset(key, failure, count)
    await told.pexpire(key, KEPT_MS).exec()
    const tookMs = monotonic() - began
    this.#nextAt = monotonic() + Math.max(COUNT_EVERY_MS, REST * tookMs)
  }

  async #count(lane: Lane, counts: Map<string, number>): Promise<void> {
    const walk = new Walk(this.#redis, this.#names)
    const place = { queue: queueOf(this.#names, lane), place: 'failed' } as const
    for (let bookmark: Bookmark | null = null, isFirst = true; isFirst || bookmark; isFirst = false) {
      const step: Step = await walk.step(place, bookmark, ALL, STEP)
      for (const job of step.jobs) {
        const failure = foundLookup(job, lane, 0).failure ?? UNKNOWN
        counts.set(failure, (counts.get(failure) ?? 0) + 1)
      }
      bookmark = step.next
      if (bookmark) await walk.rest()
    }
  }
}

const UNKNOWN = 'unknown'

/** As they were counted last. */
export async function readDeadLetterCounts(redis: Redis, names: QueueNames): Promise<Record<string, number>> {
  const found = await redis.hgetall(deadLettersKey(names))
  return Object.fromEntries(Object.entries(found).map(([failure, count]) => [failure, Number(count)]))
}
