/**
 * Removes jobs that have ended and whose time is over, by Redis' time: dead letters, and the few finished lookups that stay
 * jobs (queues/finished-lookups.ts). BullMQ would do so only when another lookup finishes, so
 * an idle queue would keep customers' data for ever; and by the clock of whoever finishes it, so one worker whose clock
 * is ahead would throw away what the whole fleet has to remember.
 */

import type { Queue } from 'bullmq'
import { now } from '../clock.ts'
import { QUEUE_KEYS } from '../queues/bull-layout.ts'
import type { Redis } from '../redis/connections.ts'
import { redisTime } from '../redis/time.ts'

export interface Retention {
  lookupRetentionMs: number
  deadLetterRetentionMs: number
}

const AT_ONCE = 1000

export async function removeOld(queue: Queue, redis: Redis, retention: Retention): Promise<void> {
  // BullMQ measures the age with this machine's clock.
  const aheadMs = Math.round(now() - (await redisTime(redis, queue.toKey(QUEUE_KEYS.meta))))
  await removeAll(queue, retention.lookupRetentionMs + aheadMs, 'completed')
  await removeAll(queue, retention.deadLetterRetentionMs + aheadMs, 'failed')
}

async function removeAll(queue: Queue, ageMs: number, state: 'completed' | 'failed'): Promise<void> {
  while ((await queue.clean(ageMs, AT_ONCE, state)).length === AT_ONCE);
}
