/**
 * A rest for a worker whose Redis refuses what a fetch needs (out of memory, a command that its ACL forbids, a key of the
 * wrong type), because BullMQ would ask again thousands of times a second. Each rest is twice as long as the one before,
 * until all has been well for a while.
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

  /** Redis refused a moment ago, or so recently that nobody knows whether it still would. */
  get isRecent(): boolean {
    return this.#tap.isShutBy('rest') || monotonic() - this.#endedAt < WELL_AFTER_MS
  }

  /** Stops fetching for a while, and then goes on by itself. Running lookups go on. */
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
