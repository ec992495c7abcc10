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

import { fromIso, monotonic, now } from '../clock.ts'
import type { Observe } from '../domain/event.ts'
import type { Failure } from '../domain/failure.ts'
import type { LookupHistory } from '../domain/history.ts'
import { fullIso, LOOKUP_JOB_NAME, type Lookup, type ParsedLookup, parseLookup } from '../domain/lookup.ts'
import type { ResultStatus } from '../domain/result.ts'
import { sumOf } from '../domain/timing.ts'
import type { PastHolds } from '../gate/past-holds.ts'
import { type LookupHistories, NOTHING_KNOWN } from '../queues/lookup-history.ts'
import { type About, aboutLookup, aboutUnread, EXPIRED, endWithout, invalid, POISON } from '../queues/lookup-results.ts'
import { ageOf, isSuspect, type TakenLookup } from '../queues/taken-lookup.ts'
import { type Attempt, type AttemptRequest, HasResult } from './attempt.ts'
import type { ChargeDecision } from './charge.ts'
import type { AttemptEnd, Enricher } from './enrich.ts'
import { MakeWay } from './in-hand.ts'
import { type Run, type RunEnd, type RunEndSettings, RunEnds } from './run-end.ts'
import type { Solitude } from './solitude.ts'

export interface RunSettings extends RunEndSettings {
  lookupAttempts: number
  lookupExpiryMs: number
}

interface Begun {
  taken: TakenLookup
  attempt: Attempt
  history: LookupHistory
}

/** Together with two deaths among others, a lookup that kills its process ends after the sixth. */
const DEATHS_ALONE = 4

export class LookupRuns {
  readonly #histories: LookupHistories
  readonly #enricher: Enricher
  readonly #charges: ChargeDecision
  readonly #solitude: Solitude
  readonly #pastHolds: PastHolds
  readonly #settings: RunSettings
  readonly #ends: RunEnds
  readonly #observe: Observe

  constructor(
    parts: {
      histories: LookupHistories
      enricher: Enricher
      charges: ChargeDecision
      solitude: Solitude
      pastHolds: PastHolds
    },
    settings: RunSettings,
    observe: Observe,
  ) {
    this.#histories = parts.histories
    this.#enricher = parts.enricher
    this.#charges = parts.charges
    this.#solitude = parts.solitude
    this.#pastHolds = parts.pastHolds
    this.#settings = settings
    this.#ends = new RunEnds(settings, observe)
    this.#observe = observe
  }

  begin(request: AttemptRequest): Attempt {
    return this.#enricher.begin(request)
  }

  /** Rejects with the signal's reason or a HandBack when the lookup is taken away, with Held, or when Redis cannot be asked. */
  async run(taken: TakenLookup, attempt: Attempt): Promise<RunEnd> {
    try {
      return await this.#run(taken, attempt)
    } catch (error) {
      if (error instanceof HasResult) return { type: 'has-result', status: error.status }
      throw error
    }
  }

