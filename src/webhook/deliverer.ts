/**
 * Posts results one after the other; as many of these run as results may be on the way. A result leaves the queue only after a
 * 2xx. One that is not taken goes back with a delay, however often, and others go before it; none is ever given up.
 */

import { sleep } from '../clock.ts'
import type { Observe } from '../domain/event.ts'
import type { Result } from '../domain/result.ts'
import type { Pace } from './pace.ts'
import type { Delivery, Poster } from './post.ts'

/** How a result is taken. `times`: how often it has been, now included. */
export interface Taken {
  id: string
  times: number
}

/**
 * Where results come from. `again(afterMs)` makes what `take` throws so that the result comes again; another error means that
 * it is put back at once. False: there was none.
 */
export interface ResultSource {
  next(take: (result: Result, taken: Taken) => Promise<void>, wait: boolean): Promise<boolean>
}

export interface DelivererParts {
  source: ResultSource
  poster: Pick<Poster, 'post'>
  pace: Pace
  again: (afterMs: number) => Error
}

const AFTER_TROUBLE_MS = 1_000

export class Deliverer {
  readonly #parts: DelivererParts
  readonly #observe: Observe

  constructor(parts: DelivererParts, observe: Observe) {
    this.#parts = parts
    this.#observe = observe
  }

  /** Until `stop` aborts, and the try on the way has ended or `cut` has aborted it. */
  async run(stop: AbortSignal, cut: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      try {
        await this.#once(stop, cut)
      } catch {
        // Redis is in trouble, which its connection tells; or we stop.
        await sleep(AFTER_TROUBLE_MS, stop).catch(() => {})
      }
    }
  }

  async #once(stop: AbortSignal, cut: AbortSignal): Promise<void> {
    const { pace, source } = this.#parts
    const done = await pace.turn(stop)
    try {
      await source.next((result, taken) => this.#deliver(result, taken, stop, cut), true)
    } finally {
      done()
    }
  }

  async #deliver(result: Result, { id, times }: Taken, stop: AbortSignal, cut: AbortSignal): Promise<void> {
    stop.throwIfAborted() // taken while we were told to stop: it goes back
    const { poster, pace, again } = this.#parts
    const delivery = await poster.post(id, JSON.stringify(result), cut)
    this.#hear(delivery)
    if (delivery.outcome !== 'delivered') throw again(pace.backoff(times))
  }

  #hear(delivery: Delivery): void {
    const { pace } = this.#parts
    const before = pace.held
    pace.hear(delivery)
    this.#observe({ type: 'result-posted', ...delivery })
    if (pace.held !== before) this.#observe({ type: 'webhook-held', why: pace.held })
  }
}
