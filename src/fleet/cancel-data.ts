/** A cancel as `cancel --json` and the API say it. */

import type { PacedEnd, Plan } from './paced.ts'

/** No call, and so long at that pace. */
export function cancelCost({ count }: Plan, ratePerSecond: number): { calls: number; seconds: number } {
  return { calls: 0, seconds: Math.ceil(count / ratePerSecond) }
}

/** As people and programs see it. */
export function cancelledData({ done, refused, refusedCount, looked }: PacedEnd) {
  return { cancelled: done, refused, refusedCount, looked }
}
