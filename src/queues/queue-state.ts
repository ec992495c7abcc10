/**
 * How many jobs are where, and how old the oldest is: for metrics and `status`. Read from BullMQ's own keys, because
 * BullMQ's calls wait for Redis however long it hangs.
 */

import type { Redis } from 'ioredis'
import { now } from '../clock.ts'
import { bullKey, type QueueNames } from './names.ts'
import { redisTime } from './redis-time.ts'

export const JOB_STATES = ['waiting', 'prioritized', 'delayed', 'active', 'completed', 'failed'] as const
export type JobState = (typeof JOB_STATES)[number]

export interface QueueState {
  queue: string
  jobs: Record<JobState, number>
  /** Milliseconds since the oldest job that waits for a worker was enqueued; 0 if none waits. */
  oldestAgeMs: number
  /** Jobs ever added, by any producer, duplicates included. */
  added: number
}

export interface QueuesState {
  /** Redis' clock, ms. */
  at: number
  queues: QueueState[]
}

/** BullMQ keeps delayed jobs by their time, times this: the rest is a counter. */
export const DELAYED_SCORE = 0x1000

/** Rejects when Redis does not answer. */
export async function readQueues(redis: Redis, names: QueueNames): Promise<QueuesState> {
  const queues = [names.lookupQueue, names.interactiveQueue, names.resultQueue]
  const [at, ...states] = await Promise.all([
    redisTime(redis, bullKey(names, names.lookupQueue, 'meta')),
    ...queues.map((queue) => readQueue(redis, names, queue)),
  ])
  return {
    at,
    queues: states.map(({ oldest, ...state }) => ({ ...state, oldestAgeMs: oldest ? Math.max(0, at - oldest) : 0 })),
  }
}

/** Is there a job that a worker would take now? One that was delayed counts when its time has come. */
export async function hasTakeable(redis: Redis, names: QueueNames, queue: string): Promise<boolean> {
  const key = (part: string) => bullKey(names, queue, part)
  const [waiting, prioritized, delayed] = await Promise.all([
    redis.llen(key('wait')),
    redis.zcard(key('prioritized')),
    redis.zcount(key('delayed'), '-inf', now() * DELAYED_SCORE),
  ])
  return waiting + prioritized + delayed > 0
}

/** Jobs that nobody has taken yet, whatever they wait for. */
export async function countUntaken(redis: Redis, names: QueueNames, queue: string): Promise<number> {
  const key = (part: string) => bullKey(names, queue, part)
  const counts = await Promise.all([
    redis.llen(key('wait')),
    redis.llen(key('paused')),
    redis.zcard(key('prioritized')),
    redis.zcard(key('delayed')),
  ])
  return counts.reduce((sum, count) => sum + count, 0)
}

async function readQueue(redis: Redis, names: QueueNames, queue: string) {
  const key = (part: string) => bullKey(names, queue, part)
  const [waiting, prioritized, delayed, active, completed, failed, added, next, nextPrioritized] = await Promise.all([
    redis.llen(key('wait')),
    redis.zcard(key('prioritized')),
    redis.zcard(key('delayed')),
    redis.llen(key('active')),
    redis.zcard(key('completed')),
    redis.zcard(key('failed')),
    redis.get(key('id')),
    redis.lindex(key('wait'), '-1'),
    redis.zrange(key('prioritized'), '0', '0'),
  ])
  const heads = [next, nextPrioritized[0]].filter((id): id is string => typeof id === 'string')
  const times = await Promise.all(heads.map((id) => redis.hget(key(id), 'timestamp')))
  const oldest = Math.min(...times.map(Number).filter((time) => time > 0))
  return {
    queue,
    jobs: { waiting, prioritized, delayed, active, completed, failed },
    added: Number(added ?? 0),
    oldest: Number.isFinite(oldest) ? oldest : null,
  }
}
