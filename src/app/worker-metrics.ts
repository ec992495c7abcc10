/** What `/metrics` of a worker says. It answers whether Redis does or not. */

import { monotonic } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { HOLD_REASONS } from '../domain/hold.ts'
import { LimitStore, type Limits } from '../gate/limits.ts'
import type { Metrics } from '../observe/metrics.ts'
import { QueueCollector } from '../observe/queue-collector.ts'
import type { Redis } from '../redis/connections.ts'
import { type FleetRead, readFleet } from './fleet-reading.ts'
import { gateKeysOf } from './gate-settings.ts'

/** What is looked at when somebody asks. */
export interface Measured {
  pulse: { readonly skewMs: number }
  keeper: { readonly holds: readonly { reason: string }[]; readonly pace: number }
  /** Lookups in hand. */
  inProgress(): number
}

export class WorkerMetrics {
  readonly #metrics: Metrics
  readonly #redis: Redis
  readonly #config: Config
  readonly #measured: Measured
  readonly #limits: LimitStore
  readonly #collector: QueueCollector

  /** `redis` gives up by itself when Redis hangs. */
  constructor(metrics: Metrics, redis: Redis, config: Config, measured: Measured) {
    this.#metrics = metrics
    this.#redis = redis
    this.#config = config
    this.#measured = measured
    this.#limits = new LimitStore(redis, gateKeysOf(config))
    const seconds = () => monotonic() / 1000
    const read = () => this.#read().catch((error) => this.#forget(error))
    this.#collector = new QueueCollector(metrics, read, seconds)
  }

  get contentType(): string {
    return this.#metrics.registry.contentType
  }

  async text(): Promise<string> {
    await this.#collector.collect()
    this.#metrics.inProgress.set(this.#measured.inProgress())
    return this.#metrics.registry.metrics()
  }

  async #read(): Promise<FleetRead> {
    const set = await this.#limits.read()
    const limits = this.#inForce(set)
    const { holds } = this.#measured.keeper
    const scaling = { limits, isHeld: holds.length > 0, targetMs: this.#config.drainTargetMs }
    const read = await readFleet(this.#redis, this.#config, async () => scaling)
    this.#show(limits, Object.keys(set).length, read.paused)
    return read
  }

  /** As the collector does with what it shows. */
  #forget(error: unknown): never {
    this.#metrics.holdActive.reset()
    this.#metrics.byHand.reset()
    throw error
  }

  /** Limits that were set by hand win over this process's own. */
  #inForce({ rate, inFlight }: Partial<Limits>): Pick<Limits, 'rate' | 'inFlight'> {
    const { ratePerSecond, maxCallsInFlight } = this.#config
    const whole = rate === undefined ? ratePerSecond : rate
    return {
      rate: whole === null ? null : whole * this.#measured.keeper.pace,
      inFlight: inFlight === undefined ? maxCallsInFlight : inFlight,
    }
  }

  #show({ rate, inFlight }: Pick<Limits, 'rate' | 'inFlight'>, limitsSet: number, paused: number): void {
    const { clockSkew, rateLimit, inFlightLimit, holdActive, byHand } = this.#metrics
    const { keeper, pulse } = this.#measured
    clockSkew.set(pulse.skewMs / 1000)
    rateLimit.set(rate ?? Number.POSITIVE_INFINITY)
    inFlightLimit.set(inFlight ?? Number.POSITIVE_INFINITY)
    const held = new Set(keeper.holds.map(({ reason }) => reason))
    for (const reason of HOLD_REASONS) holdActive.set({ reason }, held.has(reason) ? 1 : 0)
    byHand.set({ what: 'hold' }, held.has('manual') ? 1 : 0)
    byHand.set({ what: 'pace' }, keeper.pace < 1 ? 1 : 0)
    byHand.set({ what: 'limit' }, limitsSet)
    byHand.set({ what: 'queue-paused' }, paused)
  }
}
