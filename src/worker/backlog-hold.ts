/** Holds the fleet while nobody consumes the results, well before Redis is full of them. */

import type { Observe } from '../domain/event.ts'
import type { Holds } from '../gate/holds.ts'

export const BACKLOG_LOOK_EVERY_MS = 1000
/** Renewed at every look. If nobody looks any more, the hold ends. */
const HOLD_FOR_MS = 10_000
/** The hold ends well below the limit. Otherwise the fleet would stop and go with every result that is consumed. */
const ENDS_BELOW = 0.9

export class BacklogHold {
  readonly #holds: Holds
  readonly #waiting: () => Promise<number>
  readonly #limit: number
  readonly #observe: Observe
  #isOn = false

  /** `waiting` counts the results that nobody has consumed. */
  constructor(holds: Holds, waiting: () => Promise<number>, limit: number, observe: Observe) {
    this.#holds = holds
    this.#waiting = waiting
    this.#limit = limit
    this.#observe = observe
  }

  async look(): Promise<void> {
    const waiting = await this.#waiting()
    const isFull = waiting >= this.#limit || (this.#isOn && waiting >= this.#limit * ENDS_BELOW)
    if (isFull) {
      const why = `${waiting} results wait to be consumed, RESULT_BACKLOG_LIMIT is ${this.#limit}`
      if (await this.#holds.begin('results', why, HOLD_FOR_MS)) this.#observe({ type: 'hold-began', reason: 'results' })
    } else if (this.#isOn) {
      await this.#holds.end('results')
    }
    this.#isOn = isFull
  }
}
