/**
 * One run of a lookup, from what lies on the queue to what is to be done with it. Knows nothing of BullMQ.
 *
 *     has its result already?   -> done
 *     cannot be read?           -> result `invalid`
 *     too old?                  -> result `failed`, code `expired`
 *     its process died of it    -> result `failed`, code `poison`
 *     its process died, twice   -> alone in its process, as soon as nobody else is
 *     charged too often?        -> result `failed`, with the last failure
 *     else                      -> an attempt; its end is a result, or going back
 */

import { fromIso, iso, monotonic, now } from '../clock.ts'
import type { AttemptVerdict, Observe } from '../domain/event.ts'
import type { FailureReason } from '../domain/failure.ts'
import type { LookupHistory } from '../domain/history.ts'
import { fullIso, LOOKUP_JOB_NAME, type Lookup, type ParsedLookup, parseLookup } from '../domain/lookup.ts'
import { type ResultStatus, resultOf } from '../domain/result.ts'
import { type KnownLookup, type LookupHistories, NOTHING_KNOWN } from '../queues/lookup-history.ts'
import { aboutLookup, aboutUnread, EXPIRED, endWithout, invalid, POISON } from '../queues/lookup-results.ts'
import { ageOf, isSuspect, type RunEnd, type TakenLookup } from '../queues/taken-lookup.ts'
import type { Attempt, AttemptRequest } from './attempt.ts'
import type { ChargeDecision } from './charge.ts'
import type { AttemptEnd, Enricher } from './enrich.ts'
import type { Solitude } from './solitude.ts'

export interface RunSettings {
  lookupAttempts: number
  lookupExpiryMs: number
  lookupBackoffMinMs: number
  lookupBackoffMaxMs: number
  /** A lookup not found is asked again after each of these, ms, before it is `not-found`. */
  notFoundRecheck: readonly number[] | null
}

/** With two deaths among others before, a lookup that kills its process ends after the sixth. */
const DEATHS_ALONE = 4

export class LookupRuns {
  readonly #histories: LookupHistories
  readonly #enricher: Enricher
  readonly #charges: ChargeDecision
  readonly #solitude: Solitude
  readonly #settings: RunSettings
  readonly #observe: Observe

  constructor(
    parts: { histories: LookupHistories; enricher: Enricher; charges: ChargeDecision; solitude: Solitude },
    settings: RunSettings,
    observe: Observe,
  ) {
    this.#histories = parts.histories
    this.#enricher = parts.enricher
    this.#charges = parts.charges
    this.#solitude = parts.solitude
    this.#settings = settings
    this.#observe = observe
  }

  begin(request: AttemptRequest, signal: AbortSignal): Attempt {
    return this.#enricher.begin(request, signal)
  }

  /** Rejects with the signal's reason when the lookup is taken away, or when Redis cannot be asked. */
  async run(taken: TakenLookup, attempt: Attempt): Promise<RunEnd> {
    try {
      return await this.#run(taken, attempt)
    } catch (error) {
      if (error instanceof HasResult) return { type: 'has-result', status: error.status }
      throw error
    }
  }

