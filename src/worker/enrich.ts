/**
 * The use case: one attempt of one lookup. Asks the gate, calls, and on a failure does what the verdict says, as far as
 * that can be done inside the attempt.
 */

import pRetry from 'p-retry'
import { deadline, monotonic, sleep } from '../clock.ts'
import type { ServiceRecord } from '../domain/chat-request.ts'
import type { Observe } from '../domain/event.ts'
import { type Failure, LookupFailure } from '../domain/failure.ts'
import type { LookupHistory } from '../domain/history.ts'
import type { Lane } from '../domain/lane.ts'
import type { Lookup } from '../domain/lookup.ts'
import type { Outcome } from '../domain/outcome.ts'
import { decide, type RetrySettings, type Verdict } from './verdict.ts'

/** The outside service, as the pipeline needs it: one call; rejects with a LookupFailure, or the signal's reason. */
export interface LookupClient {
  lookup(connectionId: string, signal: AbortSignal): Promise<Outcome>
}

/** Permission to call, as the pipeline needs it. */
export interface CallGate {
  permit(lane: Lane, signal: AbortSignal): Promise<{ release(): void }>
  pause(ms: number): Promise<void>
}

export interface EnrichSettings extends RetrySettings {
  /** From the attempt's first permit on. */
  lookupDeadlineMs: number
}

export type AttemptEnd =
  | { type: 'answered'; outcome: Outcome; calls: number }
  | { type: 'gave-up'; status: 'rejected' | 'failed'; failure: Failure; record: ServiceRecord | null; calls: number }
  | { type: 'go-back'; failure: Failure; delayMs: number; mayBeCharged: boolean; retriedOnce: boolean; calls: number }

/** The attempt's time was up. */
class DeadlineReached extends Error {}

const DEADLINE_FAILURE: Failure = {
  code: 'timeout',
  class: 'transient',
  reason: 'timeout',
  message: 'expected an answer before LOOKUP_DEADLINE_MS was over, got none',
}

/**
 * One attempt's calls, a probe's included: each takes its permit, and the attempt's time runs from the first of them.
 * Waiting for that one is not the service's fault and is not counted. Whichever call is told to wait (`Retry-After`), the
 * whole fleet does. Close it when the attempt is over.
 */
export class Attempt {
  calls = 0
  readonly #client: LookupClient
  readonly #gate: CallGate
  readonly #lane: Lane
  readonly #signal: AbortSignal
  readonly #deadlineMs: number
  #deadline: { signal: AbortSignal; clear: () => void } | null = null
  #endsAt = Number.POSITIVE_INFINITY

  constructor(client: LookupClient, gate: CallGate, lane: Lane, signal: AbortSignal, deadlineMs: number) {
    this.#client = client
    this.#gate = gate
    this.#lane = lane
    this.#signal = signal
    this.#deadlineMs = deadlineMs
  }

  get signal(): AbortSignal {
    return this.#deadline?.signal ?? this.#signal
  }

  get leftMs(): number {
    return Math.min(this.#endsAt - monotonic(), this.#deadlineMs)
  }

  /** Has it called already? If not, nothing is lost by giving it back. */
  get hasCalled(): boolean {
    return this.calls > 0
  }

  async call(connectionId: string): Promise<Outcome> {
    const permit = await this.#gate.permit(this.#lane, this.signal)
    try {
      this.#startClock()
      this.calls++
      return await this.#client.lookup(connectionId, this.signal)
    } catch (error) {
      const waitMs = error instanceof LookupFailure ? error.failure.retryAfterMs : 0
      if (waitMs) void this.#gate.pause(waitMs).catch(() => {}) // each call that follows is told again
      throw error
    } finally {
      permit.release()
    }
  }

  /** Throws the reason if the lookup itself was taken away; not if only the attempt's time was up. */
  throwIfCancelled(): void {
    this.#signal.throwIfAborted()
  }

  close(): void {
    this.#deadline?.clear()
  }

  #startClock(): void {
    if (this.#deadline) return
    this.#deadline = deadline(this.#deadlineMs, new DeadlineReached(DEADLINE_FAILURE.message), this.#signal)
    this.#endsAt = monotonic() + this.#deadlineMs
  }
}

export class Enricher {
  readonly #client: LookupClient
  readonly #gate: CallGate
  readonly #settings: EnrichSettings
  readonly #observe: Observe

  constructor(client: LookupClient, gate: CallGate, settings: EnrichSettings, observe: Observe) {
    this.#client = client
    this.#gate = gate
    this.#settings = settings
    this.#observe = observe
  }

  begin(lane: Lane, signal: AbortSignal): Attempt {
    return new Attempt(this.#client, this.#gate, lane, signal, this.#settings.lookupDeadlineMs)
  }

  /** Calls until there is an answer or a verdict that ends the attempt. Rejects only with the signal's reason. */
  async run(attempt: Attempt, lookup: Lookup, history: LookupHistory): Promise<AttemptEnd> {
    const course = new Course(history, this.#settings)
    try {
      const outcome = await pRetry((turn) => this.#callAgain(attempt, lookup, course, turn), {
        // The verdict decides, not a count of p-retry's; and p-retry's own waits are of no use (no jitter at the cap).
        retries: Number.POSITIVE_INFINITY,
        minTimeout: 0,
        factor: 1,
        shouldRetry: ({ error }) => this.#judge(error, attempt, lookup, course),
      })
      return { type: 'answered', outcome, calls: attempt.calls }
    } catch (error) {
      return this.#end(error, attempt, course)
    }
  }

  async #callAgain(attempt: Attempt, lookup: Lookup, course: Course, turn: number): Promise<Outcome> {
    if (turn > 1) await sleep(course.delayMs, attempt.signal)
    return attempt.call(lookup.connectionId)
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
      course.timeIsUp()
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

  /** Cuts off a retry: what made it necessary stands, unless that was to be decided by the retry. */
  timeIsUp(): void {
    const passed = this.last?.failure.class === 'transient' ? this.last : null
    this.take(passed ?? new LookupFailure(DEADLINE_FAILURE), 0)
  }

  end(calls: number): AttemptEnd {
    const { failure, record } = this.last ?? new LookupFailure(DEADLINE_FAILURE)
    const verdict = this.#verdict
    if (verdict.type === 'give-up') return { type: 'gave-up', status: verdict.status, failure, record, calls }
    const mayBeCharged = verdict.type === 'retry-later' && verdict.mayBeCharged
    const { delayMs } = this
    return { type: 'go-back', failure, delayMs, mayBeCharged, retriedOnce: this.#retriedOnce, calls }
  }
}
