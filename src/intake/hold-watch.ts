/** Which holds are on, for whoever waits for results: else one would wait in a hold without knowing for what. */

import { every } from '../clock.ts'

const LOOK_EVERY_MS = 1000

/** What is read of a fleet's gate. */
export interface Holding {
  holds: readonly { reason: string }[]
}

export class HoldWatch<G extends Holding> {
  readonly #read: () => Promise<G>
  readonly #onChange: (gate: G) => void
  readonly #timer: { stop: () => void }
  #known = ''

  /** `onChange` hears of the holds that are on now, and of each change. */
  constructor(read: () => Promise<G>, onChange: (gate: G) => void) {
    this.#read = read
    this.#onChange = onChange
    this.#timer = every(LOOK_EVERY_MS, () => this.look())
    void this.look()
  }

  /** Looks now. Never rejects: where it is not clear whose holds are meant, there is nothing to tell. */
  async look(): Promise<void> {
    const gate = await this.#read().catch(() => null)
    if (!gate) return
    const on = gate.holds.map(({ reason }) => reason).join()
    if (on === this.#known) return
    this.#known = on
    this.#onChange(gate)
  }

  stop(): void {
    this.#timer.stop()
  }
}
