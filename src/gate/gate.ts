/**
 * The gate: the fleet's permission to call. Every call passes it, retries and probes included, so that all processes
 * together keep the pace, the quota and the number of calls in flight that the service allows; and every call's end is
 * reported to it, so that the fleet holds together when the service, or our configuration, is broken.
 */

import { randomBytes } from 'node:crypto'
import { monotonic, type Signal, sleep } from '../clock.ts'
import type { Observe } from '../domain/event.ts'
import { type CallReport, NOT_FOUND } from '../domain/hold.ts'
import type { Lane } from '../domain/lane.ts'
import type { Redis } from '../redis/connections.ts'
import type { GateKeys } from '../redis/names.ts'
import { Asker, type Permit } from './asker.ts'
import type { Limits } from './limits.ts'
import { freePlace, takeBack } from './permit-return.ts'
import { askPermits, type PermitQuestion, type PermitReply } from './permit-script.ts'
import { type HoldSettings, type Question, type Reporter, type ReportReply, reportCalls } from './report-script.ts'
import { type Batch, batchOf, emptyBatch, Reports } from './reports.ts'

export { type Permit, RetryRefused } from './asker.ts'

export interface GateOptions extends Limits, HoldSettings {
  /** Part of pace and places that is kept for interactive lookups while any wait. */
  interactiveShare: number
  /** Calls of the whole fleet in `quotaPeriodMs`; null: no limit. */
  quotaCalls: number | null
  quotaPeriodMs: number
  /** How long a call can take at most, ms. A permit that is not given back by then is taken for lost. */
  soapCallTimeoutMs: number
  /** Stamp of the credentials that calls are made with. */
  credentials: () => string
}

export interface PermitRequest {
  lane: Lane
  /** A quick retry: it repeats the lookup's own call. */
  again?: boolean
  /** Token of the probe: it passes while the fleet holds. */
  probe?: string | null
}

/** What the fleet decides about one call's end. */
export interface Judgement {
  /** The fleet is held for answers like this one. */
  isHeldFor: boolean
  /** The refusal is this lookup's own: others are answered. */
  isOwn: boolean
}

/** Nearly every call is answered, and nobody has to decide anything: that costs no promise. */
const NO_JUDGEMENT = Promise.resolve(null)

/** What a lease lasts beyond the call: its turn, and the way. */
const LEASE_MARGIN_MS = 5000
const UNDECIDED_ASK_AGAIN_MS = 50
const ASK_AGAIN_AFTER_ERROR_MS = 250

export class Gate {
  readonly #redis: Redis
  readonly #keys: GateKeys
  readonly #options: GateOptions
  readonly #observe: Observe
  readonly #trouble: (error: unknown) => void
  readonly #askers = new Map<Lane, Asker>()
  readonly #reports = new Reports((batch) => this.#send(batch, ''))
  readonly #process = `${randomBytes(6).toString('hex')}:`
  #permits = 0
  #questions = 0
  #askQuestion: ((question: Question) => void) | null = null
  #isNotFoundDoubted = false

  /** `trouble` is told when Redis refuses; then nobody calls. */
  constructor(
    redis: Redis,
    keys: GateKeys,
    options: GateOptions,
    observe: Observe = () => {},
    trouble: (error: unknown) => void = () => {},
  ) {
    this.#redis = redis
    this.#keys = keys
    this.#options = options
    this.#observe = observe
    this.#trouble = trouble
  }

  /**
   * Waits for the turn of one call. Rejects with the signal's reason, with Held, or, for a quick retry, with RetryRefused.
   * Release the permit when the call has ended.
   */
  async permit({ lane, again = false, probe = null }: PermitRequest, signal: Signal): Promise<Permit> {
    const since = monotonic()
    const asker = probe === null ? this.#asker(lane) : this.#newAsker(lane, probe)
    const permit = await asker.permit(signal, again)
    this.#observe({ type: 'permit-granted', waitedMs: monotonic() - since })
    return permit
  }

  /** Sets who makes the fleet's one call that tells whose failure it is. Without it, this process opens no question. */
  answerQuestions(ask: (question: Question) => void): void {
    this.#askQuestion = ask
  }

  /**
   * Reports how a call ended, and waits while the fleet finds out whose failure it was. Never rejects; resolves to null
   * if the fleet has no answer to it, or Redis is away.
   */
  report(report: CallReport, probe: string | null = null): Promise<Judgement | null> {
    if (probe !== null || !report.answered || report.kind !== null) return this.#judged(report, probe)
    void this.#reports.tell(report)
    return NO_JUDGEMENT
  }

