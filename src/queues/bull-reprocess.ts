/**
 * BullMQ's own way to put a job that has ended back to wait (Job.retry), callable from a script of ours: as in bull-add.ts,
 * the text that the installed package sends to Redis, made a Lua function, and compared with what our scripts pass.
 */

import { Job, type Queue } from 'bullmq'
import type { Redis } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'
import { unknownBullMQ } from './bull-add.ts'
import { FIELDS, keysOf } from './bull-layout.ts'

/** Its KEYS, in order; `<job>` and `<from>` (failed or completed) are the job's. */
const KEYS = ['<job>', 'events', '<from>', 'wait', 'meta', 'active', 'marker', 'prioritized', 'pc'] as const
/** Those that are the queue's. */
export const REPROCESS_KEYS = KEYS.filter((key) => !key.startsWith('<'))
/** What lies there, by Redis' name. */
export const REPROCESS_KINDS = ['stream', 'list', 'hash', 'list', 'zset', 'zset', 'string']

/** Resolves to `local function reprocess(KEYS, ARGV)`; ARGV: id, LPUSH or RPUSH, field of its end, failed or completed, 1, 1. */
export async function bullReprocess(queue: Queue, redis: Redis, names: QueueNames): Promise<string> {
  await queue.waitUntilReady()
  const { command, args } = await caught(queue)
  const scripts = redis.scriptsSet as Record<string, { lua: string }>
  const name = Object.keys(scripts).find((one) => one.startsWith(`${command}:`)) ?? ''
  const key = keysOf(names, queue.name)
  const keys = KEYS.map((part) => key(part === '<job>' ? SAMPLE : part === '<from>' ? 'failed' : part))
  const known = [...keys, SAMPLE, 'LPUSH', FIELDS.failedReason, 'failed', '1', '1']
  if (!scripts[name] || JSON.stringify(args) !== JSON.stringify(known)) throw unknownBullMQ('puts back')
  return `local function reprocess(KEYS, ARGV)\n${scripts[name].lua}\nend`
}

const SAMPLE = 'sample'
const CLEAN = { resetAttemptsMade: true, resetAttemptsStarted: true }

/** The command that BullMQ would send to put back a failed job. */
async function caught(queue: Queue): Promise<{ command: string; args: unknown[] }> {
  let seen = { command: '', args: [] as unknown[] }
  const execCommand = (_client: unknown, command: string, args: unknown[]) => {
    seen = { command, args }
    return 1
  }
  const backend = Object.assign(Object.create(queue.getBackend()), { execCommand })
  await backend.retryFinishedJob(new Job(queue, 'name', {}, {}, SAMPLE), 'failed', CLEAN)
  return seen
}
