/**
 * The result queue: each lookup's one result.
 *
 * Result and marker appear together or not at all, and never a second time: a worker may die between any two lines, two
 * workers may run one lookup (a lock lost while a process was frozen), and a consumer may remove the result at once. So a
 * result is one MULTI of three commands:
 *
 *   1. guard   the marker is there already: put a hash where the result's job would go, so that BullMQ takes the add for
 *              a duplicate
 *   2. add     BullMQ's own script
 *   3. mark    take the guard's hash away; or, if the result's job is really there, set the marker and tell who waits
 *
 * A MULTI does not roll back: after SCRIPT FLUSH the add answers NOSCRIPT while the rest goes through. The marker is then
 * not set (there is no job), and all is done again with the script loaded. Nor does a script roll back: an add that was
 * refused half way (a key of the wrong type, a command that the ACL forbids) leaves a job that lies in no list, where no
 * consumer will ever see it. Such a job is taken away instead of marked.
 */

import { Job, type Queue, type RedisClient } from 'bullmq'
import type { Result } from '../domain/result.ts'
import type { ChainableCommander, Redis } from '../redis/connections.ts'
import { mastersOf } from '../redis/connections.ts'
import {
  bullKey,
  enqueuedHash,
  type LookupIdentity,
  markerKey,
  type QueueNames,
  resultChannel,
  resultId,
  resultIdOfItsOwn,
} from '../redis/names.ts'
import { FIELDS, keysOf, LISTS, SORTED_SETS } from './bull-layout.ts'

export type Published = 'published' | 'suppressed'

// KEYS: marker, result's job. The hash expires should command 3 never come.
const GUARD = `
if redis.call('EXISTS', KEYS[1]) == 1 and redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('HSET', KEYS[2], 'ce:guard', 1)
  redis.call('EXPIRE', KEYS[2], 60)
end
return 1`

// KEYS: marker, result's job, then the lists and the sorted sets in which a job can lie, `wait` first.
// ARGV: status, marker's life in ms, channel, result's id, of which lookup it is, and a part of the result that says so if
// it was added and not marked. The result is not decoded: what producers put into it may be more than cjson reads.
// Answers: 'suppressed', 'missing', 'half' (an add that was refused half way), 'taken' (by another lookup of the same id),
// or 'published'.
const MARK = `
local function isQueued()
  if redis.call('LINDEX', KEYS[3], 0) == ARGV[4] then return true end -- just added
  for i = ${3 + LISTS.length}, #KEYS do if redis.call('ZSCORE', KEYS[i], ARGV[4]) then return true end end
  for i = 3, ${2 + LISTS.length} do if redis.call('LPOS', KEYS[i], ARGV[4]) then return true end end
  return false
end

if redis.call('HEXISTS', KEYS[2], 'ce:guard') == 1 then
  redis.call('DEL', KEYS[2])
  return 'suppressed'
end
if redis.call('EXISTS', KEYS[1]) == 1 then return 'suppressed' end
local data = redis.call('HGET', KEYS[2], '${FIELDS.data}')
if not data then return 'missing' end
if not isQueued() then
  redis.call('DEL', KEYS[2])
  return 'half'
end
local of = redis.call('HGET', KEYS[2], 'ce:of')
if of and of ~= ARGV[5] or not of and not string.find(data, ARGV[6], 1, true) then return 'taken' end
redis.call('HSET', KEYS[2], 'ce:of', ARGV[5])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('PUBLISH', ARGV[3], data)
return 'published'`

export class ResultQueue {
  readonly #queue: Queue
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #markerTtlMs: number

  /** `redis` is the connection that `queue` was built on. */
  constructor(queue: Queue, redis: Redis, names: QueueNames, options: { markerTtlMs: number }) {
    this.#queue = queue
    this.#redis = redis
    this.#names = names
    this.#markerTtlMs = options.markerTtlMs
  }

