/** What many look at, read from Redis once in a while at most, however many they are. */

import { monotonic } from '../clock.ts'

/** Whoever comes each second sees something new. */
const FRESH_MS = 950

export class Snapshot<T> {
  readonly #read: () => Promise<T>
  readonly #freshMs: number
  #last: { at: number; value: Promise<T> } | null = null

  constructor(read: () => Promise<T>, freshMs = FRESH_MS) {
    this.#read = read
    this.#freshMs = freshMs
  }

  get(): Promise<T> {
    if (this.#last && monotonic() - this.#last.at < this.#freshMs) return this.#last.value
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

const MOST_KEPT = 100

/** The same for each of several things that are asked for by name. */
export class Snapshots<T> {
  readonly #read: (name: string) => Promise<T>
  readonly #kept = new Map<string, Snapshot<T>>()

  constructor(read: (name: string) => Promise<T>) {
    this.#read = read
  }

  get(name: string): Promise<T> {
    const kept = this.#kept.get(name) ?? new Snapshot(() => this.#read(name))
    this.#kept.set(name, kept)
    if (this.#kept.size > MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value as string)
    return kept.get()
  }

  drop(): void {
    this.#kept.clear()
  }
}
