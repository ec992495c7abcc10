/** One attempt at a lookup: its permits, its calls, its time, and what the fleet is told of each call. */

import { after, monotonic, orAborted, QuickSignal, type Signal } from '../clock.ts'
import type { CallEnd, FailedCall } from '../domain/call-end.ts'
import { type CallReport, Held } from '../domain/hold.ts'
import type { Lane } from '../domain/lane.ts'
import type { ResultStatus } from '../domain/result.ts'
import { noTime, type Timing } from '../domain/timing.ts'
import type { Judgement, Permit, PermitRequest } from '../gate/gate.ts'
import type { LookupIdentity } from '../redis/names.ts'
import { type KnownCodes, reportOf } from './call-report.ts'

/** The outside service, as the pipeline needs it: one call. Rejects only with the signal's reason. */
export interface LookupClient {
  call(connectionId: string, signal: Signal): Promise<CallEnd>
}

/** Permission to call, and where to say how a call ended, as the pipeline needs it. */
export interface CallGate {
  permit(request: PermitRequest, signal: Signal): Promise<Permit>
  report(report: CallReport, probe?: string | null): Promise<Judgement | null>
}

/** The lookup has had its result already, and needs no call. */
export class HasResult extends Error {
  readonly status: ResultStatus

  constructor(status: ResultStatus) {
    super(status)
    this.status = status
  }
}

/** The attempt's time is over. */
export class DeadlineReached extends Error {}

/** The end of a call that the deadline cut off. */
export const NO_TIME_LEFT: FailedCall = {
  failure: {
    code: 'timeout',
    class: 'transient',
    reason: 'timeout',
    message: 'expected an answer before LOOKUP_DEADLINE_MS was over, got none',
  },
  record: null,
}

/** What every attempt of a process works with. */
export interface AttemptParts {
  client: LookupClient
  gate: CallGate
  deadlineMs: number
  codes: KnownCodes
}

/** `probe` is the token of the fleet's one probe, where the fleet holds and this attempt is it. */
export interface AttemptRequest {
  lane: Lane
  probe: string | null
}

/**
 * One attempt's calls, a probe's included. Each call takes its permit, and the attempt's time runs from the first permit
 * on: waiting for that one is not the service's fault and is not counted. The fleet is told how each call ended. Rejects
 * with Held if the fleet is held, or if it is held for just this answer, and a retry
 * with RetryRefused. Close the attempt when it is over.
 */
export class Attempt {
  calls = 0
  /** How long its last call was on the wire, ms. */
  wireMs = 0
  /** Where the time of this run goes. Its wait in the queue is counted once it `isTimed`. */
  readonly timing: Timing = noTime()
  isTimed = false
  /** The attempt's time ended in the middle of a call, so it was the service that did not answer. */
  wasCutOff = false
  /** The lookup has failed by itself before, so its failures do not count against the service. */
  isTroubled = false
  /** Its last call was refused while others are answered: the refusal is the lookup's own. */
  isRefusalOwn = false
  /** The lookup that it is at; null: none, as for a probe with an id that the service knows. */
  lookup: LookupIdentity | null = null
  readonly #parts: AttemptParts
  readonly #request: AttemptRequest
  readonly #work = new QuickSignal()
  readonly #cancellation = new QuickSignal()
  #stopClock: (() => void) | null = null
  #unfollow: (() => void) | null = null
  #endsAt = Number.POSITIVE_INFINITY
  #calledAt = 0

  /** `until`, if given, takes the lookup away when it aborts. */
  constructor(parts: AttemptParts, request: AttemptRequest, until?: Signal) {
    this.#parts = parts
    this.#request = request
    if (until) this.#cancelWith(until)
  }

  /** Aborts when the attempt's time is up, or when the lookup is taken away. */
  get signal(): Signal {
    return this.#work
  }

  /** Aborts only when the lookup is taken away. */
  get cancellation(): Signal {
    return this.#cancellation
  }

  /** Takes the lookup away from this attempt. */
  cancel(reason: Error): void {
    this.#work.abort(reason)
    this.#cancellation.abort(reason)
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

  /** Whether it has called. If not, giving it back costs nothing. */
  get hasCalled(): boolean {
    return this.calls > 0
  }

  async call(connectionId: string, isRetry = false): Promise<CallEnd> {
    const end = await this.#callOnce(connectionId, isRetry)
    const { codes, gate } = this.#parts
    const report = this.#under(reportOf(end, connectionId, codes))
    const told = gate.report(report, this.#request.probe)
    // The fleet's answer is awaited only where it matters: whether this refusal is everybody's. And a probe's token must
    // not be given back before the fleet knows how the probe ended.
    const isAwaited = report.kind !== null || report.configuration !== undefined || this.isProbe
    const judged = isAwaited ? await orAborted(told, this.signal) : null
    this.isRefusalOwn = judged?.isOwn ?? false
    if (judged?.isHeldFor) throw new Held()
    return end
  }

  /** Throws the reason if the lookup itself was taken away, but not if only the attempt's time is over. */
  throwIfCancelled(): void {
    this.#cancellation.throwIfAborted()
  }

  close(): void {
    this.#stopClock?.()
    this.#unfollow?.()
  }

  async #callOnce(connectionId: string, isRetry: boolean): Promise<CallEnd> {
    const { client, gate } = this.#parts
    const { lane, probe } = this.#request
    const askedAt = monotonic()
    let permit: Permit | null = null
    try {
      permit = await gate.permit({ lane, probe, again: isRetry && probe === null }, this.signal)
      this.#calledAt = monotonic()
      this.#startClock()
      this.calls++
      return await client.call(connectionId, this.signal)
    } catch (error) {
      if (permit && error instanceof DeadlineReached) this.#tellCutOff()
      throw error
    } finally {
      this.#count(askedAt, permit !== null)
      permit?.release()
    }
  }

  #count(askedAt: number, hasCalled: boolean): void {
    const at = monotonic()
    this.wireMs = hasCalled ? at - this.#calledAt : 0
    this.timing.calledMs += this.wireMs
    this.timing.pacedMs += at - this.wireMs - askedAt
  }

  #tellCutOff(): void {
    this.wasCutOff = true
    const report = this.#under({ answered: false, kind: null, how: 'timeout' })
    void this.#parts.gate.report(report, this.#request.probe)
  }

  /** Adds the call's circumstances. In place, because a copy by spread costs as much as the permit. */
  #under(report: CallReport): CallReport {
    report.tookMs = monotonic() - this.#calledAt
    report.ofTroubled = this.isTroubled && !this.isProbe
    return report
  }

  #cancelWith(until: Signal): void {
    const cancel = () => this.cancel(until.reason)
    if (until.aborted) cancel()
    else until.addEventListener('abort', cancel, { once: true })
    this.#unfollow = () => until.removeEventListener('abort', cancel)
  }

  #startClock(): void {
    if (this.#stopClock) return
    const { deadlineMs } = this.#parts
    const isUp = () => this.#work.abort(new DeadlineReached(NO_TIME_LEFT.failure.message))
    this.#stopClock = after(deadlineMs, isUp)
    this.#endsAt = monotonic() + deadlineMs
  }
}
