/** The lookups that a worker has in hand, and why one is taken away from its run. */

import { BriefMap } from '../domain/brief-map.ts'
import type { Attempt } from './attempt.ts'

/** The lookup goes back to its place, uncharged. */
export class HandBack extends Error {}
/** The same, because a suspect is to run alone. */
export class MakeWay extends HandBack {}
/** Another worker takes the lookup up, or has done so. */
export class LockLost extends Error {}

export class InHand {
  readonly #attempts = new BriefMap<string, Attempt>()
  #waiter: { forAllBut: Attempt; done: () => void } | null = null

  get size(): number {
    return this.#attempts.size
  }

  add(lookupId: string, attempt: Attempt): void {
    this.#attempts.set(lookupId, attempt)
  }

  remove(lookupId: string, attempt: Attempt): void {
    // A run that lost its lock may end after the next run of the same lookup has begun.
    if (this.#attempts.get(lookupId) === attempt) this.#attempts.delete(lookupId)
    if (this.#waiter) this.#tellWaiter()
  }

  take(lookupId: string, reason: Error): void {
    this.#attempts.get(lookupId)?.cancel(reason)
  }

  handBackAll(reason: HandBack): void {
    for (const attempt of this.#attempts.values()) attempt.cancel(reason)
  }

  /** Hands back the lookups that still wait for their first permit: nothing is lost with them. */
  handBackUncalled(reason: HandBack, except?: Attempt): void {
    for (const attempt of this.#attempts.values()) if (attempt !== except && !attempt.hasCalled) attempt.cancel(reason)
  }

  /** Resolves when nothing is in hand but `attempt`, or another one is waited for. */
  untilOnly(attempt: Attempt): Promise<void> {
    return new Promise((done) => {
      this.#waiter = { forAllBut: attempt, done }
      this.#tellWaiter()
    })
  }

  #tellWaiter(): void {
    for (const attempt of this.#attempts.values()) if (attempt !== this.#waiter?.forAllBut) return
    this.#waiter?.done()
    this.#waiter = null
  }
}
