/**
 * Erases what Redis knows of one connection id: lookups and results in any state, answers that were kept for it, and
 * entries of BullMQ's event streams. Finds them by the jobs themselves, not by the lists, because a job may change its
 * list during the search, or lie in none.
 */

import { sleep } from '../clock.ts'
import { LANES, type Lane } from '../domain/lane.ts'
import { forgetInMemory } from '../gate/service-memory.ts'
import { FIELDS, keysOf, LISTS, LOCK, OF_A_JOB, QUEUE_KEYS, SORTED_SETS } from '../queues/bull-layout.ts'
import { removeFinished } from '../queues/finished-lookups.ts'
import { openQueue, type Queue } from '../queues/lookup-queue.ts'
import { removeMarker } from '../queues/marker.ts'
import { redrivenFrom } from '../queues/taken-lookup.ts'
import { type Bookmark, type Step, Walk } from '../queues/walk.ts'
import { ActionInSteps, STEPS_LUA } from '../redis/activity.ts'
import type { Redis } from '../redis/connections.ts'
import {
  bullKey,
  keptResultsStart,
  type LookupIdentity,
  ownKey,
  type QueueNames,
  queueOf,
  REDRIVE_FIELD,
  resultId,
  resultIdOfItsOwn,
  sharingPattern,
} from '../redis/names.ts'
import { hashes, strings } from '../redis/scan.ts'
import { Script } from '../redis/script.ts'
import { NOW_LUA } from '../redis/time.ts'
import { type FoundJob, isAbout, lookupIn } from './about-connection.ts'
import { hashOfId } from './activity.ts'
import { emptyEvents } from './event-stream.ts'
import { removeStreamed } from './streamed-results.ts'

/** How many of each were removed. */
export interface Forgotten {
  lookups: number
  results: number
  markers: number
  /** Answers that were kept for other lookups of the same id. */
  answers: number
  /** Places where a fleet remembered which ids the service has answered. */
  memories: number
  events: number
  /** Entries of the results' stream. */
  streamed: number
}

export interface ForgetEnd {
  removed: Forgotten
  /** Ids of lookups and results that a worker or a consumer had in hand all the time; they are still there. */
  active: string[]
}

export interface ForgetOptions {
  /** For the activity. */
  who: string
  /** How long to wait for those that are in hand, ms. */
  waitMs: number
  /** Hears how many keys were looked at. */
  onProgress?: (keys: number) => void
}

const PAGE = 500
/** Finished lookups that are looked at in one step. */
const STEP = { look: 200, send: 200 }
const ALL = { inData: [], inEnd: [], after: null, before: null }
/** So many results of one lookup are looked for, the last ones. */
const MOST_REDRIVES = 100
const LOOK_AGAIN_MS = 500
/** What a worker still reports of a call that has just ended arrives within a tenth of this. */
const SETTLE_MS = 1000
/** Where an id can lie that is a job's or a scheduler's. */
const SORTED = [...SORTED_SETS, QUEUE_KEYS.schedulers]
/** Behind the lock and the list of the stalled stand the lists, and then the sorted sets. */
const LISTS_END = 2 + LISTS.length
const SORTED_END = LISTS_END + SORTED.length
/** The hash of a scheduler, and what the ids of its jobs begin with. */
const SCHEDULER = `${QUEUE_KEYS.schedulers}:`

// Removes what BullMQ's own removal leaves of a broken job, or of a scheduler's. Does nothing if somebody has the job in
// hand.
const ERASE = new Script(`
local LOCK, STALLED = KEYS[1], KEYS[2]
local LISTS, SORTED_SETS = { unpack(KEYS, 3, ${LISTS_END}) }, { unpack(KEYS, ${LISTS_END + 1}, ${SORTED_END}) }
local JOB, STEPS = { unpack(KEYS, ${SORTED_END + 1}, #KEYS - 1) }, KEYS[#KEYS]
local id = ARGV[1]
${NOW_LUA}
${STEPS_LUA}
if redis.call('EXISTS', LOCK) == 1 then return 0 end
redis.call('SREM', STALLED, id)
for _, list in ipairs(LISTS) do redis.call('LREM', list, 0, id) end
for _, set in ipairs(SORTED_SETS) do redis.call('ZREM', set, id) end
for _, key in ipairs(JOB) do redis.call('DEL', key) end
countStep(STEPS, now(), 1)
return 1`)

export class Forget {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #connectionId: string
  readonly #resultStream: string | null
  readonly #queues: Map<string, Queue>
  readonly #removed: Forgotten = { lookups: 0, results: 0, markers: 0, answers: 0, memories: 0, events: 0, streamed: 0 }
  /** Ids of what was removed, by queue, for the event streams. */
  readonly #ids = new Map<string, Set<string>>()
  readonly #active = new Map<string, { queue: Queue; job: FoundJob }>()
  #stepsKey = ''

