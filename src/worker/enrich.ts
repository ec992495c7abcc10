/**
 * The use case: one attempt of one lookup. Asks the gate, calls, and on a failure does what the verdict says, as far as
 * that can be done inside the attempt.
 */

import pRetry from 'p-retry'
import { monotonic, type Signal, sleep } from '../clock.ts'
import type { CallEnd, FailedCall, Outcome } from '../domain/call-end.ts'
import type { Observe } from '../domain/event.ts'
import type { LookupHistory } from '../domain/history.ts'
import type { Lookup } from '../domain/lookup.ts'
import type { Timing } from '../domain/timing.ts'
import { RetryRefused } from '../gate/gate.ts'
import { MOST_TOGETHER } from '../redis/together.ts'
import { Attempt, type AttemptParts, type AttemptRequest, DeadlineReached, NO_TIME_LEFT } from './attempt.ts'
import type { CallSharing, CallSource, SharedCall } from './call-sharing.ts'
import { TurnPlaces } from './turn-places.ts'
import { decide, putOff, type RetrySettings, type Verdict } from './verdict.ts'

export interface EnrichSettings extends RetrySettings {
  /** From the attempt's first permit on. */
  lookupDeadlineMs: number
}

/** An answer, or the verdict that ended the attempt and the failure that it is on. */
export type AttemptEnd = { calls: number } & (
  | { type: 'answered'; outcome: Outcome; source: CallSource }
  | (FailedCall & { type: 'give-up'; status: 'rejected' | 'failed' })
  | (FailedCall & { type: 'retry-later'; delayMs: number; mayBeCharged: boolean; retriedOnce: boolean })
  | (FailedCall & { type: 'hold'; delayMs: number })
)

/** What p-retry gets when the verdict is to retry now, because it understands nothing but an error. */
const RETRY_NOW = new Error('retry now')

export class Enricher {
  readonly #parts: AttemptParts
  readonly #sharing: CallSharing | null
  readonly #settings: EnrichSettings
  readonly #observe: Observe
  /** What follows an answer is asked of Redis together, so that more of them in one turn would gain nothing. */
  readonly #places = new TurnPlaces(MOST_TOGETHER)

  /** `sharing` null: each lookup makes its own calls. */
  constructor(
    parts: Omit<AttemptParts, 'deadlineMs'>,
    sharing: CallSharing | null,
    settings: EnrichSettings,
    observe: Observe,
  ) {
    this.#parts = { ...parts, deadlineMs: settings.lookupDeadlineMs }
    this.#sharing = sharing
    this.#settings = settings
    this.#observe = observe
  }

  begin(request: AttemptRequest, until?: Signal): Attempt {
    return new Attempt(this.#parts, request, until)
  }

  /** Whether its calls are shared, and so it asks before them whether its lookup has had its result. */
  isShared(attempt: Attempt): boolean {
    return this.#sharingOf(attempt) !== null
  }

  #sharingOf({ lookup, isProbe }: Attempt): CallSharing | null {
    return lookup === null || isProbe ? null : this.#sharing
  }

  /**
   * Calls until there is an answer or a verdict that ends the attempt. Rejects with the signal's reason, with Held, or with
   * HasResult.
   */
  async run(attempt: Attempt, lookup: Lookup, history: LookupHistory): Promise<AttemptEnd> {
    const course = new Course(history, this.#settings)
    try {
      const first = await this.#call(attempt, lookup, course)
      const waits = this.#places.take()
      if (waits) await waits
      const { end, source } = isRetried(first, attempt, course) ? await this.#again(attempt, lookup, course) : first
      if ('outcome' in end) return { type: 'answered', outcome: end.outcome, source, calls: attempt.calls }
    } catch (error) {
      if (error instanceof DeadlineReached) course.timeIsUp(attempt.wasCutOff)
      else if (error instanceof RetryRefused) course.retryIsRefused()
      else throw error
    }
    return course.end(attempt.calls)
  }

  /** The calls that the verdict asks for at once, after the first. */
  #again(attempt: Attempt, lookup: Lookup, course: Course): Promise<SharedCall> {
    const turn = async (number: number) => {
      if (number === 1) throw RETRY_NOW // the first call has been made
      const called = await this.#call(attempt, lookup, course)
      if (isRetried(called, attempt, course)) throw RETRY_NOW
      return called
    }
    return pRetry(turn, {
      // The verdict decides how often and after which delay, because p-retry's own delays have no jitter at their maximum.
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 0,
      factor: 1,
      shouldRetry: ({ error }) => error === RETRY_NOW && this.#wait(attempt, lookup, course),
    })
  }

