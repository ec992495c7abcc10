/**
 * Waits for the results of lookups without taking them from whoever consumes the result queue. A worker announces each
 * result on the lookup's own channel as it publishes it, so waiting costs Redis nothing. One channel for each lookup,
 * because on one for all every process that waits for a single result would be sent each result of the fleet.
 *
 * What was published before we listened, or while the connection was lost, is looked for: once when the lookups are on the
 * queue, and once each time when the connection is back. Nobody announces that a lookup was removed from its queue, or that a
 * message got lost. For that a few lookups are looked at now and then, as many however many wait; if that finds what
 * should have been heard, all are looked at.
 */

import { every, now } from '../clock.ts'
import type { Lane } from '../domain/lane.ts'
import type { Result, ResultStatus } from '../domain/result.ts'
import { readFinished } from '../queues/finished-lookups.ts'
import { lookAt, type ResultLook } from '../queues/result-look.ts'
import { redrivenFrom } from '../queues/taken-lookup.ts'
import { Channels } from '../redis/channels.ts'
import type { Redis } from '../redis/connections.ts'
import { bullKey, type LookupIdentity, type QueueNames, queueOf, REDRIVE_FIELD, resultChannel } from '../redis/names.ts'

/**
 * How a lookup ended. The result is null if it was consumed before we listened, or is no longer kept; the status is null if
 * nobody knows it. `removed`: the lookup was taken off the queue without a result.
 */
export interface Awaited {
  lookupId: string
  result: Result | null
  status: ResultStatus | 'removed' | null
}

interface Expected extends LookupIdentity {
  channel: string
  /** It was said to be on the queue. */
  isEnqueued: boolean
}

const LOOK_EVERY_MS = 5000
/** Of those that were looked at longest ago: no more than one small script each time. */
const LOOKED_AT_ONCE = 100
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
  readonly #channels: Channels
  /** By channel; those that were looked at longest ago come first. */
  readonly #waiting = new Map<string, Expected>()
  /** Of lookups that were put back, by queue and id. */
  readonly #redrives = new Map<string, number>()
  readonly #timer: { stop: () => void }

  /** `subscriber` is a connection of its own, because one that subscribes can do nothing else. */
  constructor(
    connections: { redis: Redis; subscriber: Redis },
    names: QueueNames,
    onResult: (awaited: Awaited) => void,
    { lookEveryMs = LOOK_EVERY_MS }: { lookEveryMs?: number } = {},
  ) {
    this.#redis = connections.redis
    this.#subscriber = connections.subscriber
    this.#names = names
    this.#onResult = onResult
    const hear = (channel: string, message: string) => {
      const result = JSON.parse(message) as Result
      this.#ended(channel, result, result.status)
    }
    this.#channels = new Channels(this.#subscriber, hear, () => void this.#lookAtAll().catch(() => {}))
    this.#timer = every(lookEveryMs, () => this.#lookAtSome().catch(() => {}))
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
    await this.#readRedrives(lane, lookupIds)
    const expected = lookupIds.map((lookupId) => this.#expected(lane, lookupId))
    for (const one of expected) this.#waiting.set(one.channel, one)
    await this.#channels.join(expected.map(({ channel }) => channel))
  }

  /** Call once the lookups are enqueued: finds those that were on the queue before and have had their result. */
  async lookFor(lane: Lane, lookupIds: string[]): Promise<void> {
    const channels = lookupIds.map((lookupId) => this.#expected(lane, lookupId).channel)
    const enqueued = channels.map((channel) => this.#waiting.get(channel)).filter((one) => one !== undefined)
    for (const one of enqueued) one.isEnqueued = true
    await this.#look(enqueued)
  }

  /** Nobody waits for this one any more. */
  forget(lane: Lane, lookupId: string): void {
    const { channel } = this.#expected(lane, lookupId)
    if (this.#waiting.delete(channel)) this.#channels.leave(channel)
    this.#redrives.delete(`${queueOf(this.#names, lane)} ${lookupId}`)
  }

  stop(): void {
    this.#timer.stop()
  }

  #expected(lane: Lane, lookupId: string): Expected {
    const queue = queueOf(this.#names, lane)
    const redrive = this.#redrives.get(`${queue} ${lookupId}`) ?? 0
    const identity = { lookupId, queue, enqueuedAt: 0, redrive }
    return { ...identity, channel: resultChannel(this.#names, identity), isEnqueued: false }
  }

  /** One that is there already, and was put back, is to have a result with a number of its own. */
  async #readRedrives(lane: Lane, lookupIds: string[]): Promise<void> {
    const queue = queueOf(this.#names, lane)
    const finished = await readFinished(this.#redis, this.#names, queue, lookupIds)
    const asking = this.#redis.pipeline()
    for (const id of lookupIds) asking.hget(bullKey(this.#names, queue, id), REDRIVE_FIELD)
    for (const [index, [, value]] of ((await asking.exec()) ?? []).entries()) {
      const id = lookupIds[index] ?? ''
      const { redrive } = redrivenFrom({ [REDRIVE_FIELD]: value ?? finished.get(id)?.[REDRIVE_FIELD] })
      if (redrive > 0) this.#redrives.set(`${queue} ${id}`, redrive)
    }
  }

  #ended(channel: string, result: Result | null, status: Awaited['status']): void {
    const expected = this.#waiting.get(channel)
    if (!expected) return
    this.#waiting.delete(channel)
    this.#redrives.delete(`${expected.queue} ${expected.lookupId}`)
    this.#channels.leave(channel)
    this.#onResult({ lookupId: expected.lookupId, result, status })
  }

  async #lookAtSome(): Promise<void> {
    const some: Expected[] = []
    for (const one of this.#waiting.values()) if (some.push(one) === LOOKED_AT_ONCE) break
    const [first] = some
    if (!first) return
    await this.#channels.heard(first.channel)
    for (const one of some) if (this.#waiting.delete(one.channel)) this.#waiting.set(one.channel, one)
    if (await this.#look(some.filter(({ isEnqueued }) => isEnqueued))) await this.#lookAtAll()
  }

  async #lookAtAll(): Promise<void> {
    await this.#look([...this.#waiting.values()].filter(({ isEnqueued }) => isEnqueued))
  }

  /** Whether one had ended. */
  async #look(expected: Expected[]): Promise<boolean> {
    const ends = (await lookAt(this.#redis, this.#names, expected)).map(endOf)
    const ended = ends.findIndex((end) => end && end.status !== 'removed')
    // What was told before we looked has been heard after this, also a result that is gone by now.
    await this.#channels.heard(expected[ended]?.channel)
    let hasEnded = false
    for (const [index, { channel }] of expected.entries()) {
      const end = ends[index]
      if (!end || !this.#waiting.has(channel)) continue
      hasEnded = true
      this.#ended(channel, end.result, end.status)
    }
    return hasEnded
  }
}

/** Null: it has not ended, or its result is still to come. */
function endOf({ result, status, isThere, finishedOn, ended }: ResultLook): Omit<Awaited, 'lookupId'> | null {
  if (result || status) return { result, status }
  if (!isThere) return { result: null, status: 'removed' }
  // If the marker has expired, the job may still say how the lookup ended.
  const isOver = finishedOn !== null && now() - finishedOn > ENDED_LONG_AGO_MS
  return isOver ? { result: null, status: ended } : null
}