  async #run(taken: TakenLookup, attempt: Attempt): Promise<RunEnd> {
    attempt.lookup = taken
    const known = taken.taken > 1 ? await this.#histories.recall(taken) : NOTHING_KNOWN
    if (known.published) throw new HasResult(known.published)
    const at = await this.#histories.time()
    const { history } = known
    this.#countWait(taken, history, attempt, at)
    const begun = { taken, attempt, history }
    const parsed = readTaken(taken)
    if (!parsed.ok) return this.#endWithout(begun, aboutUnread(taken), invalid(parsed.problem))
    const { lookupId, enqueuedAt, askedAt } = taken
    // In place: the data was read for this run alone, and a copy by spread shows in a worker's profile.
    const lookup: Lookup = Object.assign(parsed.data, { lookupId, enqueuedAt, askedAt })
    const expiresAt = this.#expiryOf(lookup, taken.askedDelayMs) + (now() - at)
    const run: Run = { taken, lookup, known, attempt, expiresAt }
    if (now() >= run.expiresAt) return this.#endWithout(begun, aboutLookup(run), EXPIRED)
    if (history.diedAlone >= DEATHS_ALONE) return this.#endWithout(begun, aboutLookup(run), POISON)
    return isSuspect(taken) ? this.#alone(run) : this.#attempt(run)
  }

  /** A first run has no history, and its marker is hardly ever set: it is read with the question that comes before a call. */
  async #mustHaveNoResult(taken: TakenLookup): Promise<void> {
    const published = taken.taken > 1 ? null : await this.#histories.markers.statusOf(taken)
    if (published) throw new HasResult(published)
  }

  async #endWithout({ taken, attempt, history }: Begun, about: About, failure: Failure): Promise<RunEnd> {
    await this.#mustHaveNoResult(taken)
    const timing = sumOf(history.timing, attempt.timing)
    return { type: 'result', ...endWithout(about, { ...history, timing }, failure) }
  }

  /** From when it was due, `at` being now; both by Redis' clock. */
  #countWait(taken: TakenLookup, history: LookupHistory, attempt: Attempt, at: number): void {
    const { timing } = attempt
    const firstDueAt = taken.askedAt === 0 ? at : taken.askedAt + taken.askedDelayMs
    const dueAt = history.dueAt || firstDueAt
    timing.heldMs = this.#pastHolds.heldMs(dueAt, at)
    timing.waitedMs = Math.max(0, at - dueAt - timing.heldMs)
    if (history.dueAt > at) timing.delayedMs = at - history.dueAt // somebody has promoted it: it was delayed for less
    attempt.isTimed = true
  }

  /** The lookup stays alone until its run has ended altogether: LookupWorker gives the solitude back. */
  async #alone(run: Run): Promise<RunEnd> {
    const { taken, known, attempt } = run
    if (!(await this.#solitude.enter(attempt))) throw new MakeWay('another suspect runs alone')
    await this.#histories.beginAlone(taken, known.history)
    this.#observe({ type: 'set-apart', lookupId: taken.lookupId, stalls: taken.stalls })
    return this.#attempt(run)
  }

  async #attempt(run: Run): Promise<RunEnd> {
    const { taken, known, lookup, attempt } = run
    if (!this.#enricher.isShared(attempt)) await this.#mustHaveNoResult(taken)
    const history = { ...known.history }
    const charge = known.failedAt === null ? 'free' : await this.#charges.decide(known, lookup.connectionId, attempt)
    const isSpent = charge === 'charged' && this.#isSpentBy(run, history)
    attempt.isTroubled = isTroubled(history)
    const isOver = isSpent || charge === 'service-is-down'
    const end = isOver ? null : await this.#observed(run, history)
    history.calls += attempt.calls
    history.timing = sumOf(history.timing, attempt.timing)
    if (end) return this.#ends.of(end, run, history)
    if (!isSpent) return this.#ends.ofServiceDown(run, history)
    return { type: 'result', ...endWithout(aboutLookup(run), history, history.lastFailure ?? POISON) }
  }

  /** Charges the attempt before this one. True if that was the last. */
  #isSpentBy({ taken: { lookupId } }: Run, history: LookupHistory): boolean {
    history.charged++
    const { lookupAttempts: limit } = this.#settings
    this.#observe({ type: 'attempt-charged', lookupId, charged: history.charged, limit })
    return history.charged >= limit
  }

  /** Counted from when the lookup was due. A lookup that does not say when it was enqueued has no age. */
  #expiryOf(lookup: Lookup, askedDelayMs: number): number {
    const ofAge = lookup.askedAt > 0 ? lookup.askedAt + askedDelayMs + this.#settings.lookupExpiryMs : Infinity
    const asked = lookup.expiresAt === undefined ? null : fullIso(lookup.expiresAt)
    return asked === null ? ofAge : Math.min(ofAge, fromIso(asked))
  }

  async #observed({ taken, attempt, lookup }: Run, history: LookupHistory): Promise<AttemptEnd> {
    const startedAt = monotonic()
    const { lookupId } = taken
    const waitedMs = ageOf(taken)
    const { traceparent } = lookup
    this.#observe({ type: 'attempt-started', lookupId, waitedMs, first: taken.taken <= 1, traceparent })
    let status: ResultStatus | 'retry' | 'handed-back' = 'handed-back'
    try {
      const end = await this.#enricher.run(attempt, lookup, history)
      status = end.type === 'answered' ? end.outcome.status : end.type === 'give-up' ? end.status : 'retry'
      return end
    } finally {
      const durationMs = monotonic() - startedAt
      const { producer = null } = lookup
      this.#observe({ type: 'attempt-finished', lookupId, status, durationMs, calls: attempt.calls, producer })
    }
  }
}

/**
 * Charged: it failed while others were answered. Or it was refused as if by a wrong configuration, and runs again: so a
 * probe was answered since. Such a lookup must neither trip the breaker nor hold the fleet again and again.
 */
function isTroubled({ charged, failures, lastFailure }: LookupHistory): boolean {
  const wasRefused = lastFailure?.class === 'configuration' || lastFailure?.retryAfterMs !== undefined
  return charged > 0 || (failures > 0 && wasRefused)
}

function readTaken(taken: TakenLookup): ParsedLookup {
  if (taken.problem !== null) return { ok: false, problem: taken.problem }
  if (taken.name !== LOOKUP_JOB_NAME) {
    return { ok: false, problem: `job name: expected ${LOOKUP_JOB_NAME}, got ${shownName(taken.name)}` }
  }
  return parseLookup(taken.data)
}

/** A job's name as a programmer gives one; anything else may be a customer's data, and is not shown. */
function shownName(name: string): string {
  return /^[A-Za-z][A-Za-z_-]{0,31}$/.test(name) ? name : 'a name that is not shown'
}
