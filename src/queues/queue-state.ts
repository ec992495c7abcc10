/**
 * How many jobs are where, and how old the oldest is, for metrics and `status`. Read from BullMQ's own keys, because
 * BullMQ's calls wait for Redis however long it hangs.
 */

import { now } from '../clock.ts'
import type { Redis } from '../redis/connections.ts'
import { finishedKey, laneOf, type QueueNames } from '../redis/names.ts'
import { quoted, Script } from '../redis/script.ts'
import { NOW_LUA } from '../redis/time.ts'
import {
  delayedScoreAt,
  FIELDS,
  keysOf,
  LIMIT_FIELDS,
  PAUSED_FIELD,
  PRIORITY_SCORE,
  QUEUE_KEYS,
} from './bull-layout.ts'
import { COUNT_LUA } from './finished-lookups.ts'
import { GENERATIONS_LUA } from './generations.ts'

export const JOB_STATES = ['waiting', 'prioritized', 'delayed', 'active', 'completed', 'failed'] as const
export type JobState = (typeof JOB_STATES)[number]

export interface QueueState {
  queue: string
  jobs: Record<JobState, number>
  /** Milliseconds since the oldest job that waits for a worker was due; 0 if none waits. */
  oldestAgeMs: number
  /** Somebody has paused the queue: no worker takes anything. */
  isPaused: boolean
  /** What somebody has set on the queue itself, which holds back our workers, too; null: nothing. */
  limitSet: { jobs: number; perMs: number } | null
  concurrencySet: number | null
  /** Jobs ever added, by any producer, duplicates included. */
  added: number
}

export interface QueuesState {
  /** Redis' clock, ms. */
  at: number
  queues: QueueState[]
}

/** Rejects when Redis does not answer. One command, because many look once a second. */
export async function readQueues(redis: Redis, names: QueueNames): Promise<QueuesState> {
  const queues = [names.lookupQueue, names.interactiveQueue, names.resultQueue]
  const keys = queues.flatMap((queue) => [...READ_KEYS.map(keysOf(names, queue)), keptKey(names, queue)])
  const prefixes = queues.map((queue) => keysOf(names, queue)(''))
  const [at, ...read] = (await READ.run(redis, keys, prefixes)) as [string, ...QueueRead[]]
  return { at: Number(at), queues: read.map((one, index) => stateOf(queues[index] ?? '', one, Number(at))) }
}

/** Results are not kept once they are taken: no such key. */
function keptKey(names: QueueNames, queue: string): string {
  return queue === names.resultQueue ? keysOf(names, queue)('finished') : finishedKey(names, laneOf(names, queue))
}

/** Whether a worker would take a job now. A delayed job counts once its time has come. */
export async function hasTakeable(redis: Redis, names: QueueNames, queue: string): Promise<boolean> {
  const key = keysOf(names, queue)
  const [waiting, prioritized, delayed] = await Promise.all([
    redis.llen(key('wait')),
    redis.zcard(key('prioritized')),
    redis.zcount(key('delayed'), '-inf', delayedScoreAt(now())),
  ])
  return waiting + prioritized + delayed > 0
}

