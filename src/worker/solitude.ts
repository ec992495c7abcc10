/**
 * Runs a suspect of a crash alone. A process that dies takes everything that it has in hand with it, and nobody can see
 * from outside which lookup was the cause. So a lookup whose process has died more than once runs in a process that has
 * nothing else in hand: if that one dies too, there is no doubt. No other lookup pays for it, however many are beside it.
 */

import { orAborted } from '../clock.ts'
import type { Attempt } from './attempt.ts'

/** One of those that take lookups in this process. */
export interface Companion {
  /** Takes no more lookups and hands back those that have not called. Resolves when only `attempt` is left. */
  stepAside(attempt: Attempt): Promise<void>
  comeBack(): void
}

export class Solitude {
  readonly #companions: Companion[] = []
  #alone: Attempt | null = null

  join(companion: Companion): void {
    this.#companions.push(companion)
  }

  /** A lookup runs alone, or is about to: any other that is taken up has to make way. */
  get isTaken(): boolean {
    return this.#alone !== null
  }

  /** True when `attempt` is alone; false if somebody else is. Rejects with the reason when it is taken away meanwhile. */
  async enter(attempt: Attempt): Promise<boolean> {
    if (this.#alone !== null) return false
    this.#alone = attempt
    await orAborted(Promise.all(this.#companions.map((companion) => companion.stepAside(attempt))), attempt.signal)
    return true
  }

  /** Does nothing if the attempt was not alone. */
  leave(attempt: Attempt): void {
    if (this.#alone !== attempt) return
    this.#alone = null
    for (const companion of this.#companions) companion.comeBack()
  }
}