  constructor(redis: Redis, names: QueueNames, connectionId: string, resultStream: string | null) {
    this.#redis = redis
    this.#names = names
    this.#resultStream = resultStream
    this.#connectionId = connectionId
    const { lookupQueue, interactiveQueue, resultQueue } = names
    const all = [lookupQueue, interactiveQueue, resultQueue]
    this.#queues = new Map(all.map((name) => [name, openQueue(name, redis, names)]))
  }

  /** Rejects when Redis fails; it is safe to run again. */
  async run({ who, waitMs, onProgress = () => {} }: ForgetOptions): Promise<ForgetEnd> {
    const connection = hashOfId(this.#connectionId)
    const action = await ActionInSteps.begin(this.#redis, this.#names, {
      who,
      action: 'forget',
      arguments: { connection },
    })
    try {
      await this.#forget(action.stepsKey, waitMs, onProgress)
      await action.end(this.#active.size > 0 ? 'stopped' : 'done')
    } catch (error) {
      await action.end('stopped').catch(() => {}) // the same Redis
      throw error
    }
    return { removed: this.#removed, active: [...this.#active.values()].map(({ job }) => job.id) }
  }

  async #forget(stepsKey: string, waitMs: number, onProgress: (keys: number) => void): Promise<void> {
    this.#stepsKey = stepsKey
    await this.#sweep(onProgress)
    // Lookups that were in hand may have left results behind the first sweep.
    if (this.#active.size > 0) {
      await this.#waitForActive(waitMs)
      await this.#sweep(onProgress)
    }
    await sleep(SETTLE_MS)
    await this.#forgetKept()
    await this.#forgetAnswers()
    await this.#forgetService()
    await this.#forgetEvents()
    if (this.#resultStream !== null)
      this.#removed.streamed = await removeStreamed(this.#redis, this.#resultStream, this.#connectionId)
  }

  async #sweep(onProgress: (keys: number) => void): Promise<void> {
    let keys = 0
    for await (const page of hashes(this.#redis, `${this.#names.prefix}:`, '*', PAGE)) {
      for (const queue of this.#queues.values()) await this.#lookAt(queue, page)
      keys += PAGE
      onProgress(keys)
    }
    for (const lane of LANES) await this.#sweepFinished(lane)
  }

  /** What is kept of finished lookups without their jobs. */
  async #sweepFinished(lane: Lane): Promise<void> {
    const queue = this.#queues.get(queueOf(this.#names, lane)) as Queue
    const walk = new Walk(this.#redis, this.#names)
    for (let from: Bookmark | null = null, isFirst = true; isFirst || from; isFirst = false) {
      const step: Step = await walk.finishedStep(queue.name, from, ALL, STEP)
      for (const { id, fields } of step.jobs) {
        const {
          [FIELDS.data]: data = null,
          [FIELDS.timestamp]: timestamp = null,
          [REDRIVE_FIELD]: redrive = null,
        } = fields
        const job = { id, name: null, data, timestamp, redrive }
        if (isAbout(job, this.#connectionId)) await this.#removeFinished(queue, job)
      }
      from = step.next
      if (from) await walk.rest()
    }
  }

  async #removeFinished(queue: Queue, job: FoundJob): Promise<void> {
    const { id } = job
    if ((await removeFinished(this.#redis, this.#names, queue.name, id, this.#stepsKey)) === 0) return // put back since
    await this.#removeTraces(queue, job)
  }

  async #lookAt(queue: Queue, keys: string[]): Promise<void> {
    const start = bullKey(this.#names, queue.name, '')
    const ids = keys.filter((key) => key.startsWith(start)).map((key) => key.slice(start.length))
    if (ids.length === 0) return
    const multi = this.#redis.pipeline()
    for (const id of ids) multi.hmget(start + id, FIELDS.name, FIELDS.data, FIELDS.timestamp, REDRIVE_FIELD)
    const replies = (await multi.exec()) ?? []
    for (const [index, id] of ids.entries()) {
      const fields = replies[index]?.[1] // a key that has become another type since answers an error
      const values = Array.isArray(fields) ? (fields as (string | null)[]) : []
      const [name = null, data = null, timestamp = null, redrive = null] = values
      const job = { id, name, data, timestamp, redrive }
      if (isAbout(job, this.#connectionId)) await this.#removeJob(queue, job)
    }
  }

  async #removeJob(queue: Queue, job: FoundJob): Promise<void> {
    const name = `${queue.name} ${job.id}`
    const end = await this.#erase(queue, job.id)
    if (end === 'in hand') this.#active.set(name, { queue, job })
    else this.#active.delete(name)
    if (end === 'erased') await this.#removeTraces(queue, job)
  }

  async #removeTraces(queue: Queue, job: FoundJob): Promise<void> {
    const isResult = queue.name === this.#names.resultQueue
    this.#count(queue, job.id, isResult ? 'results' : 'lookups')
    for (const lookup of isResult ? this.#lookupsOf(job) : this.#identitiesOf(queue, job)) {
      this.#removed.markers += await removeMarker(this.#redis, this.#names, lookup)
      if (!isResult) await this.#removeResultOf(lookup)
    }
  }

  /** Once, also if it ended while it was erased, and was found again among the finished ones. */
  #count(queue: Queue, id: string, kind: 'lookups' | 'results'): void {
    const ids = this.#ids.get(queue.name) ?? new Set()
    this.#ids.set(queue.name, ids)
    if (!ids.has(id)) this.#removed[kind]++
    ids.add(id)
  }

  /** As what it has had a result: at first, and each time that it was put back. */
  #identitiesOf(queue: Queue, job: FoundJob): LookupIdentity[] {
    const enqueuedAt = Math.floor(Number(job.timestamp ?? 0))
    const { redrive: last } = redrivenFrom({ [REDRIVE_FIELD]: job.redrive })
    return Array.from({ length: Math.min(last, MOST_REDRIVES) + 1 }, (_, index) => {
      return { lookupId: job.id, queue: queue.name, enqueuedAt, redrive: last - index }
    })
  }

  /** A result does not say which queue its lookup was on. */
  #lookupsOf({ id, data }: FoundJob): LookupIdentity[] {
    const { lookupId = id.replace(/^rs-/, ''), enqueuedAt, redrive } = lookupIn(data)
    return LANES.map((lane) => ({ lookupId, queue: queueOf(this.#names, lane), enqueuedAt, redrive }))
  }

  /** The result of a lookup that was in hand a moment ago may have come behind the sweep. */
  async #removeResultOf(lookup: LookupIdentity): Promise<void> {
    const { resultQueue } = this.#names
    const ids = [resultId(lookup), resultIdOfItsOwn(lookup)]
    const keys: string[] = []
    for (const key of ids.map((id) => bullKey(this.#names, resultQueue, id))) {
      if ((await this.#redis.exists(key)) === 1) keys.push(key)
    }
    await this.#lookAt(this.#queues.get(resultQueue) as Queue, keys)
  }

  /** A job that is gone may have ended: the next look at the finished ones finds what is kept of it. */
  async #erase(queue: Queue, id: string): Promise<'erased' | 'in hand' | 'gone'> {
    const key = keysOf(this.#names, queue.name)
    if ((await this.#redis.exists(key(id + LOCK))) === 1) return 'in hand'
    if ((await this.#redis.exists(key(id))) === 0) return 'gone'
    // A scheduler with all that BullMQ keeps under its name; else a job. It cannot read every one; what it leaves goes below.
    if (id.startsWith(SCHEDULER)) await queue.removeJobScheduler(id.slice(SCHEDULER.length)).catch(() => {})
    else await queue.remove(id, { removeChildren: false }).catch(() => {})
    const places = [id + LOCK, QUEUE_KEYS.stalled, ...LISTS, ...SORTED, ...['', ...OF_A_JOB].map((part) => id + part)]
    if ((await ERASE.run(this.#redis, [...places.map(key), this.#stepsKey], [id])) !== 1) return 'in hand'
    return 'erased'
  }

  async #waitForActive(waitMs: number): Promise<void> {
    for (let waited = 0; waited < waitMs && this.#active.size > 0; waited += LOOK_AGAIN_MS) {
      await sleep(Math.min(LOOK_AGAIN_MS, waitMs - waited))
      for (const { queue, job } of [...this.#active.values()]) await this.#removeJob(queue, job)
    }
  }

  /** Results that somebody waits for are no jobs, and may outlive their lookup. */
  async #forgetKept(): Promise<void> {
    for await (const page of strings(this.#redis, keptResultsStart(this.#names), '*', PAGE)) {
      for (const key of page) {
        const result = { id: '', name: null, data: await this.#redis.get(key), timestamp: null, redrive: null }
        if (!isAbout(result, this.#connectionId)) continue
        this.#removed.results += await this.#redis.del(key)
        for (const lookup of this.#lookupsOf(result))
          this.#removed.markers += await removeMarker(this.#redis, this.#names, lookup)
      }
    }
  }

  /** Whoever asked, with any credentials. */
  async #forgetAnswers(): Promise<void> {
    for await (const page of hashes(this.#redis, ownKey(this.#names, ''), sharingPattern(this.#connectionId), PAGE)) {
      if (page.length > 0) this.#removed.answers += await this.#redis.del(...page)
    }
  }

  /** In the memory of every fleet under this prefix. */
  async #forgetService(): Promise<void> {
    for await (const page of hashes(this.#redis, ownKey(this.#names, 'fleet', ''), '*:memory', PAGE)) {
      for (const key of page) if (await forgetInMemory(this.#redis, key, this.#connectionId)) this.#removed.memories++
    }
  }

  async #forgetEvents(): Promise<void> {
    for (const name of this.#queues.keys()) {
      const stream = bullKey(this.#names, name, QUEUE_KEYS.events)
      this.#removed.events += await emptyEvents(
        this.#redis,
        stream,
        this.#ids.get(name) ?? new Set(),
        this.#connectionId,
      )
    }
  }
}
