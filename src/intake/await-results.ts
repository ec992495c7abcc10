/**
 * Waits for the results of lookups, without taking them from whoever consumes the result queue: a worker tells each
 * result on the lookup's own channel as it publishes it. What a lost connection made us miss is looked for now and then.
 */

import { every } from '../clock.ts'
import type { Lane } from '../domain/lane.ts'
import type { Result } from '../domain/result.ts'
import type { LookupQueues } from '../queues/lookup-queue.ts'
import { bullKey, type QueueNames, queueOf, resultChannel, resultId } from '../queues/names.ts'
import type { Redis } from '../queues/redis.ts'

/** The result, or null where the lookup has ended but its result was consumed before it could be seen. */
export interface Awaited {
  lookupId: string
  result: Result | null
}

const LOOK_EVERY_MS = 2000

export class ResultWaiter {
  readonly #subscriber: Redis
  readonly #redis: Redis
  readonly #queues: LookupQueues
  readonly #names: QueueNames
  readonly #onResult: (awaited: Awaited) => void
  readonly #waiting = new Map<string, { lookupId: string; lane: Lane; looks: number }>()
  readonly #timer: { stop: () => void }

  /** `subscriber` is a connection of its own: one that subscribes can do nothing else. */
  constructor(
    connections: { redis: Redis; subscriber: Redis; queues: LookupQueues },
    names: QueueNames,
    onResult: (awaited: Awaited) => void,
  ) {
    this.#redis = connections.redis
    this.#subscriber = connections.subscriber
    this.#queues = connections.queues
    this.#names = names
    this.#onResult = onResult
    this.#subscriber.on('message', (channel, message) => this.#arrived(channel, JSON.parse(message) as Result))
    this.#timer = every(LOOK_EVERY_MS, () => this.#lookForMissed().catch(() => {}))
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Call before the lookups are enqueued. */
  async expect(lane: Lane, lookupIds: string[]): Promise<void> {
    const channels = lookupIds.map((lookupId) => {
      const channel = resultChannel(this.#names, { lookupId, queue: queueOf(this.#names, lane), enqueuedAt: 0 })
      this.#waiting.set(channel, { lookupId, lane, looks: 0 })
      return channel
    })
    await this.#subscriber.subscribe(...channels)
  }

  stop(): void {
    this.#timer.stop()
  }

  #arrived(channel: string, result: Result | null): void {
    const expected = this.#waiting.get(channel)
    if (!expected) return
    this.#waiting.delete(channel)
    void this.#subscriber.unsubscribe(channel).catch(() => {})
    this.#onResult({ lookupId: expected.lookupId, result })
  }

  async #lookForMissed(): Promise<void> {
    for (const [channel, expected] of [...this.#waiting]) {
      const { lookupId, lane } = expected
      const state = await this.#queues.of(lane).getJobState(lookupId)
      if (state !== 'completed' && state !== 'failed') continue
      const data = await this.#redis.hget(bullKey(this.#names, this.#names.resultQueue, resultId(lookupId)), 'data')
      // Its message may be on the way: only what is still missing at the second look was missed.
      if (data || expected.looks++ > 0) this.#arrived(channel, data ? (JSON.parse(data) as Result) : null)
    }
  }
}
