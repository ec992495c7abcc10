/**
 * Actions on many lookups for whoever asks by HTTP. One that takes longer than a request should goes on by itself, until it is
 * done or the API stops; how far it has come is in Redis, where every process of the API sees it.
 */

import { within } from '../clock.ts'
import type { Observe } from '../domain/event.ts'
import type { Hall } from './hall.ts'
import type { PromptHall } from './prompt-hall.ts'

const ANSWERED_WITHIN_MS = 2_000
/** Each asks Redis again and again while it waits. */
const MOST_AT_ONCE = 20
/** A stop waits so long for the last word of each. */
const SAID_WITHIN_MS = 1_000

export class TooManyActions extends Error {}

export interface ActionHandle {
  signal: AbortSignal
  onBegun: (id: string) => void
}

/** What it came to; or, of one that goes on, its id. */
export type Outcome<End> = { end: End } | { id: string }

export class Actions {
  readonly #stopping: AbortSignal
  readonly #observe: Observe
  readonly #running = new Set<Promise<unknown>>()

  constructor(stopping: AbortSignal, observe: Observe) {
    this.#stopping = stopping
    this.#observe = observe
  }

  /** Rejects as `work` does if that is soon. `route`: what the log calls it if it fails later. */
  async run<End extends object>(
    hall: PromptHall,
    route: string,
    work: (hall: Hall, handle: ActionHandle) => Promise<End>,
  ): Promise<Outcome<End>> {
    if (this.#running.size >= MOST_AT_ONCE) throw new TooManyActions(`${MOST_AT_ONCE} actions are going on already`)
    let ended!: Promise<Outcome<End>>
    const begun = new Promise<Outcome<End>>((resolve) => {
      const handle = { signal: this.#stopping, onBegun: (id: string) => resolve({ id }) }
      ended = hall.take((own) => work(own, handle)).then((end) => ({ end }))
    })
    this.#running.add(ended)
    const forget = () => this.#running.delete(ended)
    ended.then(forget, forget)
    if ((await within(ANSWERED_WITHIN_MS, ended)) !== 'late') return ended
    const first = await Promise.race([ended, begun])
    if ('id' in first) ended.catch((error) => this.#failed(route, error))
    return first
  }

  /** Once the signal has aborted: resolves when each has said in Redis that it was stopped. */
  async close(): Promise<void> {
    await within(SAID_WITHIN_MS, Promise.allSettled(this.#running))
  }

  #failed(route: string, error: unknown): void {
    if (!this.#stopping.aborted) this.#observe({ type: 'request-failed', route, error })
  }
}
