/**
 * Finds lookups that gave up without a result. BullMQ fails a lookup that stalled too often without running it, and
 * reports that only inside one process. If that process dies at that moment, only the failed set knows.
 */

import type { Job, Queue } from 'bullmq'
import type { LookupHistories } from '../queues/lookup-history.ts'
import type { LookupIdentity } from '../redis/names.ts'

/** The failed set is read newest first, in pages, back to what was looked at before. */
const PAGE = 500
/** The workers' clocks differ: what another process failed may carry an earlier time. */
const OVERLAP_MS = 900_000

export class Reconciler {
  readonly #histories: LookupHistories
  readonly #markerTtlMs: number
  #doneUpTo = new Map<string, number>()

  /**
   * `markerTtlMs`: how long a marker lives. A dead letter older than that has lost its marker, not its result, so it is
   * not looked at.
   */
  constructor(histories: LookupHistories, { markerTtlMs }: { markerTtlMs: number }) {
    this.#histories = histories
    this.#markerTtlMs = markerTtlMs
  }

  /**
   * Hands each failed lookup without a result to `conclude`, unless an earlier run has looked at it. If `conclude`
   * rejects, so does this, and the next run looks at them again.
   */
  async run(
    queue: Queue,
    identify: (job: Job) => LookupIdentity,
    conclude: (job: Job) => Promise<void>,
  ): Promise<void> {
    const at = await this.#histories.time()
    const until = Math.max((this.#doneUpTo.get(queue.name) ?? 0) - OVERLAP_MS, at - this.#markerTtlMs)
    for (let start = 0; ; start += PAGE) {
      const page = await queue.getFailed(start, start + PAGE - 1)
      const jobs = page.filter((job): job is Job => job != null) // a job that was removed between two reads
      const fresh = jobs.filter(({ finishedOn = 0 }) => finishedOn > until)
      for (const job of await this.#withoutResult(fresh, identify)) await conclude(job)
      if (page.length === 0 || fresh.length < jobs.length) break
    }
    this.#doneUpTo.set(queue.name, at)
  }

  /** The next run looks at everything again. */
  forget(queue: string): void {
    this.#doneUpTo.delete(queue)
  }

  async #withoutResult(jobs: Job[], identify: (job: Job) => LookupIdentity): Promise<Job[]> {
    const lookups = new Map(jobs.map((job) => [identify(job), job]))
    const without = await this.#histories.withoutResult([...lookups.keys()])
    return without.map((lookup) => lookups.get(lookup) as Job)
  }
}
