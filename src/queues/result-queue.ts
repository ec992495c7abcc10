/**
 * The result queue: each lookup's one result.
 *
 * Result and marker appear together or not at all, and never a second time: a worker may die between any two lines, two
 * workers may run one lookup (a lock lost while a process was frozen), and a consumer may remove the result at once. So a
 * result is published by one script, which Redis runs as a whole: it looks for the marker, adds the result by BullMQ's own
 * text, sets the marker, and tells whoever waits. The results of one turn of the event loop go in one call.
 *
 * A result that somebody waits for ("deliver": "wait") never goes on the queue: the same script keeps it under a key of its
 * own for RESULT_KEEP_MS, so that whoever comes late finds it, and no consumer of the queue takes it.
 *
 * If there is a RESULT_STREAM, the same script adds every result to it, of either kind, before anything else: what Redis then
 * refuses takes the entry away again.
 *
 * A script does not roll back. What was refused half way (a key of the wrong type, a command that the ACL forbids) may leave
 * a job that lies in no list, where no consumer will ever see it: such a job is taken away.
 */

import type { Queue } from 'bullmq'
import type { Failure } from '../domain/failure.ts'
import type { Delivery } from '../domain/lookup.ts'
import type { Result } from '../domain/result.ts'
import type { Redis } from '../redis/connections.ts'
import { EachScript, type ScriptInput } from '../redis/each-script.ts'
import {
  bullKey,
  END_FIELD,
  enqueuedHash,
  finishedKey,
  formerMarkerKeys,
  type LookupIdentity,
  laneOf,
  markersKey,
  type QueueNames,
  resultChannel,
  resultId,
} from '../redis/names.ts'
import { Together } from '../redis/together.ts'
import { ADD_KEYS, bullAdd } from './bull-add.ts'
import { FIELDS, keysOf, LISTS, PLACES, SORTED_SETS } from './bull-layout.ts'
import { finishedMark, KEEP_LUA, LIVES_TIMES, RECORD_LUA } from './finished-lookups.ts'
import { failedReasonOf, keptOf } from './kept-end.ts'
import { letterOf, MARKER_LUA, markOf } from './marker.ts'
import { type ResultStream, streamLua } from './result-stream.ts'

/**
 * `kept`: published, and what is kept of the finished lookup is kept without its job (finished-lookups.ts). `suppressed`: it
 * has had its result.
 */
export type Published = 'published' | 'kept' | 'suppressed'

const LISTS_END = ADD_KEYS.length + LISTS.length
const PLACES_END = LISTS_END + SORTED_SETS.length

// KEYS: those of BullMQ's add, the lists and sorted sets of the queue, the markers, the results' stream if there is one, and
// of each result two keys that its marker had in earlier versions, where the result is told and kept, the finished
// lookups of its lane, and the lookup's job.
// ARGV: BullMQ's prefix, options (JSON), how long a marker and a finished lookup live (ms), and of each result: its mark, and
// what stands there, its mark among the finished lookups, id, of which lookup it is, status, timestamp, the result, how long it
// is kept (ms; 0: it goes on the queue), a part of the result that says of which lookup it is, how the lookup ended, as data,
// and for a dead letter as a sentence. The result is not decoded, because producers may put more into it than cjson reads.
// Answers for each what it is.
const publishLua = (add: string, stream: ResultStream | null) => `
${add}
local MARKERS = KEYS[${PLACES_END + 1}]
${MARKER_LUA}
${streamLua(PLACES_END + 2, stream)}
${RECORD_LUA}
${KEEP_LUA}
local PREFIX, OPTIONS = ARGV[1], cmsgpack.pack(cjson.decode(ARGV[2]))
local MARKER_MS, RETENTION_MS = tonumber(ARGV[3]), tonumber(ARGV[4])
local LISTS = { unpack(KEYS, ${ADD_KEYS.length + 1}, ${LISTS_END}) }
local SORTED_SETS = { unpack(KEYS, ${LISTS_END + 1}, ${PLACES_END}) }

local function isQueued(id)
  for _, set in ipairs(SORTED_SETS) do if redis.call('ZSCORE', set, id) then return true end end
  for i = #LISTS, 1, -1 do if redis.call('LPOS', LISTS[i], id) then return true end end
  return false
end

-- BullMQ takes a job of the same id for the same job.
local function isFree(id, of, part)
  local job = PREFIX .. id
  if redis.call('EXISTS', job) == 0 then return true end
  local there = redis.call('HMGET', job, 'data', 'ce:of')
  if there[1] and isQueued(id) then
    return false, there[2] == of or not there[2] and string.find(there[1], part, 1, true)
  end
  redis.call('DEL', job)
  return true
end

local function addAs(id, status, timestamp, result)
  local added, problem = pcall(add, KEYS, { cmsgpack.pack({ PREFIX, id, status, timestamp }), result, OPTIONS })
  if added or isQueued(id) then return end
  redis.call('DEL', PREFIX .. id)
  error(problem)
end

local function writeEnd(job, ended, sentence)
  if redis.call('TYPE', job).ok ~= 'hash' then return end
  redis.call('HSET', job, '${END_FIELD}', ended, '${FIELDS.failedReason}', sentence)
end

local finished = {}
local function keepFinished(key, mark, job, ended)
  finished[key] = finished[key] or generationsIn(key)
  return keepRecord(finished[key], mark, job, ended, RETENTION_MS)
end

local function queue(id, of, status, timestamp, result, part)
  local free, isSame = isFree(id, of, part)
  if not free and not isSame then -- another lookup of this id had its result long ago, and the consumer keeps it
    id = id .. '-' .. of
    free = isFree(id, of, part)
  end
  if free then addAs(id, status, timestamp, result) end
  redis.call('HSET', PREFIX .. id, 'ce:of', of)
  redis.pcall('HDEL', PREFIX .. id, '${FIELDS.delay}', '${FIELDS.priority}') -- both are 0
end

local function publish(former, before, place, kept, job, mark, letter, recordMark, id, of, status, timestamp, result, keepMs, part,
  ended, sentence)
  if markedAs(mark, former, before) then return 'suppressed' end
  local entry, added, problem = addToStream(result), true, nil
  if keepMs == '0' then
    added, problem = pcall(queue, id, of, status, timestamp, result, part)
  else
    added, problem = pcall(redis.call, 'SET', place, result, 'PX', keepMs)
  end
  if not added then
    takeFromStream(entry)
    error(problem, 0)
  end
  setMarker(mark, letter, MARKER_MS)
  redis.pcall('PUBLISH', place, result) -- whoever waits also looks
  if sentence ~= '' then writeEnd(job, ended, sentence) end
  -- An invalid one may be a job that nobody can work on: whoever takes that away looks whether it is still the same.
  if sentence ~= '' or status == 'invalid' then return 'published' end
  local done, isKept = pcall(keepFinished, kept, recordMark, job, ended)
  return done and isKept and 'kept' or 'published'
end`

