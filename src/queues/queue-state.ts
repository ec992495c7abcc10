/**
 * How many jobs are where, and how old the oldest is, for metrics and `status`. Read from BullMQ's own keys, because
 * BullMQ's calls wait for Redis however long it hangs.
 */

import { now } from '../clock.ts'
import type { Redis } from '../redis/connections.ts'
import { laneOf, type QueueNames } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { redisTime } from '../redis/time.ts'
import {
  delayedScoreAt,
  FIELDS,
  keysOf,
  LIMIT_FIELDS,
  PAUSED_FIELD,
  PRIORITY_SCORE,
  QUEUE_KEYS,
} from './bull-layout.ts'
import { countFinished } from './finished-lookups.ts'

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

/** Rejects when Redis does not answer. */
export async function readQueues(redis: Redis, names: QueueNames): Promise<QueuesState> {
  const queues = [names.lookupQueue, names.interactiveQueue, names.resultQueue]
  const [at, ...states] = await Promise.all([
    redisTime(redis, keysOf(names, names.lookupQueue)(QUEUE_KEYS.meta)),
    ...queues.map((queue) => readQueue(redis, names, queue)),
  ])
  return {
    at,
    queues: states.map(({ oldest, ...state }) => ({ ...state, oldestAgeMs: oldest ? Math.max(0, at - oldest) : 0 })),
  }
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

// When the job that waits longest was due: the first of each list, and of each priority. 0 if none waits.
// PREFIX is a job's key without its id.
const OLDEST = new Script(`
local WAIT, PAUSED, PRIORITIZED = unpack(KEYS)
local PREFIX = ARGV[1]
local oldest = 0
local function look(id)
  if not id then return end
  local fields = redis.call('HMGET', PREFIX .. id, '${FIELDS.timestamp}', '${FIELDS.options}')
  local at = tonumber(fields[1] or '') or 0
  if at <= 0 then return end
  local isJson, opts = pcall(cjson.decode, fields[2] or '{}')
  if isJson and type(opts) == 'table' then at = at + math.max(0, tonumber(opts.delay) or 0) end
  if oldest == 0 or at < oldest then oldest = at end
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
return string.format('%.0f', oldest)`)

async function readQueue(redis: Redis, names: QueueNames, queue: string) {
  const key = keysOf(names, queue)
  const [waiting, paused, prioritized, delayed, active, completed, kept, failed, added, isPaused, set, due] =
    await Promise.all([
      redis.llen(key('wait')),
      redis.llen(key('paused')),
      redis.zcard(key('prioritized')),
      redis.zcard(key('delayed')),
      redis.llen(key('active')),
      redis.zcard(key('completed')),
      queue === names.resultQueue ? 0 : countFinished(redis, names, laneOf(names, queue)),
      redis.zcard(key('failed')),
      redis.get(key(QUEUE_KEYS.counter)),
      redis.hexists(key(QUEUE_KEYS.meta), PAUSED_FIELD),
      redis.hmget(key(QUEUE_KEYS.meta), ...LIMIT_FIELDS),
      OLDEST.run(redis, ['wait', 'paused', 'prioritized'].map(key), [key('')]),
    ])
  return {
    queue,
    jobs: { waiting: waiting + paused, prioritized, delayed, active, completed: completed + kept, failed },
    added: Number(added ?? 0),
    isPaused: isPaused === 1,
    ...setOn(set),
    oldest: Number(due) || null,
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