  async #run(taken: TakenLookup, attempt: Attempt): Promise<RunEnd> {
    const known = await this.#know(taken, attempt)
    if (known.published) throw new HasResult(known.published)
    const at = await this.#histories.time()
    const { history } = known
    const parsed = readTaken(taken)
    if (!parsed.ok) return this.#endWithout(attempt, aboutUnread(taken), history, invalid(parsed.problem))
    const lookup = { ...parsed.data, lookupId: taken.lookupId, enqueuedAt: taken.enqueuedAt }
    const expiresAt = this.#expiryOf(lookup, taken.askedDelayMs) + (now() - at)
    const run: Run = { taken, lookup, known, attempt, expiresAt }
    if (now() >= run.expiresAt) return this.#endWithout(attempt, aboutLookup(run), history, EXPIRED)
    if (history.diedAlone >= DEATHS_ALONE) return this.#endWithout(attempt, aboutLookup(run), history, POISON)
    return isSuspect(taken) ? this.#alone(run) : this.#attempt(run)
  }

  /**
   * Of its first run there is nothing to know but that another lookup of the same id has had its result, and that is hardly
   * ever so: asked for while it goes on, and known before it calls.
   */
  async #know(taken: TakenLookup, attempt: Attempt): Promise<KnownLookup> {
    if (taken.taken > 1) return this.#histories.recall(taken)
    const published = this.#histories.published(taken)
    attempt.mayCall = published.then((status) => {
      if (status) throw new HasResult(status)
    })
    attempt.mayCall.catch(() => {}) // it may never come to a call
    return NOTHING_KNOWN
  }

  async #endWithout(attempt: Attempt, ...end: Parameters<typeof endWithout>): Promise<RunEnd> {
    await attempt.mayCall
    return endWithout(...end)
  }

  /** Until its run has ended altogether: whoever has it run gives the solitude back. */
  async #alone(run: Run): Promise<RunEnd> {
    const { taken, known, attempt } = run
    if (!(await this.#solitude.enter(attempt))) return { type: 'make-way' }
    await this.#histories.beginAlone(taken, known.history)
    this.#observe({ type: 'set-apart', lookupId: taken.lookupId, stalls: taken.stalls })
    return this.#attempt(run)
  }

  async #attempt(run: Run): Promise<RunEnd> {
    const { taken, known, attempt } = run
    const history = { ...known.history }
    const charge = await this.#charges.decide(known, run.lookup.connectionId, attempt)
    if (charge === 'charged') {
      history.charged++
      const { lookupAttempts: limit } = this.#settings
      this.#observe({ type: 'attempt-charged', lookupId: taken.lookupId, charged: history.charged, limit })
      if (history.charged >= limit) {
        history.calls += attempt.calls
        return endWithout(aboutLookup(run), history, history.lastFailure ?? POISON)
      }
    }
    attempt.isTroubled = isTroubled(history)
    if (charge === 'service-is-down') return this.#serviceIsDown(run, history)
    return this.#finish(run, history, await this.#observed(run, () => this.#enricher.run(attempt, run.lookup, history)))
  }

  #finish(run: Run, history: LookupHistory, end: AttemptEnd): RunEnd {
    const calls = history.calls + end.calls
    const attempts = run.taken.taken - history.idle
    const subject = () => ({ ...aboutLookup(run), calls, attempts, finishedAt: iso(now()) })
    const tell = (verdict: AttemptVerdict, reason: FailureReason | 'none' = 'none') =>
      this.#observe({ type: 'verdict', lookupId: run.taken.lookupId, verdict, reason, calls: end.calls })
    switch (end.type) {
      case 'answered': {
        const again = this.#recheckAfter(run, end.outcome.status, history)
        tell(again === null ? 'answered' : 'recheck')
        if (again !== null) return this.#recheck({ ...history, calls }, again)
        const result = resultOf(subject(), end.outcome.status, { ...end.outcome, source: end.source })
        return { type: 'result', result }
      }
      case 'give-up': {
        const { status, failure, record } = end
        tell('give-up', failure.reason)
        return { type: 'result', result: resultOf(subject(), status, { ...record, failure }), failure }
      }
      case 'retry-later': {
        const { failure: lastFailure, retriedOnce, mayBeCharged, delayMs } = end
        tell('retry-later', lastFailure.reason)
        return this.#goBack(run, { ...history, calls, lastFailure, retriedOnce }, mayBeCharged, delayMs)
      }
      case 'hold': {
        const { failure: lastFailure, delayMs } = end
        tell('hold', lastFailure.reason)
        return this.#hold(run, { ...history, calls, lastFailure }, delayMs)
      }
    }
  }

  /**
   * Back to where it was, for it is everybody's failure. Should it be this lookup's after all (a proxy that refuses this
   * one id), it must not stop the fleet again and again: from the second time on it goes behind the others, with backoff.
   */
  #hold(run: Run, history: LookupHistory, backoffMs: number): RunEnd {
    if (history.failures > 0 || run.attempt.isProbe) return this.#goBack(run, history, false, backoffMs)
    return { type: 'held', history: { ...history, failures: history.failures + 1 } }
  }

  /** Null where it is not to be asked again, or would have expired by then: what it was answered stands. */
  #recheckAfter({ expiresAt }: Run, status: ResultStatus, { rechecks }: LookupHistory): number | null {
    const delayMs = status === 'not-found' ? this.#settings.notFoundRecheck?.[rechecks] : undefined
    return delayMs !== undefined && now() + delayMs < expiresAt ? delayMs : null
  }

  #recheck(history: LookupHistory, delayMs: number): RunEnd {
    return { type: 'go-back', delayMs, history: { ...history, rechecks: history.rechecks + 1 }, mayBeCharged: false }
  }

  /** A probe told so: the attempt before this one was free, and there is no use in another now. */
  #serviceIsDown(run: Run, history: LookupHistory): RunEnd {
    const { lookupBackoffMinMs: min, lookupBackoffMaxMs: max } = this.#settings
    const delayMs = Math.random() * Math.min(max, min * 2 ** history.failures)
    return this.#goBack(run, { ...history, calls: history.calls + run.attempt.calls }, false, delayMs)
  }

  #goBack(run: Run, history: LookupHistory, mayBeCharged: boolean, backoffMs: number): RunEnd {
    const delayMs = untilExpiry(backoffMs, run.expiresAt)
    const reason = history.lastFailure?.reason ?? 'internal'
    this.#observe({ type: 'retry', lookupId: run.taken.lookupId, when: 'later', reason, delayMs })
    return { type: 'go-back', delayMs, history: { ...history, failures: history.failures + 1 }, mayBeCharged }
  }

  /** Counted from when it was due; a lookup that cannot say when it was enqueued has no age. */
  #expiryOf(lookup: Lookup, askedDelayMs: number): number {
    const ofAge = lookup.enqueuedAt > 0 ? lookup.enqueuedAt + askedDelayMs + this.#settings.lookupExpiryMs : Infinity
    const asked = lookup.expiresAt === undefined ? null : fullIso(lookup.expiresAt)
    return asked === null ? ofAge : Math.min(ofAge, fromIso(asked))
  }

  async #observed({ taken }: Run, work: () => Promise<AttemptEnd>): Promise<AttemptEnd> {
    const startedAt = monotonic()
    const { lookupId } = taken
    const waitedMs = ageOf(taken)
    this.#observe({ type: 'attempt-started', lookupId, waitedMs, first: taken.taken <= 1 })
    let status: ResultStatus | 'retry' | 'handed-back' = 'handed-back'
    try {
      const end = await work()
      status = end.type === 'answered' ? end.outcome.status : end.type === 'give-up' ? end.status : 'retry'
      return end
    } finally {
      this.#observe({ type: 'attempt-finished', lookupId, status, durationMs: monotonic() - startedAt })
    }
  }
}

/** It has had its result already. */
class HasResult extends Error {
  readonly status: ResultStatus

  constructor(status: ResultStatus) {
    super(status)
    this.status = status
  }
}

/** What one run is about. */
interface Run {
  taken: TakenLookup
  lookup: Lookup
  known: KnownLookup
  attempt: Attempt
  /** On this machine's clock, however far that is off Redis', by which lookups expire. */
  expiresAt: number
}

/**
 * Charged: it failed while others were answered. Or it was refused as if by a wrong configuration, and a probe was
 * answered since, or it would not run now. It alone must neither trip the breaker nor hold the fleet again and again.
 */
function isTroubled({ charged, failures, lastFailure }: LookupHistory): boolean {
  return charged > 0 || (failures > 0 && lastFailure?.class === 'configuration')
}

function readTaken(taken: TakenLookup): ParsedLookup {
  if (taken.name !== LOOKUP_JOB_NAME) {
    return { ok: false, problem: `job name: expected ${LOOKUP_JOB_NAME}, got another` }
  }
  return parseLookup(taken.data)
}

function untilExpiry(delayMs: number, expiresAt: number): number {
  return Math.max(0, Math.min(Math.round(delayMs), expiresAt - now()))
}
