/**
 * Milliseconds to wait before a retry, quick or later: anything up to `min` doubled `times` times, at most `max` (full
 * jitter), so that what failed together does not come back together. `random` gives numbers from 0 to below 1.
 */
export function backoff(min: number, max: number, times: number, random: () => number = Math.random): number {
  return Math.round(random() * Math.min(max, min * 2 ** Math.min(times, 40)))
}
