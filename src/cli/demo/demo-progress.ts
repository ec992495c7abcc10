/** How far the demo is: rate, backlog and latency; a bar on a terminal, a line now and then in a log. */

import { Presets, SingleBar } from 'cli-progress'
import { monotonic } from '../../clock.ts'
import type { Result } from '../../domain/result.ts'
import type { Io } from '../terminal/io.ts'
import { counted, number, seconds } from '../terminal/terminal.ts'

const SAMPLE = 5
/** How many results the p95 is taken from. */
const RECENT = 500

/** What is kept of the results; not the results themselves, because there may be a million. */
export class Tally {
  readonly sample: Result[] = []
  readonly statuses = new Map<string, number>()
  total = 0
  readonly #latencies: number[] = []

  take(result: Result): void {
    this.total++
    this.statuses.set(result.status, (this.statuses.get(result.status) ?? 0) + 1)
    if (this.sample.length < SAMPLE) this.sample.push(result)
    this.#latencies.push(Date.parse(result.finishedAt) - Date.parse(result.enqueuedAt))
    if (this.#latencies.length > RECENT) this.#latencies.shift()
  }

  p95(): number {
    const sorted = this.#latencies.toSorted((a, b) => a - b)
    return sorted[Math.floor(sorted.length * 0.95)] ?? 0
  }
}

const SHOW_EVERY_MS = { terminal: 100, log: 2000 }

export class LiveProgress {
  readonly #io: Io
  readonly #expected: number
  readonly #tally: Tally
  readonly #startedAt = monotonic()
  readonly #bar: SingleBar | null
  #shownAt = monotonic()

  constructor(io: Io, expected: number, tally: Tally) {
    this.#io = io
    this.#expected = expected
    this.#tally = tally
    const format = '{bar} {value}/{total} | {rate}/s | backlog {backlog} | p95 from enqueue to result {p95}'
    this.#bar = io.stderr.isTTY
      ? new SingleBar({ format, stream: io.stderr, hideCursor: true, gracefulExit: false }, Presets.shades_classic)
      : null
    this.#bar?.start(expected, 0, this.#figures())
  }

  show(): void {
    if (monotonic() - this.#shownAt < (this.#bar ? SHOW_EVERY_MS.terminal : SHOW_EVERY_MS.log)) return
    this.#shownAt = monotonic()
    if (this.#bar) this.#bar.update(this.#tally.total, this.#figures())
    else this.#io.say(this.#line())
  }

  end(): void {
    this.#bar?.update(this.#tally.total, this.#figures())
    this.#bar?.stop()
    if (!this.#bar) this.#io.say(this.#line())
    this.#io.say(`${counted(this.#tally.total, 'result')} in ${seconds(monotonic() - this.#startedAt)}`)
  }

  #figures() {
    return {
      rate: Math.round(this.#tally.total / Math.max(0.001, (monotonic() - this.#startedAt) / 1000)),
      backlog: number.format(this.#expected - this.#tally.total),
      p95: seconds(this.#tally.p95()),
    }
  }

  #line(): string {
    const { rate, backlog, p95 } = this.#figures()
    const done = `${number.format(this.#tally.total)} of ${number.format(this.#expected)}`
    return `${done} | ${rate}/s | backlog ${backlog} | p95 from enqueue to result ${p95}`
  }
}
