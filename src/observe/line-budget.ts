/**
 * A budget for log lines that may come many at once: one for each of thousands of lookups, as when Redis is back after
 * their locks have ended; or one for each part that meets the same trouble. A line that is said says how many of its kind
 * were left out before it. Metrics count all of them.
 */

export interface Budget {
  lines: number
  perMs: number
}

/** Two or three kinds come at once, so a fleet of some workers stays well below 50 lines a second. */
export const OF_LOOKUPS: Budget = { lines: 5, perMs: 1000 }
/** All parts meet trouble with Redis at once, and BullMQ repeats its errors many times a second. */
export const OF_REDIS: Budget = { lines: 1, perMs: 10_000 }

/** Who cannot be told is tried every five seconds. */
export const OF_PEOPLE: Budget = { lines: 1, perMs: 300_000 }

export class LineBudget {
  readonly #clock: () => number
  readonly #kinds = new Map<string, { since: number; said: number; left: number }>()

  /** `clock` is monotonic, in milliseconds. */
  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** Null: do not log it. Otherwise how many of its kind were left out before it. */
  ask(kind: string, { lines, perMs }: Budget): number | null {
    const at = this.#clock()
    const known = this.#kinds.get(kind) ?? { since: at, said: 0, left: 0 }
    this.#kinds.set(kind, known)
    if (at - known.since >= perMs) Object.assign(known, { since: at, said: 0 })
    if (known.said >= lines) {
      known.left++
      return null
    }
    known.said++
    const { left } = known
    known.left = 0
    return left
  }
}
