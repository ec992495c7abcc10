/**
 * A rest for a worker whose Redis says no to what a fetch needs (out of memory, a command its ACL forbids, a key of the
 * wrong type): BullMQ would ask again thousands of times a second. Each rest is twice the one before, until all has been
 * well for a while.
 */

import { monotonic, sleep } from '../clock.ts'
import type { Tap } from './tap.ts'

const REST_MS = { min: 500, max: 10_000 }
/** Longer than anything waits before it asks Redis again, so that readiness does not flap. */
const WELL_AFTER_MS = 6_000

export class Rest {
  readonly #tap: Tap
  #ms = REST_MS.min
  #endedAt = Number.NEGATIVE_INFINITY

  constructor(tap: Tap) {
    this.#tap = tap
  }

  /** Redis said no a moment ago, or so recently that nobody knows whether it would again. */
  get isRecent(): boolean {
    return this.#tap.isShutBy('rest') || monotonic() - this.#endedAt < WELL_AFTER_MS
  }

  /** Stops fetching for a while, and goes on by itself. What is running runs on. */
  take(): void {
    if (this.#tap.isShutBy('rest') || this.#tap.isShutBy('stop')) return
    const wasWell = monotonic() - this.#endedAt > REST_MS.max
    this.#ms = wasWell ? REST_MS.min : Math.min(this.#ms * 2, REST_MS.max)
    this.#tap.shut('rest')
    void sleep(this.#ms).then(() => {
      this.#endedAt = monotonic()
      this.#tap.open('rest')
    })
  }
}
