/** For whom a worker process has called in the last minute. */

export interface CallsFor {
  /** Null: lookups that do not say who asks. `other`: all whose names are too many to be kept. */
  producer: string | null
  calls: number
}

const SLICE_MS = 10_000
const SLICES = 6
/** Names are the producers', so there may be any number of them. */
const MOST_COUNTED = 200
const MOST_NAMED = 20
const OTHER = 'other'

export class Callers {
  /** By the number of the slice of time: how many calls for whom. */
  readonly #slices = new Map<number, Map<string | null, number>>()

  /** `at`: of the monotonic clock. */
  count(producer: string | null, calls: number, at: number): void {
    if (calls === 0) return
    const slice = this.#slice(Math.floor(at / SLICE_MS))
    const name = slice.has(producer) || slice.size < MOST_COUNTED ? producer : OTHER
    slice.set(name, (slice.get(name) ?? 0) + calls)
  }

  /** Those with the most calls first. Empty where nobody said who asks. */
  ofLastMinute(at: number): CallsFor[] {
    const now = Math.floor(at / SLICE_MS)
    const sums = new Map<string | null, number>()
    for (const [number, slice] of this.#slices) {
      if (number <= now - SLICES) this.#slices.delete(number)
      else for (const [producer, calls] of slice) sums.set(producer, (sums.get(producer) ?? 0) + calls)
    }
    const isNamed = [...sums.keys()].some((producer) => producer !== null)
    return isNamed ? theMost([...sums].map(([producer, calls]) => ({ producer, calls }))) : []
  }

  #slice(number: number): Map<string | null, number> {
    const known = this.#slices.get(number)
    if (known) return known
    const made = new Map<string | null, number>()
    this.#slices.set(number, made)
    return made
  }
}

/** Of all workers together. */
export function addedUp(all: readonly (readonly CallsFor[])[]): CallsFor[] {
  const sums = new Map<string | null, number>()
  for (const { producer, calls } of all.flat()) sums.set(producer, (sums.get(producer) ?? 0) + calls)
  return theMost([...sums].map(([producer, calls]) => ({ producer, calls })))
}

/** The rest of them is counted as `other`. */
function theMost(all: readonly CallsFor[]): CallsFor[] {
  const sorted = all.toSorted((a, b) => b.calls - a.calls)
  const named = sorted.filter(({ producer }) => producer !== OTHER)
  const kept = named.slice(0, MOST_NAMED)
  const rest = [...named.slice(MOST_NAMED), ...sorted.filter(({ producer }) => producer === OTHER)]
  const calls = rest.reduce((sum, one) => sum + one.calls, 0)
  return calls === 0 ? kept : [...kept, { producer: OTHER, calls }]
}
