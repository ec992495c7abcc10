import { type Failure, isFailure } from './failure.ts'
import { noTime, type Timing } from './timing.ts'

/**
 * History: what happened to a lookup so far. Kept on its job between attempts; a lookup has none before its first
 * attempt.
 */
export interface LookupHistory {
  /** Attempts that were charged to the lookup. After LOOKUP_ATTEMPTS of them it gives up. */
  charged: number
  /** Attempts in a row that ended in a failure, charged or not. The backoff grows with them. */
  failures: number
  /** Calls of all its attempts. */
  calls: number
  /** Times the lookup was taken up without being run: it had to make way, or was given up. */
  idle: number
  /** The lookup has had the one retry that a failure of class permanent-after-retry gets. */
  retriedOnce: boolean
  /** Times it was not found and was to be asked again (NOT_FOUND_RECHECK). */
  rechecks: number
  /** Times its process died while it ran there alone. */
  diedAlone: number
  /** Where its time went, up to when it went back. */
  timing: Timing
  /** When it went back and was due again, Redis time, ms; 0: it has not gone back. */
  dueAt: number
  /** The failure that it went back with. It becomes the result's failure if the lookup has to give up. */
  lastFailure: Failure | null
}

export const NO_HISTORY: Readonly<LookupHistory> = Object.freeze({
  charged: 0,
  failures: 0,
  calls: 0,
  idle: 0,
  retriedOnce: false,
  rechecks: 0,
  diedAlone: 0,
  timing: noTime(),
  dueAt: 0,
  lastFailure: null,
})

/** Reads the history that is kept on a job. Each field counts for nothing if somebody else wrote something else there. */
export function readHistory(text: string | null | undefined): LookupHistory {
  const kept = parsed(text)
  const count = (name: keyof LookupHistory) => whole(kept[name])
  return {
    charged: count('charged'),
    failures: count('failures'),
    calls: count('calls'),
    idle: count('idle'),
    retriedOnce: kept.retriedOnce === true,
    rechecks: count('rechecks'),
    diedAlone: count('diedAlone'),
    timing: readTiming(kept.timing),
    dueAt: count('dueAt'),
    lastFailure: isFailure(kept.lastFailure) ? kept.lastFailure : null,
  }
}

function whole(value: unknown): number {
  return Number.isSafeInteger(value) ? Math.max(0, value as number) : 0
}

/** As it is kept: in few bytes, because there may be millions. What is 0, false or null is left out. */
export function writeHistory({ timing, ...history }: LookupHistory): string {
  const { waitedMs, pacedMs, calledMs, delayedMs, heldMs } = timing
  const numbers = [waitedMs, pacedMs, calledMs, delayedMs, heldMs].map(Math.round)
  const said = Object.entries(history).filter(([, value]) => value)
  return JSON.stringify({ ...Object.fromEntries(said), ...(numbers.some((ms) => ms > 0) && { timing: numbers }) })
}

function readTiming(value: unknown): Timing {
  const [waitedMs, pacedMs, calledMs, delayedMs, heldMs] = Array.isArray(value) ? value : []
  return {
    waitedMs: whole(waitedMs),
    pacedMs: whole(pacedMs),
    calledMs: whole(calledMs),
    delayedMs: whole(delayedMs),
    heldMs: whole(heldMs),
  }
}

/** The history of a lookup that goes back now, to be due after `delayMs`. */
export function wentBack(history: LookupHistory, at: number, delayMs: number): LookupHistory {
  const timing = { ...history.timing, delayedMs: history.timing.delayedMs + delayMs }
  return { ...history, timing, dueAt: Math.round(at + delayMs) }
}

function parsed(text: string | null | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** The history after a run that came to nothing. Without a call it was no attempt. */
export function afterNothing(history: LookupHistory, calls = 0): LookupHistory {
  return { ...history, calls: history.calls + calls, idle: calls > 0 ? history.idle : history.idle + 1 }
}

/** How many of the times that it was taken up were runs. */
export function attemptsOf({ idle }: LookupHistory, taken: number): number {
  return Math.max(0, taken - idle)
}
