/**
 * What the end of an attempt means for its lookup. An answer or a give-up is its result, unless NOT_FOUND_RECHECK asks
 * once more. Everything else puts the lookup back, with its history.
 */

import { now } from '../clock.ts'
import type { AttemptVerdict, Observe } from '../domain/event.ts'
import type { FailureReason } from '../domain/failure.ts'
import type { LookupHistory } from '../domain/history.ts'
import type { Lookup } from '../domain/lookup.ts'
import { type ResultStatus, resultOf } from '../domain/result.ts'
import type { KnownLookup } from '../queues/lookup-history.ts'
import { aboutLookup, type LookupEnd, subjectOf } from '../queues/lookup-results.ts'
import type { TakenLookup } from '../queues/taken-lookup.ts'
import type { Attempt } from './attempt.ts'
import { backoff } from './backoff.ts'
import type { AttemptEnd } from './enrich.ts'

/** What one run is about. */
export interface Run {
  taken: TakenLookup
  lookup: Lookup
  known: KnownLookup
  attempt: Attempt
  /** On this machine's clock. Lookups expire by Redis' clock, so its difference is taken into account. */
  expiresAt: number
}

/** How a run ended. */
export type RunEnd =
  | { type: 'has-result'; status: ResultStatus }
  | ({ type: 'result' } & LookupEnd)
  /** The failure is everybody's: the lookup goes back to its place, uncharged. */
  | { type: 'hold'; history: LookupHistory }
  | { type: 'retry-later'; delayMs: number; history: LookupHistory; mayBeCharged: boolean }

export interface RunEndSettings {
  lookupBackoffMinMs: number
  lookupBackoffMaxMs: number
  /** A lookup not found is asked again after each of these, ms, before it is `not-found`. */
  notFoundRecheck: readonly number[] | null
}

export class RunEnds {
  readonly #settings: RunEndSettings
  readonly #observe: Observe

  constructor(settings: RunEndSettings, observe: Observe) {
    this.#settings = settings
    this.#observe = observe
  }

  /** `history` has the attempt's calls in it. */
  of(end: AttemptEnd, run: Run, history: LookupHistory): RunEnd {
    switch (end.type) {
      case 'answered':
        return this.#answered(end, run, history)
      case 'give-up': {
        const { status, failure, record, calls } = end
        this.#tell(run, 'give-up', failure.reason, calls)
        const result = resultOf(subjectOf(aboutLookup(run), history), status, { ...record, failure })
        return { type: 'result', result, failure }
      }
      case 'retry-later': {
        const { failure: lastFailure, retriedOnce, mayBeCharged, delayMs, calls } = end
        this.#tell(run, 'retry-later', lastFailure.reason, calls)
        return this.#retryLater(run, { ...history, lastFailure, retriedOnce }, mayBeCharged, delayMs)
      }
      case 'hold': {
        const { failure: lastFailure, delayMs, calls } = end
        this.#tell(run, 'hold', lastFailure.reason, calls)
        return this.#hold(run, { ...history, lastFailure }, delayMs)
      }
    }
  }

  /** Another id was asked for, and the service is down: the attempt before is not charged, and another one now is useless. */
  ofServiceDown(run: Run, history: LookupHistory): RunEnd {
    const { lookupBackoffMinMs, lookupBackoffMaxMs } = this.#settings
    return this.#retryLater(run, history, false, backoff(lookupBackoffMinMs, lookupBackoffMaxMs, history.failures))
  }

  #answered(end: AttemptEnd & { type: 'answered' }, run: Run, history: LookupHistory): RunEnd {
    const { outcome, source, calls } = end
    const delayMs = this.#recheckAfter(run, outcome.status, history)
    this.#tell(run, delayMs === null ? 'answered' : 'recheck', 'none', calls)
    if (delayMs !== null) {
      const rechecked = { ...history, rechecks: history.rechecks + 1 }
      return { type: 'retry-later', delayMs, history: rechecked, mayBeCharged: false }
    }
    return {
      type: 'result',
      result: resultOf(subjectOf(aboutLookup(run), history), outcome.status, {
        chatRequest: outcome.chatRequest,
        response: outcome.response,
        source,
      }),
    }
  }

  /** Null if it is not to be asked again, or would expire before that. Then the answer stands. */
  #recheckAfter({ expiresAt }: Run, status: ResultStatus, { rechecks }: LookupHistory): number | null {
    const delayMs = status === 'not-found' ? this.#settings.notFoundRecheck?.[rechecks] : undefined
    return delayMs !== undefined && now() + delayMs < expiresAt ? delayMs : null
  }

  /**
   * Back to its place, because the failure is everybody's. If it is this lookup's after all (a proxy that refuses this
   * one id), it must not stop the fleet again and again: from the second time on the lookup goes behind the others, with
   * a backoff.
   */
  #hold(run: Run, history: LookupHistory, backoffMs: number): RunEnd {
    if (run.attempt.isRefusalOwn) return this.#retryLater(run, history, true, backoffMs)
    if (history.failures > 0 || run.attempt.isProbe) return this.#retryLater(run, history, false, backoffMs)
    return { type: 'hold', history: { ...history, failures: history.failures + 1 } }
  }

  #retryLater(run: Run, history: LookupHistory, mayBeCharged: boolean, backoffMs: number): RunEnd {
    const delayMs = Math.max(0, Math.min(Math.round(backoffMs), run.expiresAt - now()))
    const reason = history.lastFailure?.reason ?? 'internal'
    this.#observe({ type: 'retry', lookupId: run.taken.lookupId, when: 'later', reason, delayMs })
    return { type: 'retry-later', delayMs, history: { ...history, failures: history.failures + 1 }, mayBeCharged }
  }

  #tell({ taken }: Run, verdict: AttemptVerdict, reason: FailureReason | 'none', calls: number): void {
    this.#observe({ type: 'verdict', lookupId: taken.lookupId, verdict, reason, calls })
  }
}
