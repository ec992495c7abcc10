/** Reads the state of the queues when `/metrics` is asked, at most once a second. Never waits for a Redis that hangs. */

import { FAILURE_CODES } from '../domain/failure.ts'
import type { Metrics } from './metrics.ts'

/** What app/ hands in: the pipeline's own reader, with seconds and counts. */
export interface QueueReading {
  /** This process's clock minus Redis' clock, in seconds. */
  clockSkewSeconds: number
  /** The fleet's limits in force; Infinity: no limit. */
  ratePerSecond: number
  callsInFlight: number
  /** Whether the hold of each reason is on. */
  holds: Record<string, boolean>
  /** By failure, as they were counted last. */
  deadLetters: Record<string, number>
  /** Lookups that were ever cancelled. */
  cancelled: number
  queues: { queue: string; jobs: Record<string, number>; oldestAgeSeconds: number; added: number }[]
}

const FRESH_FOR_S = 1

export class QueueCollector {
  readonly #metrics: Metrics
  readonly #read: () => Promise<QueueReading>
  readonly #clock: () => number
  #collectedAt = Number.NEGATIVE_INFINITY

  /** `clock` is monotonic, in seconds. */
  constructor(metrics: Metrics, read: () => Promise<QueueReading>, clock: () => number) {
    this.#metrics = metrics
    this.#read = read
    this.#clock = clock
  }

  /** Never rejects. A failed read is counted, and `redis_up` becomes 0. */
  async collect(): Promise<void> {
    if (this.#clock() - this.#collectedAt < FRESH_FOR_S) return
    const startedAt = this.#clock()
    this.#collectedAt = startedAt
    try {
      this.#show(await this.#read())
      this.#metrics.redisUp.set(1)
    } catch {
      this.#forget()
      this.#metrics.redisUp.set(0)
      this.#metrics.collectErrors.inc()
    }
    this.#metrics.collectDuration.set(this.#clock() - startedAt)
  }

  /** Redis cannot be read: drop the gauges. Dashboards take the max over processes, so a stale value would win. */
  #forget(): void {
    const { queueJobs, oldestAge, jobsAdded, holdActive, deadLetters } = this.#metrics
    for (const metric of [queueJobs, oldestAge, jobsAdded, holdActive, deadLetters]) metric.reset()
  }

  #show(reading: QueueReading): void {
    const { clockSkewSeconds, ratePerSecond, callsInFlight, holds, deadLetters, cancelled, queues } = reading
    this.#metrics.clockSkew.set(clockSkewSeconds)
    this.#metrics.rateLimit.set(ratePerSecond)
    this.#metrics.inFlightLimit.set(callsInFlight)
    for (const [reason, isOn] of Object.entries(holds)) this.#metrics.holdActive.set({ reason }, isOn ? 1 : 0)
    for (const failure of FAILURE_CODES) this.#metrics.deadLetters.set({ failure }, 0)
    for (const [failure, count] of Object.entries(deadLetters)) this.#metrics.deadLetters.set({ failure }, count)
    this.#metrics.cancelled.reset()
    this.#metrics.cancelled.inc(cancelled)
    this.#metrics.jobsAdded.reset()
    for (const { queue, jobs, oldestAgeSeconds, added } of queues) {
      for (const [state, count] of Object.entries(jobs)) this.#metrics.queueJobs.set({ queue, state }, count)
      this.#metrics.oldestAge.set({ queue }, oldestAgeSeconds)
      this.#metrics.jobsAdded.inc({ queue }, added)
    }
  }
}