/** The number of jobs that nobody has taken yet, whatever they wait for. */
export async function countUntaken(redis: Redis, names: QueueNames, queue: string): Promise<number> {
  const key = keysOf(names, queue)
  const counts = await Promise.all([
    redis.llen(key('wait')),
    redis.llen(key('paused')),
    redis.zcard(key('prioritized')),
    redis.zcard(key('delayed')),
  ])
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Jobs whose size is looked at, spread over the queue. */
const SIZE_SAMPLE = 20
/** What Redis needs for a job beside its data, bytes, as `npm run bars -- memory` finds. */
const AROUND_THE_DATA = 700

/** What the jobs that wait take in Redis, bytes, estimated from some of them. */
export async function estimateWaitingBytes(redis: Redis, names: QueueNames, queue: string): Promise<number> {
  const key = keysOf(names, queue)
  const waiting = await redis.llen(key('wait'))
  const sample = Math.min(SIZE_SAMPLE, waiting)
  const places = Array.from({ length: sample }, (_, index) => Math.floor((index * waiting) / sample))
  const ids = await Promise.all(places.map((place) => redis.lindex(key('wait'), place)))
  const sizes = await Promise.all(ids.map((id) => redis.hstrlen(key(id ?? ''), FIELDS.data)))
  const sampled = sizes.reduce((sum, size) => sum + size + AROUND_THE_DATA, 0)
  return sample === 0 ? 0 : (sampled / sample) * waiting
}

const MOST_PRIORITIES = 50

const READ_KEYS = [
  'wait',
  'paused',
  'prioritized',
  'delayed',
  'active',
  'completed',
  'failed',
  QUEUE_KEYS.counter,
  QUEUE_KEYS.meta,
] as const

// KEYS of each queue, and of ARGV its jobs' key without an id. `dueOf` says when the job that waits longest was due: the first
// of each list, and of each priority; 0 if none waits.
const READ = new Script(`
${NOW_LUA}
${GENERATIONS_LUA}
${COUNT_LUA}
local at, EACH = now(), ${READ_KEYS.length + 1}
local function dueOf(PREFIX, WAIT, PAUSED, PRIORITIZED)
  local oldest = 0
  local function look(id)
    if not id then return end
    local fields = redis.call('HMGET', PREFIX .. id, '${FIELDS.timestamp}', '${FIELDS.options}')
    local due = tonumber(fields[1] or '') or 0
    if due <= 0 then return end
    local isJson, opts = pcall(cjson.decode, fields[2] or '{}')
    if isJson and type(opts) == 'table' then due = due + math.max(0, tonumber(opts.delay) or 0) end
    if oldest == 0 or due < oldest then oldest = due end
  end
  look(redis.call('LINDEX', WAIT, -1))
  look(redis.call('LINDEX', PAUSED, -1))
  local from = '-inf'
  for _ = 1, ${MOST_PRIORITIES} do
    local next = redis.call('ZRANGEBYSCORE', PRIORITIZED, from, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if not next[1] then break end
    look(next[1])
    from = string.format('%.0f', (math.floor(next[2] / ${PRIORITY_SCORE}) + 1) * ${PRIORITY_SCORE})
  end
  return oldest
end
local function read(PREFIX, WAIT, PAUSED, PRIORITIZED, DELAYED, ACTIVE, COMPLETED, FAILED, COUNTER, META, KEPT)
  return {
    redis.call('LLEN', WAIT) + redis.call('LLEN', PAUSED),
    redis.call('ZCARD', PRIORITIZED),
    redis.call('ZCARD', DELAYED),
    redis.call('LLEN', ACTIVE),
    redis.call('ZCARD', COMPLETED) + countKept(KEPT, at),
    redis.call('ZCARD', FAILED),
    redis.call('GET', COUNTER) or '0',
    redis.call('HEXISTS', META, '${PAUSED_FIELD}'),
    redis.call('HMGET', META, ${quoted(LIMIT_FIELDS)}),
    string.format('%.0f', dueOf(PREFIX, WAIT, PAUSED, PRIORITIZED)),
  }
end
local answer = { string.format('%.3f', at) }
for i, prefix in ipairs(ARGV) do
  answer[i + 1] = read(prefix, unpack(KEYS, (i - 1) * EACH + 1, i * EACH))
end
return answer`)

type QueueRead = [
  waiting: number,
  prioritized: number,
  delayed: number,
  active: number,
  completed: number,
  failed: number,
  added: string,
  isPaused: number,
  set: (string | null)[],
  due: string,
]

function stateOf(queue: string, read: QueueRead, at: number): QueueState {
  const [waiting, prioritized, delayed, active, completed, failed, added, isPaused, set, due] = read
  return {
    queue,
    jobs: { waiting, prioritized, delayed, active, completed, failed },
    oldestAgeMs: due === '0' ? 0 : Math.max(0, at - Number(due)),
    isPaused: isPaused === 1,
    ...setOn(set),
    added: Number(added),
  }
}

function setOn([jobs, perMs, concurrency]: (string | null | undefined)[]): Pick<
  QueueState,
  'limitSet' | 'concurrencySet'
> {
  return {
    limitSet: jobs && perMs ? { jobs: Number(jobs), perMs: Number(perMs) } : null,
    concurrencySet: concurrency ? Number(concurrency) : null,
  }
}
