/** Reads the state of the queues when `/metrics` is asked, at most once a second, and never waits for a Redis that hangs. */

import type { Metrics } from './metrics.ts'

/** What app.ts hands in: the pipeline's own reader, with seconds and counts. */
export interface QueueReading {
  /** Redis' clock less this process's, negated: this clock less Redis', seconds. */
  clockSkewSeconds: number
  /** The limits in force, as the fleet has them; Infinity for none. */
  ratePerSecond: number
  callsInFlight: number
  /** By reason: is it on? */
  holds: Record<string, boolean>
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

  /** Never rejects: what could not be read is counted, and `redis_up` says so. */
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

  /** What this process saw last is nothing that it knows: the highest of what all say would be the oldest of it. */
  #forget(): void {
    const { queueJobs, oldestAge, jobsAdded, holdActive } = this.#metrics
    for (const metric of [queueJobs, oldestAge, jobsAdded, holdActive]) metric.reset()
  }

  #show({ clockSkewSeconds, ratePerSecond, callsInFlight, holds, queues }: QueueReading): void {
    this.#metrics.clockSkew.set(clockSkewSeconds)
    this.#metrics.rateLimit.set(ratePerSecond)
    this.#metrics.inFlightLimit.set(callsInFlight)
    for (const [reason, isOn] of Object.entries(holds)) this.#metrics.holdActive.set({ reason }, isOn ? 1 : 0)
    this.#metrics.jobsAdded.reset()
    for (const { queue, jobs, oldestAgeSeconds, added } of queues) {
      for (const [state, count] of Object.entries(jobs)) this.#metrics.queueJobs.set({ queue, state }, count)
      this.#metrics.oldestAge.set({ queue }, oldestAgeSeconds)
      this.#metrics.jobsAdded.inc({ queue }, added)
    }
  }
}
