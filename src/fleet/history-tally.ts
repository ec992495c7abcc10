/**
 * What one worker process counts for the history of the fleet, in slices of ten seconds by Redis' clock: results, calls by
 * outcome, how long they took, where the time went, and which codes, faults and statuses the service gave.
 */

import { CALL_OUTCOMES, type LookupEvent } from '../domain/event.ts'
import { RESULT_STATUSES } from '../domain/result.ts'
import { PHASES } from '../domain/timing.ts'

export const SLICE_MS = 10_000
/**
 * The upper bounds of how long something took, ms; what took longer counts behind the last one. From 0.1 s to 100 s, where people
 * judge by it, the next one is a third more at most, because a quantile cannot be told more exactly than by the bounds around it.
 */
export const BOUNDS_MS: readonly number[] = [
  ...[10, 20, 50],
  ...[100, 1_000, 10_000].flatMap((from) => [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8].map((by) => from * by)),
  ...[100_000, 150_000, 200_000, 300_000, 450_000, 600_000, 900_000],
  ...[1_800_000, 3_600_000, 7_200_000, 14_400_000],
]

/** Names of fields, as they are kept: the letter says of what; behind that of a time stands its bound, so that others can be chosen. */
export const FIELD = { result: 'r:', call: 'c:', endToEnd: 'e:', callTook: 't:', phase: 'p:' } as const

/** All of them, made once: a text that is put together for each event costs more than counting it. */
const NAMES = {
  result: byWord(FIELD.result, RESULT_STATUSES),
  call: byWord(FIELD.call, CALL_OUTCOMES),
  endToEnd: byBound(FIELD.endToEnd),
  callTook: byBound(FIELD.callTook),
  phases: PHASES.map((phase) => ({ of: `${phase}Ms` as const, name: FIELD.phase + phase })),
}

function byWord<Word extends string>(letter: string, words: readonly Word[]): Record<Word, string> {
  return Object.fromEntries(words.map((word) => [word, letter + word])) as Record<Word, string>
}

function byBound(letter: string): string[] {
  return [...BOUNDS_MS, 'more'].map((bound) => letter + bound)
}

/** The service may say anything; more kinds than these are not told apart. */
const MOST_KINDS = 50
/** While Redis is away, slices are kept for ten minutes. */
const MOST_SLICES = 60

export interface Slice {
  /** Of the time: when it began, over SLICE_MS. */
  number: number
  counts: Map<string, number>
  /** `code:5`, `fault:Client`, `http:503`: how often. */
  kinds: Map<string, number>
}

export class HistoryTally {
  readonly #slices = new Map<number, Slice>()
  /** All before this one have been taken. */
  #taken = 0

  /** `at`: Redis' time, ms. */
  hear(event: LookupEvent, at: number): void {
    if (event.type === 'published') {
      const { counts } = this.#slice(at)
      add(counts, NAMES.result[event.status])
      add(counts, NAMES.endToEnd[boundOf(event.sinceEnqueuedMs)])
      for (const { of, name } of NAMES.phases) {
        const ms = Math.round(event.timing[of])
        if (ms > 0) add(counts, name, ms)
      }
    } else if (event.type === 'call-finished') {
      const { counts, kinds } = this.#slice(at)
      add(counts, NAMES.call[event.outcome])
      add(counts, NAMES.callTook[boundOf(event.durationMs)])
      const { kind } = event
      if (kind !== undefined) add(kinds, kinds.has(kind) || kinds.size < MOST_KINDS ? kind : 'other')
    }
  }

  /** Takes out those that are over. The last of them is there also if nothing happened in it: somebody was. */
  take(at: number): Slice[] {
    const now = Math.floor(at / SLICE_MS)
    if (this.#taken < now) this.#slice((now - 1) * SLICE_MS)
    this.#taken = now
    const over = [...this.#slices.values()].filter(({ number }) => number < now)
    for (const { number } of over) this.#slices.delete(number)
    return over
  }

  /** It could not be written. */
  putBack(slice: Slice): void {
    if (!this.#slices.has(slice.number) && this.#slices.size < MOST_SLICES) this.#slices.set(slice.number, slice)
  }

  #slice(at: number): Slice {
    const number = Math.floor(at / SLICE_MS)
    const known = this.#slices.get(number)
    if (known) return known
    const made: Slice = { number, counts: new Map(), kinds: new Map() }
    if (this.#slices.size >= MOST_SLICES) this.#slices.delete(this.#slices.keys().next().value as number)
    this.#slices.set(number, made)
    return made
  }
}

function add(counts: Map<string, number>, name = '', by = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + by)
}

/** The place of the first bound that is not exceeded. */
export function boundOf(ms: number): number {
  let [from, to] = [0, BOUNDS_MS.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (ms > (BOUNDS_MS[middle] as number)) from = middle + 1
    else to = middle
  }
  return from
}
