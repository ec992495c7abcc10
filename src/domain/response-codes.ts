/** The operator's lists of `responseCode`s; null: the list is unset. */
export interface ResponseCodes {
  readonly enriched: ReadonlySet<number> | null
  readonly notFound: ReadonlySet<number> | null
  readonly retry: ReadonlySet<number>
  readonly hold: ReadonlySet<number>
}

/**
 * What response codes mean now: what the lists say, and what operators have accepted since (`release --accept-code`). An
 * accepted code means not found, as if it were in that list. If the list is unset, every answer without a ChatRequest
 * means not found.
 */
export class CodeMeanings implements ResponseCodes {
  readonly enriched: ReadonlySet<number> | null
  readonly retry: ReadonlySet<number>
  readonly hold: ReadonlySet<number>
  readonly #listed: ReadonlySet<number> | null
  #accepted: ReadonlySet<number> = new Set()
  #notFound: ReadonlySet<number> | null

  constructor({ enriched, notFound, retry, hold }: ResponseCodes) {
    this.enriched = enriched
    this.retry = retry
    this.hold = hold
    this.#listed = notFound
    this.#notFound = notFound
  }

  get notFound(): ReadonlySet<number> | null {
    return this.#notFound
  }

  /** All that operators have accepted until now. */
  accept(codes: ReadonlySet<number>): void {
    this.#accepted = codes
    this.#notFound = this.#listed && new Set([...this.#listed, ...codes])
  }

  /** Somebody has said what this code means. */
  isKnown(code: number): boolean {
    const lists = [this.enriched, this.#notFound, this.retry, this.hold, this.#accepted]
    return lists.some((list) => list?.has(code))
  }
}
