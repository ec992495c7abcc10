/** How long it takes until a worker that died is missed. Other times are derived from this. */

/**
 * How long a lookup stays a process' own after that was last heard of, ms. Longer than LOOKUP_DEADLINE_MS, so that a live
 * process never loses a lookup. A dead one's lookups are taken up again after 40 s at most; later only where an attempt
 * itself may take longer than 25 s.
 */
export function jobLockMs(lookupDeadlineMs: number): number {
  return Math.max(35_000, lookupDeadlineMs + 10_000)
}

/** How often somebody looks for lookups whose process has died. */
export const STALLED_CHECK_MS = 5_000

/** A marker must live this long: until a lookup whose process died has ended a second time, at the latest. */
export function secondEndMs(lookupDeadlineMs: number): number {
  return jobLockMs(lookupDeadlineMs) + STALLED_CHECK_MS + lookupDeadlineMs
}
