/** Holds the fleet while nobody consumes the results, well before Redis is full of them. */

import type { Observe } from '../domain/event.ts'
import type { Holds } from '../gate/holds.ts'

export const BACKLOG_LOOK_EVERY_MS = 1000
/** Renewed at every look. If nobody looks any more, the hold ends. */
const HOLD_FOR_MS = 10_000
/** The hold ends well below the limit. Otherwise the fleet would stop and go with every result that is consumed. */
const ENDS_BELOW = 0.9
/** The usual result takes 1.8 KiB in Redis. A larger one counts as several. */
const COUNTS_AS_ONE = 4096
/** Part of Redis' maxmemory that results may fill. Lookups, markers and histories need room, too. */
const PART_OF_MEMORY = 0.5

/** Results that nobody has consumed. */
export interface Backlog {
  count: number
  bytes: number
  /** What Redis may use, bytes; null: it has no limit. */
  maxMemory: number | null
}

export class BacklogHold {
  readonly #holds: Holds
  readonly #measure: () => Promise<Backlog>
  readonly #limit: number
  readonly #observe: Observe
  #isOn = false

  constructor(holds: Holds, measure: () => Promise<Backlog>, limit: number, observe: Observe) {
    this.#holds = holds
    this.#measure = measure
    this.#limit = limit
    this.#observe = observe
  }

  async look(): Promise<void> {
    const { share, why } = this.#judge(await this.#measure())
    const isFull = share >= (this.#isOn ? ENDS_BELOW : 1)
    if (isFull) {
      if (await this.#holds.begin('results', why, HOLD_FOR_MS)) this.#observe({ type: 'hold-began', reason: 'results' })
    } else if (this.#isOn) {
      await this.#holds.end('results')
    }
    this.#isOn = isFull
  }

  /** How full the result queue is, by number, by size or by Redis' memory, whichever is the most: 1 is full. */
  #judge({ count, bytes, maxMemory }: Backlog): { share: number; why: string } {
    const limit = `RESULT_BACKLOG_LIMIT is ${this.#limit}`
    const mib = `${count} results of ${Math.round(bytes / 1_048_576)} MiB wait to be consumed`
    const reasons = [
      { share: count / this.#limit, why: `${count} results wait to be consumed, ${limit}` },
      {
        share: bytes / (this.#limit * COUNTS_AS_ONE),
        why: `${mib}, ${limit}, and a large one counts as several`,
      },
      { share: maxMemory ? bytes / (maxMemory * PART_OF_MEMORY) : 0, why: `${mib}, half of the maxmemory of Redis` },
    ]
    return reasons.reduce((fullest, reason) => (reason.share > fullest.share ? reason : fullest))
  }
}
