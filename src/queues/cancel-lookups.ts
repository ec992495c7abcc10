/** Cancels lookups of a queue: reads them, and ends each with its result, if nobody has it in hand. */

import { readHistory } from '../domain/history.ts'
import type { Lane } from '../domain/lane.ts'
import { resultOf } from '../domain/result.ts'
import type { Redis } from '../redis/connections.ts'
import type { EachScript, ScriptInput } from '../redis/each-script.ts'
import { HISTORY_FIELD, type QueueNames, queueOf, totalsKey } from '../redis/names.ts'
import { bullFail } from './bull-fail.ts'
import { keysOf, LOCK } from './bull-layout.ts'
import { CANCEL_KEYS, type Cancelled, cancelScript } from './cancel-script.ts'
import { readFinished } from './finished-lookups.ts'
import { placesInWait } from './found-in-list.ts'
import { openQueue } from './lookup-queue.ts'
import { aboutUnread, CANCELLED, subjectOf } from './lookup-results.ts'
import { ResultQueue, type ResultQueueOptions } from './result-queue.ts'
import { readJobs, type StoredJob } from './stored-jobs.ts'
import { deliveryOf, takenStored } from './taken-lookup.ts'

/** One to be cancelled. `at`: its distance from the tail of `wait`, as far as is known. */
export interface ToCancel {
  lookupId: string
  at: number | null
}

/** A list moves between a look and the script; so much is looked at on either side. */
const SLACK = 256
/** Redis needs a few milliseconds for so many. */
const AT_ONCE = 10
const MOST_TRIES = 10

interface Prepared {
  script: EachScript
  first: ScriptInput
}

export class CancelLookups {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #results: ResultQueue
  readonly #prepared = new Map<Lane, Promise<Prepared>>()

  constructor(redis: Redis, names: QueueNames, options: ResultQueueOptions) {
    this.#redis = redis
    this.#names = names
    this.#results = new ResultQueue(openQueue(names.resultQueue, redis, names), redis, names, options)
  }

  /** What became of each, by id. Rejects when Redis fails; it is safe to run again. */
  async cancel(lane: Lane, lookups: readonly ToCancel[], stepsKey: string): Promise<Map<string, Cancelled>> {
    const ended = new Map<string, Cancelled>()
    let left = [...lookups]
    for (let tries = 0; left.length > 0 && tries < MOST_TRIES; tries++) {
      for (const some of together(left)) {
        for (const [id, how] of await this.#once(lane, some, stepsKey)) ended.set(id, how)
      }
      left = await this.#again(lane, left, ended)
    }
    return ended
  }

  async #once(lane: Lane, lookups: ToCancel[], stepsKey: string): Promise<Map<string, Cancelled>> {
    const { script, first } = await this.#scriptOf(lane)
    const ids = lookups.map(({ lookupId }) => lookupId)
    const jobs = await readJobs(this.#redis, this.#names, queueOf(this.#names, lane), ids)
    const ended = new Map<string, Cancelled>(ids.map((id) => [id, 'gone']))
    if (jobs.length < ids.length) await this.#setFinished(lane, ids, ended)
    if (jobs.length === 0) return ended
    const all = { keys: [...first.keys, stepsKey], args: [...first.args, ...windowOf(lookups)] }
    const each = jobs.map((job) => this.#inputOf(job, lane))
    const answers = await script.run<Cancelled>(this.#redis, all, each)
    for (const [index, answer] of answers.entries()) {
      if (answer instanceof Error) throw answer
      ended.set(jobs[index]?.id ?? '', answer)
    }
    return ended
  }

  async #setFinished(lane: Lane, ids: string[], ended: Map<string, Cancelled>): Promise<void> {
    const finished = await readFinished(this.#redis, this.#names, queueOf(this.#names, lane), ids)
    for (const id of finished.keys()) ended.set(id, 'ended')
  }

  #inputOf(job: StoredJob, lane: Lane): ScriptInput {
    const taken = takenStored(job, lane)
    const subject = subjectOf(aboutUnread(taken), readHistory(job.fields[HISTORY_FIELD]))
    const result = resultOf(subject, 'failed', { failure: CANCELLED })
    const { keys, args } = this.#results.inputOf(result, taken, deliveryOf(taken), CANCELLED)
    const lock = keysOf(this.#names, job.queue)(job.id + LOCK)
    return { keys: [...keys, lock], args: [...args, job.id, job.fingerprint] }
  }

  /** Those that changed or moved meanwhile, and where they lie now. */
  async #again(lane: Lane, lookups: ToCancel[], ended: Map<string, Cancelled>): Promise<ToCancel[]> {
    const moved = lookups.filter(({ lookupId }) => ended.get(lookupId) === 'moved').map(({ lookupId }) => lookupId)
    const places = await placesInWait(this.#redis, this.#names, queueOf(this.#names, lane), moved)
    return lookups
      .filter(({ lookupId }) => ['moved', 'changed'].includes(ended.get(lookupId) ?? ''))
      .map(({ lookupId, at }) => ({ lookupId, at: places.get(lookupId) ?? at }))
  }

  #scriptOf(lane: Lane): Promise<Prepared> {
    const known = this.#prepared.get(lane)
    if (known) return known
    const made = this.#made(queueOf(this.#names, lane))
    made.catch(() => this.#prepared.delete(lane))
    this.#prepared.set(lane, made)
    return made
  }

  async #made(queue: string): Promise<Prepared> {
    const fail = await bullFail(openQueue(queue, this.#redis, this.#names), this.#redis, this.#names)
    const publishing = await this.#results.publishing()
    const { keys, args } = publishing.first
    const key = keysOf(this.#names, queue)
    return {
      script: cancelScript(publishing, fail),
      first: { keys: [...keys, ...CANCEL_KEYS.map(key), totalsKey(this.#names)], args },
    }
  }
}

/** In groups that lie close together in the list, so that a short part of it is looked at for each. */
function together(lookups: readonly ToCancel[]): ToCancel[][] {
  const groups: ToCancel[][] = []
  for (const lookup of lookups.toSorted((a, b) => (a.at ?? 0) - (b.at ?? 0))) {
    const group = groups.at(-1)
    const isNear = group && (lookup.at ?? 0) - (group[0]?.at ?? 0) <= SLACK
    if (group && isNear && group.length < AT_ONCE) group.push(lookup)
    else groups.push([lookup])
  }
  return groups
}

function windowOf(lookups: ToCancel[]): [nearest: number, farthest: number] {
  const places = lookups.flatMap(({ at }) => at ?? [])
  if (places.length === 0) return [1, SLACK]
  return [Math.max(1, Math.min(...places) - SLACK), Math.max(...places) + SLACK]
}
