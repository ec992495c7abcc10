/**
 * The use case: one attempt of one lookup. Asks the gate, calls, and on a failure does what the verdict says, as far as
 * that can be done inside the attempt.
 */

import pRetry from 'p-retry'
import { sleep } from '../clock.ts'
import type { ServiceRecord } from '../domain/chat-request.ts'
import type { Observe } from '../domain/event.ts'
import { type Failure, LookupFailure } from '../domain/failure.ts'
import type { LookupHistory } from '../domain/history.ts'
import type { Lookup } from '../domain/lookup.ts'
import type { Outcome } from '../domain/outcome.ts'
import { Attempt, type AttemptParts, type AttemptRequest, DEADLINE_FAILURE, DeadlineReached } from './attempt.ts'
import type { Answer, AnswerSource, CallSharing } from './call-sharing.ts'
import { decide, type RetrySettings, type Verdict } from './verdict.ts'

export interface EnrichSettings extends RetrySettings {
  /** From the attempt's first permit on. */
  lookupDeadlineMs: number
}

export type AttemptEnd =
  | { type: 'answered'; outcome: Outcome; source: AnswerSource; calls: number }
  | { type: 'gave-up'; status: 'rejected' | 'failed'; failure: Failure; record: ServiceRecord | null; calls: number }
  | { type: 'go-back'; failure: Failure; delayMs: number; mayBeCharged: boolean; retriedOnce: boolean; calls: number }
  | { type: 'hold'; failure: Failure; delayMs: number; calls: number }

export class Enricher {
  readonly #parts: AttemptParts
  readonly #sharing: CallSharing | null
  readonly #settings: EnrichSettings
  readonly #observe: Observe

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

  begin(request: AttemptRequest, signal: AbortSignal): Attempt {
    return new Attempt(this.#parts, request, signal)
  }

  /** Calls until there is an answer or a verdict that ends the attempt. Rejects with the signal's reason, or with Held. */
  async run(attempt: Attempt, lookup: Lookup, history: LookupHistory): Promise<AttemptEnd> {
    const course = new Course(history, this.#settings)
    try {
      const answer = await pRetry((turn) => this.#callAgain(attempt, lookup, course, turn), {
        // The verdict decides, not a count of p-retry's; and p-retry's own waits are of no use (no jitter at the cap).
        retries: Number.POSITIVE_INFINITY,
        minTimeout: 0,
        factor: 1,
        shouldRetry: ({ error }) => this.#judge(error, attempt, lookup, course),
      })
      return { type: 'answered', ...answer, calls: attempt.calls }
    } catch (error) {
      return this.#end(error, attempt, course)
    }
  }

  async #callAgain(attempt: Attempt, lookup: Lookup, course: Course, turn: number): Promise<Answer> {
    if (turn > 1) await sleep(course.delayMs, attempt.signal)
    const call = () => attempt.call(lookup.connectionId)
    if (!this.#sharing || attempt.isProbe) return { outcome: await call(), source: 'service' }
    // What is to be asked again is not answered by what was answered before, however new that is.
    const enqueuedAt = course.isRecheck ? 0 : lookup.enqueuedAt
    return this.#sharing.share({ ...lookup, enqueuedAt, lane: attempt.lane }, attempt.signal, call)
  }

  /** Is this failure one to retry now? Remembers the verdict for the attempt's end. */
  #judge(error: Error, attempt: Attempt, lookup: Lookup, course: Course): boolean {
    if (!(error instanceof LookupFailure)) return false
    const again = course.take(error, attempt.leftMs)
    if (again) {
      const { reason } = error.failure
      this.#observe({ type: 'retry', lookupId: lookup.lookupId, when: 'now', reason, delayMs: course.delayMs })
    }
    return again
  }

  #end(error: unknown, attempt: Attempt, course: Course): AttemptEnd {
    if (error instanceof DeadlineReached) {
      course.timeIsUp(attempt.wasCutOff)
    } else if (!(error instanceof LookupFailure)) {
      throw error
    }
    return course.end(attempt.calls)
  }
}

/** The course of one attempt: its failures so far, and the verdict on the last of them. */
class Course {
  last: LookupFailure | null = null
  readonly #history: LookupHistory
  readonly #settings: RetrySettings
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

  get delayMs(): number {
    return 'delayMs' in this.#verdict ? this.#verdict.delayMs : 0
  }

  /** True if the verdict on this failure is to retry now. */
  take(failed: LookupFailure, leftMs: number): boolean {
    this.last = failed
    const { failures } = this.#history
    const standing = { quickRetries: this.#quickRetries, leftMs, failures, retriedOnce: this.#retriedOnce }
    this.#verdict = decide(failed.failure, standing, this.#settings)
    if (failed.failure.class === 'permanent-after-retry') this.#retriedOnce = true
    if (this.#verdict.type !== 'retry-now') return false
    this.#quickRetries++
    return true
  }

  /**
   * Cuts off a retry: what made it necessary stands, unless that was to be decided by the retry. With nothing of the kind,
   * and no call cut off, it has but waited for its turn, or for a call that others made: that is not its failure.
   */
  timeIsUp(wasCutOff: boolean): void {
    const passed = this.last?.failure.class === 'transient' ? this.last : null
    this.take(passed ?? new LookupFailure(DEADLINE_FAILURE), 0)
    if (!passed && !wasCutOff && this.#verdict.type === 'retry-later') this.#verdict.mayBeCharged = false
  }

  end(calls: number): AttemptEnd {
    const { failure, record } = this.last ?? new LookupFailure(DEADLINE_FAILURE)
    const verdict = this.#verdict
    if (verdict.type === 'give-up') return { type: 'gave-up', status: verdict.status, failure, record, calls }
    const { delayMs } = this
    if (verdict.type === 'hold') return { type: 'hold', failure, delayMs, calls }
    const mayBeCharged = verdict.type === 'retry-later' && verdict.mayBeCharged
    return { type: 'go-back', failure, delayMs, mayBeCharged, retriedOnce: this.#retriedOnce, calls }
  }
}
