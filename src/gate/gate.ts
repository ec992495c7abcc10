/**
 * The gate: the fleet's permission to call. Every call passes it, retries and probes included, so that all processes
 * together keep the pace, the quota and the number of calls in flight that the service allows; and every call's end is
 * reported to it, so that the fleet holds together when the service, or our configuration, is broken.
 */

import { randomBytes } from 'node:crypto'
import { monotonic, sleep } from '../clock.ts'
import type { Observe } from '../domain/event.ts'
import type { CallReport } from '../domain/hold.ts'
import type { Lane } from '../domain/lane.ts'
import type { Redis } from '../redis/connections.ts'
import type { GateKeys } from '../redis/names.ts'
import { Asker, type Permit } from './asker.ts'
import type { Limits } from './limits.ts'
import { askPermits, type PermitQuestion, type PermitReply } from './permit-script.ts'
import { type HoldSettings, type ReportReply, reportCalls } from './report-script.ts'
import { type Batch, batchOf, Reports } from './reports.ts'

export type { Permit } from './asker.ts'

export interface GateOptions extends Limits, HoldSettings {
  /** Part of pace and places that is kept for interactive lookups while any wait. */
  interactiveShare: number
  /** Calls of the whole fleet in `quotaPeriodMs`; null: no limit. */
  quotaCalls: number | null
  quotaPeriodMs: number
  /** How long a call can take at most, ms: a permit not given back by then is taken for lost. */
  soapCallTimeoutMs: number
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
  readonly #process = `${randomBytes(6).toString('hex')}:`
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

  async #ask(wanted: number, missed: number, lane: Lane, probe: string): Promise<PermitReply> {
    const question = permitQuestion(this.#options, { wanted, missed, lane, probe, ...this.#leaseNames(wanted) })
    try {
      const reply = await askPermits(this.#redis, this.#keys, question)
      if (reply === 'spent') this.#observe({ type: 'hold-began', reason: 'quota' })
      return reply
    } catch (error) {
      this.#trouble(error)
      await sleep(ASK_AGAIN_AFTER_ERROR_MS)
      return { waitMs: 0 }
    }
  }

  #leaseNames(wanted: number): { process: string; first: number } {
    const first = this.#permits
    this.#permits += wanted
    return { process: this.#process, first }
  }

  #giveBack(lane: Lane, name: string): void {
    if (name === '') return
    const { inFlight, inFlightInteractive } = this.#keys
    const leases = lane === 'interactive' ? inFlightInteractive : inFlight
    this.#redis.zrem(leases, name).catch(() => {}) // its lease ends by itself
  }

  async #send({ answeredAt, failedBeganAt, ...batch }: Batch, probe: string): Promise<ReportReply | null> {
    const at = monotonic()
    const answeredAgoMs = batch.answered > 0 ? at - answeredAt : 0
    const credentials = this.#options.credentials()
    const calls = { ...batch, answeredAgoMs, failedBeganAgoMs: at - failedBeganAt, probe, credentials }
    try {
      const reply = await reportCalls(this.#redis, this.#keys, this.#options, calls)
      this.#learn(reply)
      return reply
    } catch (error) {
      this.#trouble(error)
      return null
    }
  }

  #learn({ began }: ReportReply): void {
    for (const reason of began) this.#observe({ type: 'hold-began', reason })
    if (began.length > 0) this.refuseAll()
  }
}

/** What a process asks the permit script, by its own limits. */
export function permitQuestion(
  options: GateOptions,
  asked: Pick<PermitQuestion, 'wanted' | 'missed' | 'lane' | 'probe' | 'process' | 'first'>,
): PermitQuestion {
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
