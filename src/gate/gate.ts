/**
 * The gate: the fleet's permission to call. Every call passes it, retries and probes included, so that all processes
 * together keep the pace, the quota and the number of calls in flight that the service allows; and every call's end is
 * reported to it, so that the fleet holds together when the service, or our configuration, is broken.
 */

import { randomBytes } from 'node:crypto'
import { monotonic, sleep } from '../clock.ts'
import type { Observe } from '../domain/event.ts'
import type { CallReport, HoldReason } from '../domain/hold.ts'
import type { Lane } from '../domain/lane.ts'
import type { Redis } from '../redis/connections.ts'
import type { GateKeys } from '../redis/names.ts'
import { type Answer, Asker, type Permit } from './asker.ts'
import { PERMIT_SCRIPT, permitKeys } from './permit-script.ts'
import { REPORT_SCRIPT } from './report-script.ts'
import { type Batch, batchOf, Reports } from './reports.ts'

export type { Permit } from './asker.ts'

export interface GateOptions {
  /** Calls a second of the whole fleet; null: no limit. */
  ratePerSecond: number | null
  /** Calls that may leave at once after a pause. */
  rateBurst: number
  /** Calls of the whole fleet at one time; null: no limit. */
  maxCallsInFlight: number | null
  /** Part of pace and places that is kept for interactive lookups while any wait. */
  interactiveShare: number
  /** Calls of the whole fleet in `quotaPeriodMs`; null: no limit. */
  quotaCalls: number | null
  quotaPeriodMs: number
  /** How long a call can take at most, ms: a permit not given back by then is taken for lost. */
  soapCallTimeoutMs: number
  breakerFailureRatio: number
  breakerMinCalls: number
  breakerWindowMs: number
  /** Time to the first probe of a hold, and between probes at most, doubling. */
  holdMinMs: number
  holdMaxMs: number
  /** Stamp of the credentials that calls are made with. */
  credentials: () => string
}

export interface PermitRequest {
  lane: Lane
  /** The lookup has called before: its time is running. */
  again?: boolean
  /** Token of the probe: it passes while the fleet holds. */
  probe?: string | null
}

/** What the fleet made of a report. */
export interface ReportReply {
  /** A kind of answer that the fleet holds for: it is not believed to be the lookup's. */
  suspect: string | null
}

const LEASE_MARGIN_MS = 5000
const ASK_AGAIN_AFTER_ERROR_MS = 250

export class Gate {
  readonly #redis: Redis
  readonly #keys: GateKeys
  readonly #options: GateOptions
  readonly #observe: Observe
  readonly #trouble: (error: unknown) => void
  readonly #askers = new Map<Lane, Asker>()
  readonly #reports = new Reports((batch) => this.#send(batch, ''))
  readonly #process = randomBytes(6).toString('hex')
  #permits = 0

  /** `trouble` is told when Redis says no: nobody calls then. */
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
   * Waits for the turn of one call. Rejects with the signal's reason, or with Held. Release the permit when the call has
   * ended.
   */
  async permit({ lane, again = false, probe = null }: PermitRequest, signal: AbortSignal): Promise<Permit> {
    const since = monotonic()
    const asker = probe === null ? this.#asker(lane) : this.#newAsker(lane, probe)
    const permit = await asker.permit(signal, again)
    this.#observe({ type: 'permit-granted', waitedMs: monotonic() - since })
    return permit
  }

  /** How a call ended. Never rejects; null where the fleet has nothing to say, or Redis is away. */
  async report(report: CallReport, probe: string | null = null): Promise<ReportReply | null> {
    return probe === null ? this.#reports.tell(report) : this.#send(batchOf(report), probe)
  }

  /** Tells what has not been told yet. */
  async flush(): Promise<void> {
    await this.#reports.flush()
  }

  /** The fleet holds, as is known by now: nobody need wait any longer. */
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
      (wanted, missed) => this.#ask(wanted, missed, lane, probe),
      (name) => this.#giveBack(lane, name),
    )
  }

  async #ask(wanted: number, missed: number, lane: Lane, probe: string): Promise<Answer> {
    const first = this.#permits
    this.#permits += wanted
    try {
      const args = [wanted, this.#request(lane, probe), `${this.#process}:`, first, missed]
      const reply = await PERMIT_SCRIPT.run(this.#redis, permitKeys(this.#keys), args)
      return this.#read(reply as string[], first)
    } catch (error) {
      this.#trouble(error)
      await sleep(ASK_AGAIN_AFTER_ERROR_MS)
      return { waitMs: 0 }
    }
  }

  #request(lane: Lane, probe: string): string {
    const { ratePerSecond, rateBurst, maxCallsInFlight, soapCallTimeoutMs } = this.#options
    const { interactiveShare, quotaCalls, quotaPeriodMs } = this.#options
    return JSON.stringify({
      ratePerSecond: ratePerSecond ?? 0,
      burst: rateBurst,
      inFlight: maxCallsInFlight ?? 0,
      leaseMs: soapCallTimeoutMs + LEASE_MARGIN_MS,
      interactive: lane === 'interactive',
      share: interactiveShare,
      quotaCalls: quotaCalls ?? 0,
      quotaPeriodMs,
      probe,
    })
  }

  #read([kind, ...values]: string[], first: number): Answer {
    if (kind === 'full') return 'full'
    if (kind === 'spent') this.#observe({ type: 'hold-began', reason: 'quota' })
    if (kind === 'held' || kind === 'spent') return 'held'
    if (kind === 'wait') return { waitMs: Number(values[0]) }
    const [at, ...turns] = values.map(Number)
    const names = kind === 'leased' ? turns.map((_, index) => `${this.#process}:${first + index}`) : []
    return { at: at ?? 0, granted: turns, names }
  }

  #giveBack(lane: Lane, name: string): void {
    if (name === '') return
    const { inFlight, inFlightInteractive } = this.#keys
    const leases = lane === 'interactive' ? inFlightInteractive : inFlight
    this.#redis.zrem(leases, name).catch(() => {}) // its lease ends by itself
  }

  async #send(batch: Batch, probe: string): Promise<ReportReply | null> {
    const { breakerFailureRatio, breakerMinCalls, breakerWindowMs, holdMinMs, holdMaxMs, credentials } = this.#options
    const { hold, service, answers } = this.#keys
    const settings = {
      failureRatio: breakerFailureRatio,
      minCalls: breakerMinCalls,
      windowMs: breakerWindowMs,
      holdMinMs,
      holdMaxMs,
    }
    const answeredAgoMs = batch.answered > 0 ? monotonic() - batch.answeredAt : 0
    const failedBeganAgoMs = monotonic() - batch.failedBeganAt
    const report = { ...batch, answeredAgoMs, failedBeganAgoMs, probe, credentials: credentials() }
    try {
      const args = [JSON.stringify(settings), JSON.stringify(report)]
      const reply = await REPORT_SCRIPT.run(this.#redis, [hold, service, answers], args)
      return this.#learn(JSON.parse(reply as string) as { began: string; suspect: string })
    } catch (error) {
      this.#trouble(error)
      return null
    }
  }

  #learn({ began, suspect }: { began: string; suspect: string }): ReportReply {
    const reasons = began.split(',').filter((reason) => reason !== '') as HoldReason[]
    for (const reason of reasons) this.#observe({ type: 'hold-began', reason })
    if (reasons.length > 0) this.refuseAll()
    return { suspect: suspect || null }
  }
}
