/** Every SOAP request in the order of arrival: the ground truth of how often the service was really called. */

import type { EnvelopeVersion } from './reply.ts'

export interface LoggedRequest {
  /** Milliseconds since 1970, with fractions: when the request had arrived in full. */
  at: number
  /** ChatConnectionIDBD; null if there was none to read. */
  id: string | null
  /** null: the request broke off before its version was known, or came from the test form. */
  soapVersion: EnvelopeVersion | null
  /** Kind of answer: `answer`, `fault`, `invalid-credentials`, a kind of fault, why it was refused, or `broken-off`. */
  outcome: string
  /** null: no status was sent. */
  status: number | null
}

export interface RequestStats {
  calls: number
  byOutcome: Record<string, number>
  maxInAnySlidingSecond: number
  inFlight: number
  maxInFlight: number
  firstAt: number | null
  lastAt: number | null
  /** Number of oldest entries that were dropped because the log was full. The counts above still include them. */
  dropped: number
}

const CAPACITY = 2_000_000
const SECOND = 1000

export class RequestLog implements Iterable<LoggedRequest> {
  readonly #capacity: number
  #entries: LoggedRequest[] = []
  #dropped = 0
  #inFlight = 0
  #maxInFlight = 0
  #figures = noFigures()
  #waiting: { calls: number; resolve: () => void }[] = []

  constructor(capacity = CAPACITY) {
    this.#capacity = capacity
  }

  /** Number of requests that are kept. */
  get length(): number {
    return this.#entries.length
  }

  at(index: number): LoggedRequest | undefined {
    return this.#entries.at(index)
  }

  [Symbol.iterator](): Iterator<LoggedRequest> {
    return this.#entries[Symbol.iterator]()
  }

  /** A copy, in order of arrival. */
  all(): LoggedRequest[] {
    return [...this.#entries]
  }

  /** Requests for this connection id, or all requests. */
  count(id?: string | null): number {
    if (id === undefined) return this.#entries.length
    return this.#entries.reduce((sum, entry) => (entry.id === id ? sum + 1 : sum), 0)
  }

  /** Most arrivals within less than 1,000 ms of each other. */
  maxInAnySlidingSecond(): number {
    this.#addUp()
    return this.#figures.maxInSecond
  }

  /** Resolves once this many requests have arrived since the start, or since the last clear. */
  async arrived(calls: number): Promise<void> {
    if (this.#dropped + this.#entries.length >= calls) return
    await new Promise<void>((resolve) => this.#waiting.push({ calls, resolve }))
  }

  /** Forgets all requests except those that are still being answered. */
  clear(): void {
    this.#entries = []
    this.#dropped = 0
    this.#maxInFlight = this.#inFlight
    this.#figures = noFigures()
  }

  stats(): RequestStats {
    this.#addUp()
    const { calls, byOutcome, maxInSecond, firstAt, lastAt } = this.#figures
    return {
      calls,
      byOutcome: Object.fromEntries(byOutcome),
      maxInAnySlidingSecond: maxInSecond,
      inFlight: this.#inFlight,
      maxInFlight: this.#maxInFlight,
      firstAt,
      lastAt,
      dropped: this.#dropped,
    }
  }

  push(entry: LoggedRequest): void {
    if (this.#entries.length >= this.#capacity) this.#drop()
    this.#entries.push(entry)
    if (this.#waiting.length > 0) this.#wake()
  }

  began(): void {
    this.#inFlight += 1
    if (this.#inFlight > this.#maxInFlight) this.#maxInFlight = this.#inFlight
  }

  ended(): void {
    this.#inFlight -= 1
  }

  /** Drops a tenth at a time, because moving the rest down is too dear to do for each request. */
  #drop(): void {
    this.#addUp()
    const count = Math.ceil(this.#capacity / 10)
    this.#entries.splice(0, count)
    this.#dropped += count
  }

  #wake(): void {
    const calls = this.#dropped + this.#entries.length
    const ready = this.#waiting.filter((waiting) => waiting.calls <= calls)
    this.#waiting = this.#waiting.filter((waiting) => waiting.calls > calls)
    for (const { resolve } of ready) resolve()
  }

  /** Adds up what has arrived since the last question. So a request costs one push, and a question only what is new. */
  #addUp(): void {
    const figures = this.#figures
    for (let i = figures.calls - this.#dropped; i < this.#entries.length; i += 1) {
      const { at, outcome } = this.#entries[i] as LoggedRequest
      figures.calls += 1
      figures.byOutcome.set(outcome, (figures.byOutcome.get(outcome) ?? 0) + 1)
      figures.firstAt ??= at
      figures.lastAt = at
      slide(figures, at)
    }
  }
}

interface Figures {
  calls: number
  byOutcome: Map<string, number>
  firstAt: number | null
  lastAt: number | null
  maxInSecond: number
  /** Arrivals within the second before the last one; they begin at `windowStart`. */
  window: number[]
  windowStart: number
}

function noFigures(): Figures {
  return { calls: 0, byOutcome: new Map(), firstAt: null, lastAt: null, maxInSecond: 0, window: [], windowStart: 0 }
}

function slide(figures: Figures, at: number): void {
  const { window } = figures
  window.push(at)
  while ((window[figures.windowStart] as number) <= at - SECOND) figures.windowStart += 1
  figures.maxInSecond = Math.max(figures.maxInSecond, window.length - figures.windowStart)
  // Arrivals that have left the window are cut off now and then, so that it does not grow with the log.
  if (figures.windowStart > 1024 && figures.windowStart * 2 > window.length) {
    window.splice(0, figures.windowStart)
    figures.windowStart = 0
  }
}
