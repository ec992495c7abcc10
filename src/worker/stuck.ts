/**
 * Whether this process makes progress: a worker that could take lookups asks for them again and again as long as Redis
 * answers.
 */

export const STUCK_LOOK_EVERY_MS = 5_000
/** Far longer than a worker waits for a lookup (10 s), and longer than a silent connection lives (15 s). */
const STUCK_AFTER_MS = 60_000
/** More than one, because a single look may hit a moment that is over at once, as after the whole process was frozen. */
const LOOKS = 2

export interface Watched {
  isStuck(forMs: number): boolean
}

export class StuckWatch {
  readonly #workers: readonly Watched[]
  readonly #pulse: { readonly answersForMs: number }
  #looksInVain = 0

  constructor(workers: readonly Watched[], pulse: { readonly answersForMs: number }) {
    this.#workers = workers
    this.#pulse = pulse
  }

  get isStuck(): boolean {
    return this.#looksInVain >= LOOKS
  }

  look(): void {
    const mayExpect = this.#pulse.answersForMs > STUCK_AFTER_MS
    const isStuck = mayExpect && this.#workers.some((worker) => worker.isStuck(STUCK_AFTER_MS))
    this.#looksInVain = isStuck ? this.#looksInVain + 1 : 0
  }
}
