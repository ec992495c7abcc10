/**
 * Makes one process obey the fleet's holds. While the fleet is held, its workers take nothing. When a probe is due, one
 * process of the fleet sends it: a call for an id that the service has answered before or, without one, the lookup at the
 * head. How the probe ended is reported and decided where all calls are (gate/report-script.ts).
 */

import { every, orAborted } from '../clock.ts'
import type { Observe } from '../domain/event.ts'
import { type Hold, type HoldReason, NOT_FOUND } from '../domain/hold.ts'
import type { Gate } from '../gate/gate.ts'
import { cureOf } from '../gate/hold-words.ts'
import type { Holds } from '../gate/holds.ts'
import type { PastHolds } from '../gate/past-holds.ts'
import { type ProbeSettings, probe } from '../gate/probe.ts'
import type { Question } from '../gate/report-script.ts'
import type { ServiceMemories } from '../gate/service-memory.ts'
import type { Enricher } from './enrich.ts'
import type { LookupWorker } from './lookup-worker.ts'

export interface HoldKeeperParts {
  holds: Holds
  pastHolds: PastHolds
  gate: Gate
  memory: ServiceMemories
  enricher: Enricher
  codes: { accept(codes: ReadonlySet<number>): void }
  workers: LookupWorker[]
}

export interface HoldKeeperSettings extends ProbeSettings {
  soapProbeConnectionId: string | null
}

const LOOK_EVERY_MS = 500
const PROBED: readonly HoldReason[] = ['service', 'configuration']

export class HoldKeeper {
  readonly #parts: HoldKeeperParts
  readonly #settings: HoldKeeperSettings
  readonly #observe: Observe
  readonly #stopped = new AbortController()
  #timer: { stop: () => void } | null = null
  #seen = new Map<HoldReason, Hold>()
  #isPastOld = true
  #looking: Promise<void> | null = null
  #probing = false
  #pace = 1

  constructor(parts: HoldKeeperParts, settings: HoldKeeperSettings, observe: Observe) {
    this.#parts = parts
    this.#settings = settings
    this.#observe = observe
  }

  /** Holds that are on, as this process knows them. */
  get holds(): Hold[] {
    return [...this.#seen.values()]
  }

  /** At which part of its pace the fleet goes, as this process knows it. */
  get pace(): number {
    return this.#pace
  }

  /** Looks at once, and from then on twice a second. Rejects if Redis does not answer the first time. */
  async start(): Promise<void> {
    this.#parts.gate.answerQuestions((question) => void this.#ask(question))
    await this.look()
    this.#timer = every(LOOK_EVERY_MS, () => this.look().catch(() => {})) // whoever asks the gate hears of it
  }

  stop(): void {
    this.#timer?.stop()
    this.#stopped.abort(new Error('stopping'))
  }

  /** Somebody tells that holds have changed; the change may be over when we look. */
  hear(): Promise<void> {
    this.#isPastOld = true
    return this.look()
  }

  /** Looks now, because something has changed. One look at a time, and one more for changes during it. */
  look(): Promise<void> {
    const before = this.#looking
    const looking = (async () => {
      await before?.catch(() => {})
      await this.#look()
    })()
    this.#looking = looking
    return looking
  }

  async #look(): Promise<void> {
    if (this.#stopped.signal.aborted) return
    const { holds, gate, codes, workers } = this.#parts
    const [{ at, holds: on, pace }, accepted] = await Promise.all([holds.read(), holds.accepted()])
    codes.accept(accepted)
    this.#pace = pace?.share ?? 1
    await this.#readPast(on)
    this.#tell(on, at)
    for (const worker of workers) on.length > 0 ? worker.hold() : worker.release()
    if (on.length === 0) return
    gate.refuseAll()
    if (on.every(({ reason }) => PROBED.includes(reason))) void this.#probe(on, at).catch(() => {})
  }

  /** Before lookups are taken again, because what they waited for was the hold. */
  async #readPast(on: Hold[]): Promise<void> {
    const isSame =
      on.length === this.#seen.size && on.every((hold) => this.#seen.get(hold.reason)?.since === hold.since)
    if (isSame && !this.#isPastOld) return
    this.#isPastOld = false
    await this.#parts.pastHolds.read()
  }

  #tell(on: Hold[], at: number): void {
    for (const hold of on)
      if (this.#seen.get(hold.reason)?.since !== hold.since)
        this.#observe({ type: 'held', hold, at, cure: cureOf(hold) })
    const reasons = new Set(on.map(({ reason }) => reason))
    for (const hold of this.#seen.values()) {
      if (reasons.has(hold.reason)) continue
      this.#observe({ type: 'released', hold, at })
      this.#parts.pastHolds.keepWhy(hold).catch(() => {}) // it is for whoever asks later, and no more
    }
    this.#seen = new Map(on.map((hold) => [hold.reason, hold]))
  }

  async #probe(on: Hold[], at: number): Promise<void> {
    if (this.#probing) return
    const isDue = on.every(({ nextProbeAt }) => (nextProbeAt ?? 0) <= at)
    const mayBeFresh = on.some(({ reason }) => reason === 'configuration')
    if (!isDue && !mayBeFresh) return
    this.#probing = true
    try {
      const isForgetful = on.some(({ kind }) => kind === NOT_FOUND)
      const before = Math.max(...on.map(({ probes }) => probes))
      const make = (token: string) => this.#makeProbe(token, before, isForgetful)
      const probed = await probe(this.#parts.holds, this.#settings, make)
      if (probed) await this.look()
    } finally {
      this.#probing = false
    }
  }

  /**
   * `before`: how many probes have failed. Each takes another id, because the failure may be the id's own. A service that
   * is believed to have forgotten is asked for an id that it is known to have had.
   */
  async #makeProbe(token: string, before: number, isForgetful: boolean): Promise<void> {
    const { answered, enriched } = await this.#parts.memory.read()
    const known = this.#settings.soapProbeConnectionId ?? answered[before % Math.max(1, answered.length)]
    const connectionId = isForgetful ? (enriched ?? known) : known
    if (connectionId === undefined) await this.#probeWithLookup(token)
    else await this.#probeWith(connectionId, token)
  }

  /** The fleet does not hold, and may have to. */
  async #ask({ token, connectionId }: Question): Promise<void> {
    await this.#probeWith(connectionId, token)
    await this.look().catch(() => {})
  }

  async #probeWith(connectionId: string, token: string): Promise<void> {
    const attempt = this.#parts.enricher.begin({ lane: 'interactive', probe: token }, this.#stopped.signal)
    try {
      await attempt.call(connectionId) // its answer is thrown away
    } catch {
      // The attempt has reported it, whatever it was.
    } finally {
      attempt.close()
    }
  }

  /** Takes the lookup from the first lane that has one; the interactive lane first, because somebody waits for it. */
  async #probeWithLookup(token: string): Promise<void> {
    for (const worker of this.#parts.workers) {
      if (!(await worker.hasWaiting())) continue
      return orAborted(worker.probeWithLookup(token), this.#stopped.signal)
    }
  }
}