  /** Publishes, unless this lookup has had its result. Rejects when Redis did not do it; it is safe to call again. */
  async publish(result: Result, identity: LookupIdentity): Promise<Published> {
    const answer = await this.#publishAs(resultId(result.lookupId), result, identity)
    if (answer !== 'taken') return answer
    const second = await this.#publishAs(resultIdOfItsOwn(identity), result, identity)
    if (second === 'taken') throw new Error('the result id of its own is taken')
    return second
  }

  async #publishAs(id: string, result: Result, identity: LookupIdentity): Promise<Published | 'taken'> {
    const answer = await this.#publishAtOnce(id, result, identity)
    if (isEnd(answer)) return answer
    await this.#loadAdd()
    const again = await this.#publishAtOnce(id, result, identity)
    return isEnd(again) ? again : this.#publishStepwise(id, result, identity)
  }

  async #publishAtOnce(id: string, result: Result, identity: LookupIdentity): Promise<unknown> {
    const client = await bullClient(this.#queue)
    const multi = client.multi()
    const raw = multi as unknown as ChainableCommander
    raw.eval(GUARD, 2, ...this.#keys(id, identity))
    await new Job(this.#queue, result.status, result, DELIVERY, id).addJob(multi)
    raw.eval(MARK, MARK_KEYS, ...this.#markArguments(id, result, identity))
    return (await multi.exec())?.[2]?.[1] // it has looked at what the other two left
  }

  /** ioredis loads a script again that Redis has lost, but not inside of a MULTI, where nobody tells it. */
  async #loadAdd(): Promise<void> {
    const scripts = Object.entries(this.#redis.scriptsSet as Record<string, { lua: string }>)
    const adds = scripts.filter(([name]) => name.startsWith('addStandardJob'))
    const servers = mastersOf(this.#redis)
    await Promise.all(servers.flatMap((server) => adds.map(([, { lua }]) => server.script('LOAD', lua))))
  }

  /** The same without the MULTI: where an error splits it each time. Here a second worker might come in between. */
  async #publishStepwise(id: string, result: Result, identity: LookupIdentity): Promise<Published | 'taken'> {
    const marker = markerKey(this.#names, identity)
    // No guard: a consumer that removes the result at this moment would take the guard's place away, too.
    if ((await this.#redis.exists(marker)) === 1) return 'suppressed'
    await new Job(this.#queue, result.status, result, DELIVERY, id).addJob(await bullClient(this.#queue))
    const answer = await this.#redis.eval(MARK, MARK_KEYS, ...this.#markArguments(id, result, identity))
    if (isEnd(answer)) return answer
    if (answer === 'half') throw new Error('the result was added half')
    // A consumer was quicker than the marker: it has the result.
    await this.#redis.set(marker, result.status, 'PX', this.#markerTtlMs)
    return 'published'
  }

  #keys(id: string, identity: LookupIdentity): [string, string] {
    return [markerKey(this.#names, identity), bullKey(this.#names, this.#names.resultQueue, id)]
  }

  #markArguments(id: string, result: Result, identity: LookupIdentity): (string | number)[] {
    const places = MARK_PLACES.map(keysOf(this.#names, this.#names.resultQueue))
    const enqueued = JSON.stringify({ enqueuedAt: result.enqueuedAt }).slice(1, -1)
    const channel = resultChannel(this.#names, identity)
    const rest = [result.status, this.#markerTtlMs, channel, id, enqueuedHash(identity), enqueued]
    return [...this.#keys(id, identity), ...places, ...rest]
  }
}

/** A consumer that fails once gets it again, for eight minutes: what it does not say itself, BullMQ takes from here. */
const DELIVERY = { attempts: 10, backoff: { type: 'exponential', delay: 1000 } }

const MARK_PLACES = [...LISTS, ...SORTED_SETS]
const MARK_KEYS = 2 + MARK_PLACES.length

function isEnd(answer: unknown): answer is Published | 'taken' {
  return answer === 'published' || answer === 'suppressed' || answer === 'taken'
}

/** BullMQ's own client: only its MULTI knows BullMQ's scripts. */
function bullClient(queue: Queue): Promise<RedisClient> {
  return (queue.getBackend() as unknown as { client: Promise<RedisClient> }).client
}
