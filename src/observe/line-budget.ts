/**
 * A budget for log lines that may come for each of thousands of lookups at once, as when Redis is back after their locks
 * have ended. Each kind may log this many a second; its next line says how many were left out. Metrics count all of them.
 */

/** Two or three kinds come at once, so a fleet of some workers stays well below 50 lines a second. */
const LINES_A_SECOND = 5

export class LineBudget {
  readonly #clock: () => number
  readonly #kinds = new Map<string, { since: number; said: number; left: number }>()

  /** `clock` is monotonic, in milliseconds. */
  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** Null: do not log it. Otherwise how many of its kind were left out before it. */
  ask(kind: string): number | null {
    const at = this.#clock()
    const known = this.#kinds.get(kind) ?? { since: at, said: 0, left: 0 }
    this.#kinds.set(kind, known)
    if (at - known.since >= 1000) Object.assign(known, { since: at, said: 0 })
    if (known.said >= LINES_A_SECOND) {
      known.left++
      return null
    }
    known.said++
    const { left } = known
    known.left = 0
    return left
  }
}
