/** Where the time of a lookup went, in milliseconds, over all its attempts. */

import type { Result } from './result.ts'

export type Timing = Result['timing']

export const PHASES = ['waited', 'held', 'paced', 'called', 'delayed'] as const
export type Phase = (typeof PHASES)[number]

export function noTime(): Timing {
  return { waitedMs: 0, pacedMs: 0, calledMs: 0, delayedMs: 0, heldMs: 0 }
}

export function sumOf(one: Timing, other: Timing): Timing {
  return {
    waitedMs: one.waitedMs + other.waitedMs,
    pacedMs: one.pacedMs + other.pacedMs,
    calledMs: one.calledMs + other.calledMs,
    delayedMs: one.delayedMs + other.delayedMs,
    heldMs: one.heldMs + other.heldMs,
  }
}

/**
 * As a result has it. Waits are told by Redis' clock and end to end by this machine's; where they disagree, the wait gives way,
 * so that the parts are never more than the whole.
 */
export function rounded(timing: Timing, endToEndMs: number): Timing {
  const { pacedMs, calledMs, delayedMs, heldMs } = timing
  const rest = Math.max(0, endToEndMs - pacedMs - calledMs - delayedMs - heldMs)
  return {
    waitedMs: Math.round(Math.min(timing.waitedMs, rest)),
    pacedMs: Math.round(pacedMs),
    calledMs: Math.round(calledMs),
    delayedMs: Math.round(delayedMs),
    heldMs: Math.round(heldMs),
  }
}
