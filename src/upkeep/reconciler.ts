/**
 * Finds lookups that gave up without a result. BullMQ fails a lookup that stalled too often without running it, and
 * reports that only inside one process. If that process dies at that moment, only the failed set knows.
 */

import { keysOf } from '../queues/bull-layout.ts'
import type { LookupHistories } from '../queues/lookup-history.ts'
import { readJobs, type StoredJob } from '../queues/stored-jobs.ts'
import { identityOf } from '../queues/taken-lookup.ts'
import type { Redis } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'

/** The failed set is read newest first, in pages, back to what was looked at before. */
const PAGE = 500
/** The workers' clocks differ: what another process failed may carry an earlier time. */
const OVERLAP_MS = 900_000

interface FailedAt {
  id: string
  finishedOn: number
}

export class Reconciler {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #histories: LookupHistories
  readonly #markerTtlMs: number
  #doneUpTo = new Map<string, number>()

  /**
   * `markerTtlMs`: how long a marker lives. A dead letter older than that has lost its marker, not its result, so it is
   * not looked at.
   */
  constructor(redis: Redis, names: QueueNames, histories: LookupHistories, { markerTtlMs }: { markerTtlMs: number }) {
    this.#redis = redis
    this.#names = names
    this.#histories = histories
    this.#markerTtlMs = markerTtlMs
  }

  /**
   * Hands each failed lookup without a result to `conclude`, unless an earlier run has looked at it. If `conclude`
   * rejects, so does this, and the next run looks at them again.
   */
  async run(queue: string, conclude: (job: StoredJob) => Promise<void>): Promise<void> {
    const at = await this.#histories.time()
    const until = Math.max((this.#doneUpTo.get(queue) ?? 0) - OVERLAP_MS, at - this.#markerTtlMs)
    for (let start = 0; ; start += PAGE) {
      const page = await this.#failed(queue, start)
      const fresh = page.filter(({ finishedOn }) => finishedOn > until).map(({ id }) => id)
      for (const job of await this.#stillFailed(queue, await this.#withoutResult(queue, fresh), page))
        await conclude(job)
      if (page.length === 0 || fresh.length < page.length) break
    }
    this.#doneUpTo.set(queue, at)
  }

  /** The next run looks at everything again. */
  forget(queue: string): void {
    this.#doneUpTo.delete(queue)
  }

  async #failed(queue: string, start: number): Promise<FailedAt[]> {
    const key = keysOf(this.#names, queue)('failed')
    const found = await this.#redis.zrevrange(key, start, start + PAGE - 1, 'WITHSCORES')
    return Array.from({ length: found.length / 2 }, (_, index) => ({
      id: found[2 * index] ?? '',
      finishedOn: Number(found[2 * index + 1]),
    }))
  }

  async #withoutResult(queue: string, ids: string[]): Promise<StoredJob[]> {
    const jobs = await readJobs(this.#redis, this.#names, queue, ids) // less those that were removed between two reads
    const lookups = new Map(jobs.map((job) => [identityOf(job), job]))
    const without = await this.#histories.markers.missing([...lookups.keys()])
    return without.map((lookup) => lookups.get(lookup) as StoredJob)
  }

  /** Less those that were put back between the two reads: what was read of such a job is its next run, still without a result. */
  async #stillFailed(queue: string, jobs: StoredJob[], page: FailedAt[]): Promise<StoredJob[]> {
    const key = keysOf(this.#names, queue)('failed')
    const scores = await Promise.all(jobs.map(({ id }) => this.#redis.zscore(key, id)))
    const before = new Map(page.map(({ id, finishedOn }) => [id, finishedOn]))
    return jobs.filter(({ id }, index) => Number(scores[index] ?? Number.NaN) === before.get(id))
  }
}
