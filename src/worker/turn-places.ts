/**
 * How many lookups go on from their answers in one turn of the event loop. Without a limit, lookups that are answered
 * together stay together: the worker goes through all of them while Redis has nothing to do, then Redis answers all of them
 * while the worker has nothing to do, and hardly a call is on the way meanwhile (docs/performance.md).
 */
export class TurnPlaces {
  readonly #most: number
  #taken = 0
  #isDue = false
  readonly #line: (() => void)[] = []

  /** `most`: in one turn. */
  constructor(most: number) {
    this.#most = most
  }

  /** Null: go on now. Else resolves in the turn that has a place, in the order of asking. */
  take(): Promise<void> | null {
    this.#makeDue()
    if (this.#taken < this.#most && this.#line.length === 0) {
      this.#taken++
      return null
    }
    return new Promise((resolve) => this.#line.push(resolve))
  }

  #makeDue(): void {
    if (this.#isDue) return
    this.#isDue = true
    setImmediate(() => this.#nextTurn())
  }

  #nextTurn(): void {
    this.#isDue = false
    const next = this.#line.splice(0, this.#most)
    this.#taken = next.length
    if (next.length > 0) this.#makeDue()
    for (const goOn of next) goOn()
  }
}
