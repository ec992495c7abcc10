/**
 * A rest for a worker whose Redis says no to what a fetch needs (out of memory, a command its ACL forbids, a key of the
 * wrong type): BullMQ would ask again thousands of times a second. Each rest is twice the one before, until all has been
 * well for a while.
 */

import { monotonic, sleep } from '../clock.ts'

export interface Restful {
  isPaused(): boolean
  pause(doNotWaitForRunning: boolean): Promise<void>
  resume(): void | Promise<void>
}

const REST_MS = { min: 500, max: 10_000 }
/** Longer than anything waits before it asks Redis again, so that readiness does not flap. */
const WELL_AFTER_MS = 6_000

export class Rest {
  readonly #worker: Restful
  readonly #isStopping: () => boolean
  #ms = REST_MS.min
  #endedAt = Number.NEGATIVE_INFINITY

  constructor(worker: Restful, isStopping: () => boolean) {
    this.#worker = worker
    this.#isStopping = isStopping
  }

  /** Redis said no a moment ago, or so recently that nobody knows whether it would again. */
  get isRecent(): boolean {
    return this.#worker.isPaused() || monotonic() - this.#endedAt < WELL_AFTER_MS
  }

  /** Stops fetching for a while, and goes on by itself. What is running runs on. */
  take(): void {
    if (this.#worker.isPaused() || this.#isStopping()) return
    const wasWell = monotonic() - this.#endedAt > REST_MS.max
    this.#ms = wasWell ? REST_MS.min : Math.min(this.#ms * 2, REST_MS.max)
    void this.#worker.pause(true)
    void sleep(this.#ms).then(() => {
      this.#endedAt = monotonic()
      if (!this.#isStopping()) void this.#worker.resume()
    })
  }
}
