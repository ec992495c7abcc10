/**
 * Whether a BullMQ worker takes jobs: several may shut the tap, and it is open while none of them does. It is shut until the
 * worker begins, because BullMQ's `resume` also starts a worker that nobody has started, on a Redis that nobody has checked.
 */

export interface Tappable {
  concurrency: number
  /** `true`: without waiting for what is running. */
  pause(doNotWaitForRunning: boolean): Promise<void>
  resume(): void | Promise<void>
}

export type Shutter = 'start' | 'rest' | 'hold' | 'suspect' | 'stop'

export class Tap {
  readonly #worker: Tappable
  readonly #concurrency: number
  readonly #shutBy = new Set<Shutter>(['start'])
  #isNarrow = false

  constructor(worker: Tappable) {
    this.#worker = worker
    this.#concurrency = worker.concurrency
  }

  isShutBy(shutter: Shutter): boolean {
    return this.#shutBy.has(shutter)
  }

  get isOpen(): boolean {
    return this.#shutBy.size === 0
  }

  shut(shutter: Shutter): void {
    this.#shutBy.add(shutter)
    if (!this.#shutBy.has('stop') && !this.#shutBy.has('start')) void this.#worker.pause(true)
  }

  /** The worker may be started from now on. */
  begin(): void {
    this.#shutBy.delete('start')
    if (!this.isOpen) void this.#worker.pause(true)
  }

  /** For good: the worker is being closed, and nothing may disturb that. */
  stop(): void {
    this.#shutBy.add('stop')
  }

  open(shutter: Shutter): void {
    if (!this.#shutBy.delete(shutter)) return
    this.#worker.concurrency = this.#isNarrow ? 1 : this.#concurrency
    if (this.isOpen) void this.#worker.resume()
  }

  /** From its next opening on, the tap lets one job through at a time, until `widen`. */
  narrow(): void {
    this.#isNarrow = true
  }

  widen(): void {
    if (!this.#isNarrow) return
    this.#isNarrow = false
    if (this.isOpen) this.#worker.concurrency = this.#concurrency
  }

  /** While it is shut for a hold: lets one job through. False if something else shuts it, too. */
  letOneThrough(): boolean {
    if (this.#shutBy.size !== 1 || !this.#shutBy.has('hold')) return false
    this.#worker.concurrency = 1
    void this.#worker.resume()
    return true
  }
}