  async #judged(report: CallReport, probe: string | null): Promise<Judgement | null> {
    const reply = await this.#tell(report, probe)
    const { kind } = report
    return reply && { isHeldFor: kind !== null && reply.heldKinds.includes(kind), isOwn: reply.failureIs === 'own' }
  }

  async #tell(report: CallReport, probe: string | null): Promise<ReportReply | null> {
    if (probe !== null) return this.#send(batchOf(report), probe)
    const awaits: Batch['awaits'] = report.kind === NOT_FOUND && this.#isNotFoundDoubted ? NOT_FOUND : ''
    const isByItself = report.configuration !== undefined || report.retryAfterMs !== undefined || awaits !== ''
    if (!isByItself) return this.#reports.tell(report)
    const batch: Batch = { ...batchOf(report), awaits }
    await this.#reports.flush()
    let reply = await this.#send(batch, '')
    // The report was counted the first time; from then on it only asks.
    const { configuration, refusedId, failedBeganAt, endedAt } = batch
    const again = { ...emptyBatch(), configuration, refusedId, failedBeganAt, endedAt, awaits }
    while (reply?.failureIs === 'undecided') {
      await sleep(UNDECIDED_ASK_AGAIN_MS)
      reply = await this.#send({ ...again, waitsFor: reply.waitsFor }, '')
    }
    return reply
  }

  /** Sends the reports that have not been sent yet. */
  async flush(): Promise<void> {
    await this.#reports.flush()
  }

  /** The fleet is held: nobody needs to wait any longer. */
  refuseAll(): void {
    for (const asker of this.#askers.values()) asker.refuseAll()
  }

  #asker(lane: Lane): Asker {
    const known = this.#askers.get(lane)
    if (known) return known
    const asker = this.#newAsker(lane, '')
    this.#askers.set(lane, asker)
    return asker
  }

  #newAsker(lane: Lane, probe: string): Asker {
    return new Asker(
      (wanted, retries, missed) => this.#ask({ wanted, retries, missed, lane, probe }),
      (name, wasUsed) => {
        if (name.lease === '' && (wasUsed || name.slice === '')) return // nothing to give back
        const giveBack = wasUsed ? freePlace : takeBack
        giveBack(this.#redis, this.#keys, lane, name).catch(() => {}) // its lease ends by itself
      },
    )
  }

  async #ask(asked: Omit<AskedPermits, 'process' | 'first'>): Promise<PermitReply> {
    const question = permitQuestion(this.#options, { ...asked, ...this.#leaseNames(asked.wanted) })
    try {
      const reply = await askPermits(this.#redis, this.#keys, question)
      if (reply === 'spent') this.#observe({ type: 'hold-began', reason: 'quota' })
      return reply
    } catch (error) {
      this.#trouble(error)
      await sleep(ASK_AGAIN_AFTER_ERROR_MS)
      return { waitMs: 0, refused: 0 }
    }
  }

  #leaseNames(wanted: number): { process: string; first: number } {
    const first = this.#permits
    this.#permits += wanted
    return { process: this.#process, first }
  }

  async #send({ answeredAt, failedBeganAt, endedAt, ...batch }: Batch, probe: string): Promise<ReportReply | null> {
    const at = monotonic()
    const ago = {
      answeredAgoMs: batch.answered > 0 ? at - answeredAt : 0,
      failedBeganAgoMs: at - failedBeganAt,
      endedAgoMs: at - endedAt,
    }
    try {
      const report = { ...batch, ...ago, ...this.#reporter(probe) }
      const reply = await reportCalls(this.#redis, this.#keys, this.#options, report)
      this.#learn(reply)
      return reply
    } catch (error) {
      this.#trouble(error)
      return null
    }
  }

  #reporter(probe: string): Reporter {
    const { credentials, soapCallTimeoutMs } = this.#options
    const questionMs = this.#askQuestion ? soapCallTimeoutMs + LEASE_MARGIN_MS : 0
    return { probe, credentials: credentials(), questionToken: `${this.#process}q${this.#questions++}`, questionMs }
  }

  #learn({ began, question, isNotFoundDoubted }: ReportReply): void {
    this.#isNotFoundDoubted = isNotFoundDoubted
    for (const reason of began) this.#observe({ type: 'hold-began', reason })
    if (began.length > 0) this.refuseAll()
    if (question) this.#askQuestion?.(question)
  }
}

type AskedPermits = Pick<PermitQuestion, 'wanted' | 'retries' | 'missed' | 'lane' | 'probe' | 'process' | 'first'>

/** What a process asks the permit script, by its own limits. */
export function permitQuestion(options: GateOptions, asked: AskedPermits): PermitQuestion {
  const { rate, burst, inFlight, interactiveShare, quotaCalls, quotaPeriodMs, soapCallTimeoutMs } = options
  return {
    ...asked,
    leaseMs: soapCallTimeoutMs + LEASE_MARGIN_MS,
    rate: rate ?? 0,
    burst,
    inFlight: inFlight ?? 0,
    share: interactiveShare,
    quotaCalls: quotaCalls ?? 0,
    quotaPeriodMs,
  }
}
