/** How long answers take: always the same, evenly spread, or log-normal, as the times of real services are. */

import { type Check, checkObject, isObject, wrong } from './checks.ts'
import type { Draw } from './dice.ts'

/** Milliseconds: a constant; evenly spread between two; or log-normal, given by median and 99th percentile. */
export type Latency = number | readonly [number, number] | { readonly median: number; readonly p99: number }

/** The longest that a timer of Node can wait. */
export const MAX_MS = 2 ** 31 - 1
const EXPECTED = 'milliseconds of 0 or more, [least, most], or {"median": …, "p99": …}, the smaller first'
/** Standard deviations from the median to the 99th percentile of a normal distribution. */
const P99_DEVIATIONS = 2.326_347_874_040_841

export function isMilliseconds(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= MAX_MS
}

export const checkLatency: Check = (value, where) => {
  if (isMilliseconds(value)) return
  const [least, most, ...more] = limitsOf(value, where)
  if (!isMilliseconds(least) || !isMilliseconds(most) || more.length > 0 || (least as number) > (most as number)) {
    throw wrong(where, EXPECTED, value)
  }
  // 0 has no logarithm.
  if (isObject(value) && least === 0) throw wrong(where, 'a median above 0', value)
}

function limitsOf(value: unknown, where: string): unknown[] {
  if (Array.isArray(value)) return value
  if (!isObject(value)) throw wrong(where, EXPECTED, value)
  checkObject(value, where, { median: () => {}, p99: () => {} }, ['median', 'p99'])
  return [value.median, value.p99]
}

export function drawLatency(latency: Latency, draw: Draw): number {
  if (typeof latency === 'number') return latency
  if ('median' in latency) return logNormal(latency.median, latency.p99, draw)
  const [least, most] = latency
  return least + draw(most - least + 1)
}

function logNormal(median: number, p99: number, draw: Draw): number {
  const deviation = Math.log(p99 / median) / P99_DEVIATIONS
  return Math.min(MAX_MS, median * Math.exp(deviation * standardNormal(draw)))
}

/** By the method of Box and Muller. */
function standardNormal(draw: Draw): number {
  const fine = 2 ** 30
  const radius = Math.sqrt(-2 * Math.log((draw(fine) + 1) / fine))
  return radius * Math.cos((2 * Math.PI * draw(fine)) / fine)
}
