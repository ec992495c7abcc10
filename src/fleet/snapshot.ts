/** What many look at, read from Redis once a second at most, however many they are. */

import { monotonic } from '../clock.ts'

const FRESH_MS = 1000

export class Snapshot<T> {
  readonly #read: () => Promise<T>
  #last: { at: number; value: Promise<T> } | null = null

  constructor(read: () => Promise<T>) {
    this.#read = read
  }

  get(): Promise<T> {
    if (this.#last && monotonic() - this.#last.at < FRESH_MS) return this.#last.value
    const taken = { at: monotonic(), value: this.#read() }
    taken.value.catch(() => {
      if (this.#last === taken) this.#last = null // whoever asks next tries again
    })
    this.#last = taken
    return taken.value
  }

  /** Whoever has changed something wants to see it. */
  drop(): void {
    this.#last = null
  }
}
