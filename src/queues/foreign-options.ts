/**
 * Attempts, backoff and retention are ours, whatever the job says. BullMQ prefers a job's own options to the worker's, so
 * they are taken off the job: in memory, where BullMQ reads them, and in Redis, for whoever takes the job up after a
 * crash. Otherwise a job that asks to be removed when it fails would be gone before its result could be published.
 */

import type { Job } from 'bullmq'
import type { Redis } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'
import { FIELDS, keysOf } from './bull-layout.ts'

/** Null: nothing had to be written. */
export function disown(job: Job, redis: Redis, names: QueueNames, queue: string): Promise<void> | null {
  const { opts } = job
  const asksForRemoval = opts.removeOnComplete !== undefined || opts.removeOnFail !== undefined
  delete opts.removeOnComplete
  delete opts.removeOnFail
  opts.attempts = 0
  delete opts.backoff
  return asksForRemoval ? disownInRedis(redis, keysOf(names, queue)(job.id ?? '')) : null
}

async function disownInRedis(redis: Redis, key: string): Promise<void> {
  const stored = JSON.parse((await redis.hget(key, FIELDS.options)) ?? '{}') as Record<string, unknown>
  for (const option of ['removeOnComplete', 'removeOnFail', 'attempts', 'backoff']) delete stored[option]
  await redis.hset(key, FIELDS.options, JSON.stringify(stored))
}
