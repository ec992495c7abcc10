/**
 * An action on many lookups, at a pace. What is done is done in Redis, by the script of each step; nothing here need be
 * remembered, so an action that was stopped or killed is finished by running it again.
 */

import { monotonic, sleep } from '../clock.ts'
import {
  type FoundLookup,
  type SeenLookup,
  type Selected,
  type SelectedStep,
  STEP,
  seen,
  type WalkPoint,
} from './selected.ts'

/** Lookups a second, if nobody says another pace. */
export const DEFAULT_RATE = 100
export const RATE_MAX = 10_000

/** What became of the lookups of one step. One that is `done` is no longer what was selected. */
export interface StepEnd {
  done: number
  /** Those that were left as they are, and why, in a word. */
  refused: Refused[]
}

export interface Refused {
  lookupId: string
  why: string
}

/** `how`: what became of each, in a word; one of which nothing is said is gone. */
export function stepEnd(lookupIds: readonly string[], how: ReadonlyMap<string, string>): StepEnd {
  const refused = lookupIds.flatMap((lookupId): Refused[] => {
    const why = how.get(lookupId) ?? 'gone'
    return why === 'done' ? [] : [{ lookupId, why }]
  })
  return { done: lookupIds.length - refused.length, refused }
}

export interface PacedProgress {
  done: number
  refused: number
  /** How many lookups the search has looked at. */
  looked: number
  /** What the action waits for at the moment; null: it goes on. */
  waitsFor: string | null
}

export interface PacedOptions {
  ratePerSecond: number
  /** Asked before each step: what the action has to wait for; null: nothing. */
  waitsFor?: () => Promise<string | null>
  onProgress?: (progress: PacedProgress) => void
  signal?: AbortSignal
}

/** As far as it came. */
export interface PacedEnd {
  done: number
  /** The first of them. */
  refused: Refused[]
  refusedCount: number
  looked: number
}

const STEPS_A_SECOND = 10
const MOST_AT_ONCE = 100
const MOST_REFUSED = 1000
const ASK_AGAIN_MS = 500

/** Acts on each of these, in their order. Rejects when Redis fails, and with the signal's reason. */
export async function actOnEach<Target>(
  targets: readonly Target[],
  act: (targets: Target[]) => Promise<StepEnd>,
  options: PacedOptions,
): Promise<PacedEnd> {
  const run = new PacedRun(options)
  for (let start = 0; start < targets.length; start += run.atOnce) {
    const some = targets.slice(start, start + run.atOnce)
    await run.turn()
    run.look(some.length)
    run.count(await act(some))
  }
  return run.end
}

/**
 * Acts on all that is selected now; not on what is enqueued, or ends, after it began. `isMeant` leaves out those that the
 * action is not for. Rejects when Redis fails, and with the signal's reason.
 */
export async function actOnSelected(
  selected: Selected,
  isMeant: (lookup: FoundLookup) => boolean,
  act: (lookups: FoundLookup[]) => Promise<StepEnd>,
  options: PacedOptions,
): Promise<PacedEnd> {
  const run = new PacedRun(options)
  const began = monotonic()
  for (let point: WalkPoint | null = await selected.start(); point; ) {
    const { lookups, looked, next }: SelectedStep = await selected.step(point, run.size)
    run.look(looked)
    const sinceMs = monotonic() - began
    const meant = lookups.filter((lookup) => isMeant(lookup) && !isLater(lookup, point as WalkPoint, sinceMs))
    const done = meant.length > 0 && (await run.act(() => act(meant)))
    // Another lookup may have come to the place of one that is done, so the same place is looked at again.
    if (!done) point = next
    if (point && meant.length === 0) await selected.rest(options.signal)
  }
  return run.end
}

/** Since the walk began. What lies in the future is the clock of another machine. */
function isLater({ endedAt, enqueuedAt }: FoundLookup, { at }: WalkPoint, sinceMs: number): boolean {
  const since = endedAt ?? enqueuedAt ?? 0
  return since > at && since <= at + sinceMs
}

class PacedRun {
  readonly end: PacedEnd = { done: 0, refused: [], refusedCount: 0, looked: 0 }
  readonly atOnce: number
  readonly #options: PacedOptions
  #nextAt = monotonic()

  constructor(options: PacedOptions) {
    this.#options = options
    this.atOnce = Math.min(MOST_AT_ONCE, Math.max(1, Math.floor(options.ratePerSecond / STEPS_A_SECOND)))
  }

  get size() {
    return { look: STEP.look, send: this.atOnce }
  }

  look(count: number): void {
    this.end.looked += count
    this.#tell(null)
  }

  /** Resolves when the next step may be made. */
  async turn(): Promise<void> {
    const { signal, waitsFor } = this.#options
    signal?.throwIfAborted()
    for (let why = await waitsFor?.(); why; why = await waitsFor?.()) {
      this.#tell(why)
      await sleep(ASK_AGAIN_MS, signal)
    }
    const early = this.#nextAt - monotonic()
    if (early > 0) await sleep(early, signal)
    this.#nextAt = Math.max(this.#nextAt, monotonic())
  }

  /** Whether anything was done. */
  async act(step: () => Promise<StepEnd>): Promise<boolean> {
    await this.turn()
    const ended = await step()
    this.count(ended)
    return ended.done > 0
  }

  count({ done, refused }: StepEnd): void {
    this.end.done += done
    this.end.refusedCount += refused.length
    this.end.refused.push(...refused.slice(0, MOST_REFUSED - this.end.refused.length))
    this.#nextAt += (1000 * (done + refused.length)) / this.#options.ratePerSecond
    this.#tell(null)
  }

  #tell(waitsFor: string | null): void {
    const { done, refusedCount: refused, looked } = this.end
    this.#options.onProgress?.({ done, refused, looked, waitsFor })
  }
}

export const SAMPLE = 10

/** What an action would do, before it does it. */
export interface Plan {
  count: number
  /** The first ten. */
  sample: SeenLookup[]
  looked: number
  /** Jobs that are too large or broken: a selection by their data passes them over. */
  unread: number
}

export interface PlanOptions {
  signal?: AbortSignal
  onLooked?: (looked: number) => void
}

/** Rejects when Redis fails, and with the signal's reason. */
export async function planOf(
  selected: Selected,
  isMeant: (lookup: FoundLookup) => boolean,
  { signal, onLooked }: PlanOptions = {},
): Promise<Plan> {
  const plan: Plan = { count: 0, sample: [], looked: 0, unread: 0 }
  for await (const { lookups, looked, unread } of selected.all(signal)) {
    const meant = lookups.filter(isMeant)
    plan.count += meant.length
    plan.sample.push(...meant.slice(0, SAMPLE - plan.sample.length).map(seen))
    plan.looked += looked
    plan.unread += unread
    onLooked?.(plan.looked)
  }
  return plan
}