export interface ResultQueueOptions {
  markerTtlMs: number
  /** How long what is kept of a finished lookup lives. Its marker lives as long, or an id that is added again would run again. */
  lookupRetentionMs: number
  /** How long the result of a lookup that somebody waits for is kept. */
  keepMs: number
  /** Where every result goes, too. */
  stream: ResultStream | null
}

/** `local function publish(...)` for a script that does more in the same step. */
export interface Publishing {
  lua: string
  first: ScriptInput
  /** How many keys and arguments it takes; its last argument is the sentence. */
  each: { keys: number; args: number }
}

interface PublishScript {
  script: EachScript
  first: ScriptInput
}

export class ResultQueue {
  readonly #queue: Queue
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #options: ResultQueueOptions
  readonly #together = new Together<ScriptInput, Published>((all) => this.#publishAll(all))
  #prepared: PublishScript | null = null

  /** `redis` is the connection that `queue` was built on. */
  constructor(queue: Queue, redis: Redis, names: QueueNames, options: ResultQueueOptions) {
    this.#queue = queue
    this.#redis = redis
    this.#names = names
    this.#options = options
  }

  /** Rejects if the installed BullMQ is not the one that the script was written for, and if Redis is away. */
  async prepare(): Promise<PublishScript> {
    if (this.#prepared) return this.#prepared
    const { lua, first, each } = await this.publishing()
    const shape = { first: { keys: first.keys.length, args: first.args.length }, each }
    const prepared = { script: new EachScript(`${lua}\nlocal one = publish`, shape), first }
    await prepared.script.run(this.#redis, prepared.first, []) // of no result: Redis knows the script from now on
    this.#prepared = prepared
    return prepared
  }

  /** Publishes, unless this lookup has had its result. Rejects if Redis did not do it; calling again is safe. */
  publish(
    result: Result,
    identity: LookupIdentity,
    deliver: Delivery = 'queue',
    failure?: Failure,
  ): Promise<Published> {
    return this.#together.ask(this.inputOf(result, identity, deliver, failure))
  }

  /** Rejects as `prepare` does. */
  async publishing(): Promise<Publishing> {
    const { lua, keys, options } = await bullAdd(this.#queue, this.#redis, this.#names, DELIVERY)
    const key = keysOf(this.#names, this.#queue.name)
    const { stream } = this.#options
    const all = [...keys, ...PLACES.map(key), markersKey(this.#names), ...(stream ? [stream.key] : [])]
    const first = { keys: all, args: [key(''), options, ...livesOf(this.#options)] }
    return { lua: publishLua(lua, stream), first, each: { keys: 5, args: 12 } }
  }

  /** What `publish` takes. */
  inputOf(result: Result, identity: LookupIdentity, deliver: Delivery = 'queue', failure?: Failure): ScriptInput {
    const part = `"enqueuedAt":${JSON.stringify(result.enqueuedAt)}`
    const { lookupId, status } = result
    const [id, of, data] = [resultId(identity), enqueuedHash(identity), JSON.stringify(result)]
    const keepMs = deliver === 'wait' ? this.#options.keepMs : 0
    const job = bullKey(this.#names, identity.queue, lookupId)
    const finished = finishedKey(this.#names, laneOf(this.#names, identity.queue))
    const keys = [...formerMarkerKeys(this.#names, identity), resultChannel(this.#names, identity), finished, job]
    const mark = [markOf(identity), letterOf(status), finishedMark(lookupId)]
    return { keys, args: [...mark, id, of, status, Date.now(), data, keepMs, part, ...endOf(result, failure)] }
  }

  async #publishAll(all: ScriptInput[]): Promise<(Published | Error)[]> {
    const { script, first } = this.#prepared ?? (await this.prepare())
    return script.run<Published>(this.#redis, first, all)
  }
}

function livesOf({ markerTtlMs, lookupRetentionMs }: ResultQueueOptions): [markerMs: number, finishedMs: number] {
  return [Math.max(markerTtlMs, Math.ceil(LIVES_TIMES * lookupRetentionMs)), lookupRetentionMs]
}

function endOf(result: Result, failure?: Failure): [data: string, sentence: string] {
  const kept = keptOf(result, failure)
  return [JSON.stringify(kept), result.status === 'failed' ? failedReasonOf(kept) : '']
}

/**
 * A consumer that fails gets the result again, for eight minutes. BullMQ takes from here what the consumer does not set
 * itself.
 */
const DELIVERY = { attempts: 10, backoff: { type: 'exponential', delay: 1000 } }
