/** This process's line in the list of the fleet: who it is, what it keeps to and how quick it is. */

import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { iso, monotonic, now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import type { LookupEvent } from '../domain/event.ts'
import { Callers } from '../fleet/callers.ts'
import type { SeenCertificate } from '../fleet/certificates.ts'
import { Fleet, type Member } from '../fleet/members.ts'
import type { Redis } from '../redis/connections.ts'
import { serviceOf } from '../redis/names.ts'
import { VERSION } from '../version.ts'
import { fleetSettings } from './fleet-settings.ts'
import { ownLimits } from './gate-settings.ts'
import { queueNames } from './worker-settings.ts'

const PACE_OVER_MS = 10_000

/** What changes while it runs. */
export interface Doing {
  inProgress: number
  stopping: boolean
}

export class Membership {
  readonly id = randomUUID()
  readonly #fleet: Fleet
  readonly #same: Omit<Member, 'inProgress' | 'perSecond' | 'callMs' | 'stopping' | 'callers' | 'certificate'>
  /** When lookups got their result, of late. */
  readonly #published: number[] = []
  readonly #callers = new Callers()
  #called = { lookups: 0, ms: 0 }
  #callMs: number | null = null
  readonly #serviceHost: string
  #certificate: SeenCertificate | null = null

  constructor(redis: Redis, config: Config) {
    this.#fleet = new Fleet(redis, queueNames(config))
    const { quotaCalls, quotaPeriodMs } = config
    this.#serviceHost = new URL(config.soapEndpoint ?? '').host
    this.#same = {
      id: this.id,
      host: hostname(),
      pid: process.pid,
      version: VERSION,
      startedAt: iso(now()),
      concurrency: config.concurrency + config.interactiveConcurrency,
      limits: ownLimits(config),
      interactiveShare: config.interactiveShare,
      quota: quotaCalls === null ? null : { calls: quotaCalls, periodMs: quotaPeriodMs },
      service: serviceOf(config.soapEndpoint ?? ''),
      keeps: { lookupsMs: config.lookupRetentionMs, markersMs: config.resultMarkerTtlMs },
      settings: fleetSettings(config),
    }
  }

  hear(event: LookupEvent): void {
    if (event.type === 'published') {
      this.#published.push(monotonic())
      this.#count(event.timing.calledMs)
    } else if (event.type === 'attempt-finished') this.#callers.count(event.producer, event.calls, monotonic())
    else if (event.type === 'tls-certificate-seen' && Number.isFinite(event.expiresAt))
      this.#certificate = { host: this.#serviceHost, expiresAt: iso(event.expiresAt) }
  }

  beat(doing: Doing): Promise<void> {
    const since = monotonic() - PACE_OVER_MS
    // Not one by one: there may be 50,000, and each `shift` would move all that are left.
    const late = this.#published.findIndex((at) => at >= since)
    this.#published.splice(0, late < 0 ? this.#published.length : late)
    const perSecond = this.#published.length / (PACE_OVER_MS / 1000)
    const callers = this.#callers.ofLastMinute(monotonic())
    const seen = { callMs: this.#callMs, callers, certificate: this.#certificate }
    return this.#fleet.beat({ ...this.#same, ...doing, perSecond, ...seen })
  }

  /** What a lookup's calls took of late, on the average of a hundred or more: an autoscaler counts with it. */
  #count(calledMs: number): void {
    if (calledMs === 0) return // it was answered without a call
    this.#called = { lookups: this.#called.lookups + 1, ms: this.#called.ms + calledMs }
    const { lookups, ms } = this.#called
    this.#callMs = Math.round(ms / lookups)
    if (lookups >= 200) this.#called = { lookups: lookups / 2, ms: ms / 2 }
  }

  leave(): Promise<void> {
    return this.#fleet.leave(this.id)
  }
}
