/**
 * Finds lookups that gave up without a result. BullMQ fails a lookup that stalled too often without running it, and says
 * so only inside one process; if that process dies at that moment, nobody knows but the failed set.
 */

import type { Job, Queue } from 'bullmq'
import type { LookupHistories } from './lookup-history.ts'
import type { LookupIdentity } from './names.ts'

/** The failed set is read newest first, in pages, back to what was looked at before. */
const PAGE = 500
/** Members' clocks differ; what another process failed "earlier" may come later. */
const OVERLAP_MS = 120_000

export class Reconciler {
  readonly #histories: LookupHistories
  #doneUpTo = new Map<string, number>()

  constructor(histories: LookupHistories) {
    this.#histories = histories
  }

  /** The failed lookups of a queue that have no result, of those that were not looked at before. */
  async find<T extends LookupIdentity>(queue: Queue, identify: (job: Job) => T): Promise<{ job: Job; lookup: T }[]> {
    const found: { job: Job; lookup: T }[] = []
    const until = (this.#doneUpTo.get(queue.name) ?? 0) - OVERLAP_MS
    let newest = until
    for (let start = 0; ; start += PAGE) {
      const jobs = (await queue.getFailed(start, start + PAGE - 1)).filter((job): job is Job => job != null)
      for (const { finishedOn = 0 } of jobs) newest = Math.max(newest, finishedOn)
      const fresh = jobs.filter(({ finishedOn = 0 }) => finishedOn > until)
      const lookups = new Map(fresh.map((job) => [identify(job), job]))
      const without = await this.#histories.withoutResult([...lookups.keys()])
      for (const lookup of without) found.push({ job: lookups.get(lookup) as Job, lookup })
      if (fresh.length < PAGE) break
    }
    this.#doneUpTo.set(queue.name, newest)
    return found
  }
}