  async #call(attempt: Attempt, lookup: Lookup, course: Course): Promise<SharedCall> {
    const call = (): Promise<CallEnd> => attempt.call(lookup.connectionId, course.isRetry)
    const sharing = this.#sharingOf(attempt)
    if (!sharing || !attempt.lookup) return { end: await call(), source: 'service', wireMs: 0 }
    // A lookup that is asked again must not get the earlier answer, however new that is.
    const askedAt = course.isRecheck ? 0 : lookup.askedAt
    const { timing } = attempt
    const [since, ownMs] = [monotonic(), timing.pacedMs + timing.calledMs]
    let shared: SharedCall | null = null
    try {
      const sharer = { lookup: attempt.lookup, lane: attempt.lane, connectionId: lookup.connectionId, askedAt }
      shared = await sharing.share(sharer, attempt, call)
      return shared
    } finally {
      const othersMs = monotonic() - since - (timing.pacedMs + timing.calledMs - ownMs)
      if (!shared || shared.source === 'shared') countShared(timing, othersMs, shared?.wireMs ?? 0)
    }
  }

  /** Rejects if the attempt's time ends meanwhile, or if the lookup is taken away; then there is no retry. */
  async #wait(attempt: Attempt, { lookupId }: Lookup, { delayMs, reason }: Course): Promise<true> {
    this.#observe({ type: 'retry', lookupId, when: 'now', reason, delayMs })
    const since = monotonic()
    try {
      await sleep(delayMs, attempt.signal)
    } finally {
      attempt.timing.delayedMs += monotonic() - since
    }
    return true
  }
}

/** Of the wait for a call of another lookup, what that was on the wire counts as called; before, it waited for its permit. */
function countShared(timing: Timing, waitedMs: number, wireMs: number): void {
  const calledMs = Math.min(wireMs, waitedMs)
  timing.calledMs += calledMs
  timing.pacedMs += waitedMs - calledMs
}

function isRetried({ end }: SharedCall, attempt: Attempt, course: Course): boolean {
  return 'failure' in end && course.isRetriedNow(end, attempt.leftMs)
}

/** The course of one attempt: its failures so far, and the verdict on the last of them. */
class Course {
  readonly #history: LookupHistory
  readonly #settings: RetrySettings
  #last: FailedCall | null = null
  #quickRetries = 0
  #retriedOnce: boolean
  #verdict: Verdict = { type: 'retry-later', delayMs: 0, mayBeCharged: false }

  constructor(history: LookupHistory, settings: RetrySettings) {
    this.#history = history
    this.#settings = settings
    this.#retriedOnce = history.retriedOnce
  }

  get isRecheck(): boolean {
    return this.#history.rechecks > 0
  }

  get isRetry(): boolean {
    return this.#quickRetries > 0
  }

  get delayMs(): number {
    return 'delayMs' in this.#verdict ? this.#verdict.delayMs : 0
  }

  get reason() {
    return (this.#last ?? NO_TIME_LEFT).failure.reason
  }

  /** Takes the verdict on this failure. True if it is to retry now. */
  isRetriedNow(failed: FailedCall, leftMs: number): boolean {
    this.#last = failed
    const { failures } = this.#history
    const standing = { quickRetries: this.#quickRetries, leftMs, failures, retriedOnce: this.#retriedOnce }
    this.#verdict = decide(failed.failure, standing, this.#settings)
    if (failed.failure.class === 'permanent-after-retry') this.#retriedOnce = true
    if (this.#verdict.type !== 'retry-now') return false
    this.#quickRetries++
    return true
  }

  /**
   * Deadline passed. An earlier transient failure is the attempt's end, else `timeout`. If none of its own calls was
   * interrupted (it waited for a permit or a shared call), it is not charged.
   */
  timeIsUp(wasCutOff: boolean): void {
    const passed = this.#last?.failure.class === 'transient' ? this.#last : null
    this.isRetriedNow(passed ?? NO_TIME_LEFT, 0)
    if (!passed && !wasCutOff && this.#verdict.type === 'retry-later') this.#verdict.mayBeCharged = false
  }

  /** The failure that asked for the retry stands. */
  retryIsRefused(): void {
    const { failure } = this.#last ?? NO_TIME_LEFT
    this.#verdict = putOff(failure, this.#history.failures, this.#settings)
  }

  end(calls: number): AttemptEnd {
    const { failure, record } = this.#last ?? NO_TIME_LEFT
    const verdict = this.#verdict
    switch (verdict.type) {
      case 'give-up':
        return { type: 'give-up', status: verdict.status, failure, record, calls }
      case 'hold':
        return { type: 'hold', delayMs: verdict.delayMs, failure, record, calls }
      default: {
        const mayBeCharged = verdict.type === 'retry-later' && verdict.mayBeCharged
        const retriedOnce = this.#retriedOnce
        return { type: 'retry-later', delayMs: verdict.delayMs, mayBeCharged, retriedOnce, failure, record, calls }
      }
    }
  }
}
