import type { Failure } from './failure.ts'

/** History: what a lookup has behind it. Kept on the job between its attempts; a lookup's first attempt has none. */
export interface LookupHistory {
  /** Attempts that were charged to the lookup; LOOKUP_ATTEMPTS of them and it gives up. */
  charged: number
  /** Attempts in a row that ended in a failure, charged or not: what the backoff grows with. */
  failures: number
  /** Calls of all its attempts. */
  calls: number
  /** Times the lookup was taken up without being run: it had to make way, or was given up. */
  idle: number
  /** It already had the one retry that a failure of class permanent-after-retry gets. */
  retriedOnce: boolean
  /** Times it was not found, and to be asked again (NOT_FOUND_RECHECK). */
  rechecks: number
  /** Times its process died while it ran there alone. */
  diedAlone: number
  /** The failure it went back with, should it have to give up with that. */
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
  lastFailure: null,
})

/** After it was taken up once more, and that came to nothing: with no call it was no attempt. */
export function afterNothing(history: LookupHistory, calls = 0): LookupHistory {
  return { ...history, calls: history.calls + calls, idle: calls > 0 ? history.idle : history.idle + 1 }
}

/** Times it was run, of the times that it was taken up. */
export function attemptsOf({ idle }: LookupHistory, taken: number): number {
  return Math.max(0, taken - idle)
}
