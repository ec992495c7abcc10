/**
 * Waits for the results of lookups without taking them from whoever consumes the result queue. A worker announces each
 * result on the lookup's own channel as it publishes it. What was published before we listened, or while a connection was
 * lost, shows in the marker, which appears together with the result.
 */

import { every, now } from '../clock.ts'
import type { Lane } from '../domain/lane.ts'
import type { Result, ResultStatus } from '../domain/result.ts'
import { FIELDS } from '../queues/bull-layout.ts'
import type { Redis } from '../redis/connections.ts'
import { bullKey, markerKeys, type QueueNames, queueOf, resultChannel, resultId } from '../redis/names.ts'

/**
 * How a lookup ended. The result is null if it was consumed before we listened; the status is null if nobody knows it.
 * `removed`: the lookup was taken off the queue without a result.
 */
export interface Awaited {
  lookupId: string
  result: Result | null
  status: ResultStatus | 'removed' | null
}

interface Expected {
  lookupId: string
  channel: string
  markers: [now: string, before: string]
  job: string
  resultJob: string
  /** How many times in a row the job was missing; null until the job was said to be on the queue. */
  missing: number | null
}

const LOOK_EVERY_MS = 2000
const MISSING_LOOKS = 2
/**
 * The lookups that have waited longest are looked at first, this many at a time, so that a look costs the same however
 * many wait.
 */
const LOOKED_AT_ONCE = 1000
/**
 * A lookup that a dying worker left behind has its result by then, because the fleet looks for such lookups twice a
 * minute.
 */
const ENDED_LONG_AGO_MS = 180_000

export class ResultWaiter {
  readonly #subscriber: Redis
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #onResult: (awaited: Awaited) => void
  readonly #waiting = new Map<string, Expected>()
  readonly #timer: { stop: () => void }

  /** `subscriber` is a connection of its own, because one that subscribes can do nothing else. */
  constructor(
    connections: { redis: Redis; subscriber: Redis },
    names: QueueNames,
    onResult: (awaited: Awaited) => void,
  ) {
    this.#redis = connections.redis
    this.#subscriber = connections.subscriber
    this.#names = names
    this.#onResult = onResult
    this.#subscriber.on('message', (channel, message) => {
      const result = JSON.parse(message) as Result
      this.#ended(channel, result, result.status)
    })
    this.#timer = every(LOOK_EVERY_MS, () => this.#lookAtOldest().catch(() => {}))
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Redis was given up: nothing will arrive any more. */
  get isLost(): boolean {
    return this.#redis.status === 'end' || this.#subscriber.status === 'end'
  }

  /** Call before the lookups are enqueued. */
  async expect(lane: Lane, lookupIds: string[]): Promise<void> {
    const expected = lookupIds.map((lookupId) => this.#expected(lane, lookupId))
    for (const one of expected) this.#waiting.set(one.channel, one)
    await this.#subscriber.subscribe(...expected.map(({ channel }) => channel))
  }

  /** Call once the lookups are enqueued: finds those that were on the queue before and have had their result. */
  async lookFor(lane: Lane, lookupIds: string[]): Promise<void> {
    const enqueued = lookupIds.map((lookupId) => this.#expected(lane, lookupId))
    for (const { channel } of enqueued) {
      const waiting = this.#waiting.get(channel)
      if (waiting) waiting.missing = 0
    }
    await this.#look(enqueued)
  }

  /** Nobody waits for this one any more. */
  forget(lane: Lane, lookupId: string): void {
    const { channel } = this.#expected(lane, lookupId)
    if (this.#waiting.delete(channel)) void this.#subscriber.unsubscribe(channel).catch(() => {})
  }

  stop(): void {
    this.#timer.stop()
  }

  #expected(lane: Lane, lookupId: string): Expected {
    const identity = { lookupId, queue: queueOf(this.#names, lane), enqueuedAt: 0, redrive: 0 }
    return {
      lookupId,
      channel: resultChannel(this.#names, identity),
      markers: markerKeys(this.#names, identity),
      job: bullKey(this.#names, identity.queue, lookupId),
      resultJob: bullKey(this.#names, this.#names.resultQueue, resultId(identity)),
      missing: null,
    }
  }

  #ended(channel: string, result: Result | null, status: Awaited['status']): void {
    const expected = this.#waiting.get(channel)
    if (!expected) return
    this.#waiting.delete(channel)
    void this.#subscriber.unsubscribe(channel).catch(() => {})
    this.#onResult({ lookupId: expected.lookupId, result, status })
  }

  async #lookAtOldest(): Promise<void> {
    const oldest = [...this.#waiting.values()].slice(0, LOOKED_AT_ONCE)
    if (oldest.length === 0) return
    const without = await this.#look(oldest)
    for (const expected of without) await this.#lookAtJob(expected)
    for (const expected of oldest) {
      if (this.#waiting.delete(expected.channel)) this.#waiting.set(expected.channel, expected)
    }
  }

  /** Returns those without a marker. */
  async #look(expected: Expected[]): Promise<Expected[]> {
    const found = await this.#redis.mget(expected.flatMap(({ markers }) => markers))
    const statuses = expected.map(
      (_, index) => (found[2 * index] ?? found[2 * index + 1] ?? null) as ResultStatus | null,
    )
    for (const [index, one] of expected.entries()) {
      const status = statuses[index]
      if (status && this.#waiting.has(one.channel)) await this.#fetch(one, status)
    }
    return expected.filter((one, index) => statuses[index] === null && this.#waiting.has(one.channel))
  }

  async #fetch(expected: Expected, status: ResultStatus): Promise<void> {
    const data = await this.#redis.hget(expected.resultJob, FIELDS.data)
    // A result that was published before we read the marker arrives before the answer to this question, if at all.
    if (!data) await this.#subscriber.subscribe(expected.channel)
    this.#ended(expected.channel, data ? (JSON.parse(data) as Result) : null, status)
  }

  /** If the marker has expired, the job may still say how the lookup ended. */
  async #lookAtJob(expected: Expected): Promise<void> {
    const { channel, job } = expected
    const [value, finishedOn, data] = await this.#redis.hmget(job, FIELDS.returned, FIELDS.finishedOn, FIELDS.data)
    if (expected.missing !== null) {
      expected.missing = data === null ? expected.missing + 1 : 0
      if (expected.missing >= MISSING_LOOKS) return this.#ended(channel, null, 'removed')
    }
    if (!finishedOn || now() - Number(finishedOn) < ENDED_LONG_AGO_MS) return
    const { status = null } = (JSON.parse(value ?? '{}') ?? {}) as { status?: ResultStatus }
    this.#ended(channel, null, status)
  }
}
