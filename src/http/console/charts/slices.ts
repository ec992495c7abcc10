/** Series of the history: a value for each slice of the last hour, null where nobody wrote one. */

import type { History, HistorySlice } from '../../../fleet/history.ts'

export interface Series {
  label: string
  /** As many as there are times; null: not known. */
  values: (number | null)[]
  /** Which of the page's colours. */
  colour: 1 | 2 | 3 | 4 | 5
  /** A limit, not a measurement. */
  isLimit?: boolean
}

/** Slices without gaps: one that nobody wrote is null. Times are seconds since 1970, as charts take them. */
export interface Line {
  times: number[]
  slices: (HistorySlice | null)[]
}

export function lineOf({ slices, sliceMs, at }: History): Line {
  const byTime = new Map(slices.map((slice) => [slice.at, slice]))
  const last = slices.at(-1)?.at ?? Math.floor(at / sliceMs) * sliceMs
  const first = Math.max(slices[0]?.at ?? last, last - 3_600_000)
  const times: number[] = []
  for (let time = first; time <= last; time += sliceMs) times.push(time)
  return { times: times.map((time) => time / 1000), slices: times.map((time) => byTime.get(time) ?? null) }
}

export function perSecond(
  { slices }: Line,
  sliceMs: number,
  of: (slice: HistorySlice) => number | undefined,
): (number | null)[] {
  return slices.map((slice) => (slice ? ((of(slice) ?? 0) * 1000) / sliceMs : null))
}

/** Lookups that were added, a second: the difference of two counts over the time between them. */
export function arrivals({ slices }: Line): (number | null)[] {
  return slices.map((slice, index) => {
    const [before, now] = [slices[index - 1]?.queues, slice?.queues]
    if (!before || !now || now.at <= before.at || now.added < before.added) return null
    return ((now.added - before.added) * 1000) / (now.at - before.at)
  })
}

/** The time that this part of them did not exceed, ms: between two bounds on the log axis. Null: there were none. */
export function quantile(counts: readonly number[], bounds: readonly number[], part: number): number | null {
  const total = sum(counts)
  if (total === 0) return null
  let seen = 0
  for (const [index, count] of counts.entries()) {
    if (seen + count >= part * total && count > 0) {
      const upper = bounds[index] ?? (bounds.at(-1) ?? 1) * 2
      const lower = index === 0 ? upper / 2 : (bounds[index - 1] ?? upper / 2)
      return lower * (upper / lower) ** ((part * total - seen) / count)
    }
    seen += count
  }
  return null
}

export function sum(values: readonly (number | undefined)[]): number {
  return values.reduce<number>((all, value) => all + (value ?? 0), 0)
}

/** The last slice that is whole: the one before the newest. */
export function lastWhole<T>(values: readonly T[]): T | null {
  return values.at(-2) ?? null
}

/** Two lines for each series, as a chart takes them: what is over, and the step to the newest slice, which is not. */
export function linesOf(series: readonly Series[]): (number | null)[][] {
  return series.flatMap(({ values, isLimit }) => {
    if (isLimit) return [values]
    const last = values.length - 1
    return [
      values.map((value, index) => (index === last ? null : value)),
      values.map((value, index) => (index >= last - 1 ? value : null)),
    ]
  })
}
