/** What `/metrics` of a worker says. It answers whether Redis does or not. */

import { monotonic } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { HOLD_REASONS } from '../domain/hold.ts'
import { LimitStore } from '../gate/limits.ts'
import type { Metrics } from '../observe/metrics.ts'
import { QueueCollector, type QueueReading } from '../observe/queue-collector.ts'
import { readQueues } from '../queues/queue-state.ts'
import { readCancelled } from '../queues/totals.ts'
import type { Redis } from '../redis/connections.ts'
import { readDeadLetterCounts } from '../upkeep/dead-letter-counts.ts'
import { gateKeysOf } from './gate-settings.ts'
import { queueNames } from './worker-settings.ts'

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
    this.#collector = new QueueCollector(metrics, () => this.#readQueues(), seconds)
  }

  get contentType(): string {
    return this.#metrics.registry.contentType
  }

  async text(): Promise<string> {
    await this.#collector.collect()
    this.#metrics.inProgress.set(this.#measured.inProgress())
    return this.#metrics.registry.metrics()
  }

  async #readQueues(): Promise<QueueReading> {
    const { ratePerSecond, maxCallsInFlight } = this.#config
    const names = queueNames(this.#config)
    const [{ queues }, set, deadLetters, cancelled] = await Promise.all([
      readQueues(this.#redis, names),
      this.#limits.read(),
      readDeadLetterCounts(this.#redis, names),
      readCancelled(this.#redis, names),
    ])
    const { rate = ratePerSecond, inFlight = maxCallsInFlight } = set
    const held = new Set(this.#measured.keeper.holds.map(({ reason }) => reason))
    return {
      ratePerSecond: (rate ?? Number.POSITIVE_INFINITY) * this.#measured.keeper.pace,
      callsInFlight: inFlight ?? Number.POSITIVE_INFINITY,
      holds: Object.fromEntries(HOLD_REASONS.map((reason) => [reason, held.has(reason)])),
      deadLetters,
      cancelled,
      clockSkewSeconds: this.#measured.pulse.skewMs / 1000,
      queues: queues.map(({ oldestAgeMs, ...queue }) => ({ ...queue, oldestAgeSeconds: oldestAgeMs / 1000 })),
    }
  }
}
