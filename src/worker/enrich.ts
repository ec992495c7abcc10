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
import { type CallReport, Held } from '../domain/hold.ts'
import type { Lane } from '../domain/lane.ts'
import type { Lookup } from '../domain/lookup.ts'
import type { Outcome } from '../domain/outcome.ts'
import type { PermitRequest } from '../gate/gate.ts'
import { type IsListed, reportOf } from './breaker.ts'
import type { Answer, AnswerSource, CallSharing } from './coalesce.ts'
import { decide, type RetrySettings, type Verdict } from './verdict.ts'

/** The outside service, as the pipeline needs it: one call; rejects with a LookupFailure, or the signal's reason. */
export interface LookupClient {
  lookup(connectionId: string, signal: AbortSignal): Promise<Outcome>
}

/** Permission to call, and where to say how a call ended, as the pipeline needs it. */
export interface CallGate {
  permit(request: PermitRequest, signal: AbortSignal): Promise<{ release(): void }>
  report(report: CallReport, probe?: string | null): Promise<{ suspect: string | null } | null>
}

export interface EnrichSettings extends RetrySettings {
  /** From the attempt's first permit on. */
  lookupDeadlineMs: number
}

export type AttemptEnd =
  | { type: 'answered'; outcome: Outcome; source: AnswerSource; calls: number }
  | { type: 'gave-up'; status: 'rejected' | 'failed'; failure: Failure; record: ServiceRecord | null; calls: number }
  | { type: 'go-back'; failure: Failure; delayMs: number; mayBeCharged: boolean; retriedOnce: boolean; calls: number }
  | { type: 'hold'; failure: Failure; delayMs: number; calls: number }

/** The attempt's time was up. */
class DeadlineReached extends Error {}

const DEADLINE_FAILURE: Failure = {
  code: 'timeout',
  class: 'transient',
  reason: 'timeout',
  message: 'expected an answer before LOOKUP_DEADLINE_MS was over, got none',
}

/** What every attempt of a process works with. */
export interface AttemptParts {
  client: LookupClient
  gate: CallGate
  deadlineMs: number
  isListed: IsListed
}

/** `probe` is the token of the fleet's one probe, where the fleet holds and this attempt is it. */
export interface AttemptRequest {
  lane: Lane
  probe: string | null
}

/**
 * One attempt's calls, a probe's included: each takes its permit, and the attempt's time runs from the first of them.
 * Waiting for that one is not the service's fault and is not counted. How each ends is told to the whole fleet. Rejects
 * with Held where the fleet holds, or where what was answered is what it holds for. Close it when the attempt is over.
 */
export class Attempt {
  calls = 0
  readonly #parts: AttemptParts
  readonly #request: AttemptRequest
  readonly #signal: AbortSignal
  #deadline: { signal: AbortSignal; clear: () => void } | null = null
  #endsAt = Number.POSITIVE_INFINITY
  #calledAt = 0

  constructor(parts: AttemptParts, request: AttemptRequest, signal: AbortSignal) {
    this.#parts = parts
    this.#request = request
    this.#signal = signal
  }

  get signal(): AbortSignal {
    return this.#deadline?.signal ?? this.#signal
  }

  get lane(): Lane {
    return this.#request.lane
  }

  get isProbe(): boolean {
    return this.#request.probe !== null
  }

  get leftMs(): number {
    return Math.min(this.#endsAt - monotonic(), this.#parts.deadlineMs)
  }

  /** Has it called already? If not, nothing is lost by giving it back. */
  get hasCalled(): boolean {
    return this.calls > 0
  }

  async call(connectionId: string): Promise<Outcome> {
    const end = await this.#callOnce(connectionId)
    const { isListed, gate } = this.#parts
    const report = { ...reportOf(end, connectionId, isListed), tookMs: monotonic() - this.#calledAt }
    const told = gate.report(report, this.#request.probe)
    // The fleet's answer is waited for only where it matters: is this refusal everybody's?
    if (report.kind !== null && (await told)?.suspect === report.kind) throw new Held()
    if (end instanceof LookupFailure) throw end
    return end
  }

  /** Throws the reason if the lookup itself was taken away; not if only the attempt's time was up. */
  throwIfCancelled(): void {
    this.#signal.throwIfAborted()
  }

  close(): void {
    this.#deadline?.clear()
  }

  /** An outcome or a failure; rejects with anything else. */
  async #callOnce(connectionId: string): Promise<Outcome | LookupFailure> {
    const { client, gate } = this.#parts
    const permit = await gate.permit({ ...this.#request, again: this.hasCalled }, this.signal)
    try {
      this.#startClock()
      this.calls++
      this.#calledAt = monotonic()
      return await client.lookup(connectionId, this.signal)
    } catch (error) {
      if (error instanceof LookupFailure) return error
      // Cut off by our own deadline: it is the service that did not answer.
      if (error instanceof DeadlineReached) void gate.report(this.#cutOff(), this.#request.probe)
      throw error
    } finally {
      permit.release()
    }
  }

  #cutOff(): CallReport {
    return { answered: false, kind: null, tookMs: monotonic() - this.#calledAt }
  }

  #startClock(): void {
    if (this.#deadline) return
    const { deadlineMs } = this.#parts
    this.#deadline = deadline(deadlineMs, new DeadlineReached(DEADLINE_FAILURE.message), this.#signal)
    this.#endsAt = monotonic() + deadlineMs
  }
}

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
    return this.#sharing.share({ ...lookup, lane: attempt.lane }, attempt.signal, call)
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
    const { delayMs } = this
    if (verdict.type === 'hold') return { type: 'hold', failure, delayMs, calls }
    const mayBeCharged = verdict.type === 'retry-later' && verdict.mayBeCharged
    return { type: 'go-back', failure, delayMs, mayBeCharged, retriedOnce: this.#retriedOnce, calls }
  }
}
