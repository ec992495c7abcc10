/** What many watch, read once a second for all of them, and not at all while nobody does. */

import { every } from '../clock.ts'

const EVERY_MS = 1_000

export interface Watcher {
  /** What is seen, as JSON. */
  seen(json: string): void
  failed(error: unknown): void
}

export class Live<T extends object> {
  readonly #read: () => Promise<T>
  readonly #watchers = new Set<Watcher>()
  #timer: { stop: () => void } | null = null

  constructor(read: () => Promise<T>) {
    this.#read = read
  }

  /** Until what it returns is called. */
  follow(watcher: Watcher): () => void {
    this.#watchers.add(watcher)
    this.#timer ??= every(EVERY_MS, () => this.#look(() => this.#watchers))
    void this.#look(() => [watcher].filter((one) => this.#watchers.has(one)))
    return () => {
      this.#watchers.delete(watcher)
      if (this.#watchers.size > 0) return
      this.#timer?.stop()
      this.#timer = null
    }
  }

  async #look(watchers: () => Iterable<Watcher>): Promise<void> {
    try {
      const json = JSON.stringify(await this.#read())
      for (const watcher of watchers()) watcher.seen(json)
    } catch (error) {
      for (const watcher of watchers()) watcher.failed(error)
    }
  }
}
