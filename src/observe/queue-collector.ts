/** Reads the state of the fleet when `/metrics` is asked, at most once a second. Never waits for a Redis that hangs. */

import { FAILURE_CODES } from '../domain/failure.ts'
import type { FleetMetrics } from './fleet-metrics.ts'

/** What app/ hands in: the pipeline's own reader, with seconds and counts. */
export interface FleetReading {
  /** By failure, as they were counted last. */
  deadLetters: Record<string, number>
  /** Lookups that were ever cancelled. */
  cancelled: number
  /** Of the fullest node; null: it does not say. */
  memory: { usedBytes: number; maxBytes: number | null } | null
  desiredWorkers: number
  queues: QueueReading[]
}

export interface QueueReading {
  queue: string
  role: string
  jobs: Record<string, number>
  oldestAgeSeconds: number
  added: number
}

const FRESH_FOR_S = 1

export class QueueCollector {
  readonly #metrics: FleetMetrics
  readonly #read: () => Promise<FleetReading>
  readonly #clock: () => number
  #collectedAt = Number.NEGATIVE_INFINITY

  /** `clock` is monotonic, in seconds. */
  constructor(metrics: FleetMetrics, read: () => Promise<FleetReading>, clock: () => number) {
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
    const { queueJobs, oldestAge, jobsAdded, deadLetters, redisUsed, redisMax, desiredWorkers } = this.#metrics
    for (const metric of [queueJobs, oldestAge, jobsAdded, deadLetters]) metric.reset()
    for (const metric of [redisUsed, redisMax, desiredWorkers]) metric.remove()
  }

  #show({ deadLetters, cancelled, memory, desiredWorkers, queues }: FleetReading): void {
    const metrics = this.#metrics
    for (const failure of FAILURE_CODES) metrics.deadLetters.set({ failure }, 0)
    for (const [failure, count] of Object.entries(deadLetters)) metrics.deadLetters.set({ failure }, count)
    metrics.cancelled.reset()
    metrics.cancelled.inc(cancelled)
    if (memory) {
      metrics.redisUsed.set(memory.usedBytes)
      metrics.redisMax.set(memory.maxBytes ?? Number.POSITIVE_INFINITY)
    }
    metrics.desiredWorkers.set(desiredWorkers)
    metrics.jobsAdded.reset()
    for (const { queue, role, jobs, oldestAgeSeconds, added } of queues) {
      for (const [state, count] of Object.entries(jobs)) metrics.queueJobs.set({ queue, role, state }, count)
      metrics.oldestAge.set({ queue, role }, oldestAgeSeconds)
      metrics.jobsAdded.inc({ queue, role }, added)
    }
  }
}
