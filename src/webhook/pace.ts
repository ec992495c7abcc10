/**
 * When the next result may be posted. While the receiver takes results, at once. While it does not, nobody posts for a time
 * that doubles, and then one alone tries. After 410, or hours without one 2xx, that is one try every five minutes: a hold.
 */

import { monotonic, type Signal, sleep } from '../clock.ts'
import type { Delivery } from './post.ts'

export interface PaceSettings {
  /** Backoff, with full jitter. */
  minMs: number
  maxMs: number
  /** Without one 2xx for so long it holds. */
  holdAfterMs: number
  /** From try to try while it holds. */
  holdMs: number
}

export const USUAL_PACE: PaceSettings = { minMs: 1_000, maxMs: 300_000, holdAfterMs: 4 * 3_600_000, holdMs: 300_000 }

export type WebhookHold = 'gone' | 'silent'

/** One refused result is its own trouble; so many in a row, with no other answer, are the receiver's. */
const MANY_REFUSED = 10
/** Whoever waits looks so often whether the trouble is over. */
const LOOK_MS = 1_000
const LOOK_AT_TURN_MS = 100

export class Pace {
  readonly #settings: PaceSettings
  #failures = 0
  #pausedUntil = 0
  #failingSince: number | null = null
  #isTroubled = false
  #isTrying = false
  #held: WebhookHold | null = null

  constructor(settings: PaceSettings) {
    this.#settings = settings
  }

  /** Why it holds; null: it does not. */
  get held(): WebhookHold | null {
    return this.#held
  }

  /** Resolves when the caller may post; it calls what this resolves to when it has, or had nothing to post. */
  async turn(signal: Signal): Promise<() => void> {
    for (;;) {
      signal.throwIfAborted()
      const waitMs = this.#pausedUntil - monotonic()
      if (waitMs > 0) await sleep(Math.min(waitMs, LOOK_MS), signal)
      else if (!this.#isTroubled) return () => {}
      else if (!this.#isTrying) return this.#tryAlone()
      else await sleep(LOOK_AT_TURN_MS, signal)
    }
  }

  /** Takes in how a try ended. */
  hear(delivery: Delivery): void {
    if (delivery.outcome === 'delivered') this.#recover()
    else this.#fail(delivery)
  }

  /** How long a result waits that was posted `times` times in vain. */
  backoff(times: number): number {
    const { minMs, maxMs } = this.#settings
    return Math.random() * Math.min(maxMs, minMs * 2 ** Math.min(times - 1, 30))
  }

  #tryAlone(): () => void {
    this.#isTrying = true
    return () => {
      this.#isTrying = false
    }
  }

  #recover(): void {
    this.#failures = 0
    this.#pausedUntil = 0
    this.#failingSince = null
    this.#isTroubled = false
    this.#held = null
  }

  #fail({ outcome, retryAfterMs }: Delivery): void {
    const at = monotonic()
    this.#failures++
    this.#failingSince ??= at
    if (outcome === 'gone') this.#held = 'gone'
    else if (at - this.#failingSince >= this.#settings.holdAfterMs) this.#held ??= 'silent'
    if (outcome === 'refused' && this.#failures < MANY_REFUSED && this.#held === null) return
    this.#isTroubled = true
    const pauseMs = this.#held ? this.#settings.holdMs : (retryAfterMs ?? this.backoff(this.#failures))
    this.#pausedUntil = Math.max(this.#pausedUntil, at + pauseMs)
  }
}
