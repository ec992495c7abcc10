/**
 * BullMQ's own way to fail a job (it tells the parent of a flow, frees what it deduplicates, writes the event), callable from
 * a script of ours: as in bull-add.ts, the text that the installed package sends to Redis, made a Lua function, and compared
 * with what our scripts pass.
 */

import { Job, type Queue } from 'bullmq'
import type { Redis } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'
import { unknownBullMQ } from './bull-add.ts'
import { FIELDS, keysOf } from './bull-layout.ts'

/** Its KEYS, in order; `<job>` is the job's. */
const KEYS = [
  'wait',
  'active',
  'prioritized',
  'events',
  'stalled',
  'limiter',
  'delayed',
  'paused',
  'meta',
  'pc',
  'failed',
  '<job>',
  'metrics:failed',
  'marker',
] as const
/** Those before and behind the job's. */
export const FAIL_KEYS = KEYS.filter((key) => key !== '<job>')
const SAMPLE = 'sample'

/**
 * `local function fail(keys, job, id, at, reason)`: `keys` are those of FAIL_KEYS; the job lies in `active`. Token 0 stands for
 * a job that has no lock. All that fail are kept.
 */
export async function bullFail(queue: Queue, redis: Redis, names: QueueNames): Promise<string> {
  await queue.waitUntilReady()
  const { command, args } = await caught(queue)
  const scripts = redis.scriptsSet as Record<string, { lua: string }>
  const name = Object.keys(scripts).find((one) => one === command || one.startsWith(`${command}:`)) ?? ''
  const key = keysOf(names, queue.name)
  const known = [
    ...KEYS.map((part) => key(part === '<job>' ? SAMPLE : part)),
    SAMPLE,
    'at',
    FIELDS.failedReason,
    'reason',
    'failed',
    0,
    key(''),
  ]
  const seen = args.slice(0, known.length)
  seen[KEYS.length + 1] = 'at'
  if (!scripts[name] || JSON.stringify(seen) !== JSON.stringify(known)) throw unknownBullMQ('fails')
  const before = KEYS.indexOf('<job>')
  return `
local function bullFail(KEYS, ARGV)
${scripts[name].lua}
end
local FAIL_OPTIONS = cmsgpack.pack({ token = '0', keepJobs = { count = -1 }, attempts = 0, maxMetricsSize = '' })
local function fail(keys, job, id, at, reason)
  local all = { unpack(keys, 1, ${before}) }
  all[${before + 1}], all[${before + 2}], all[${before + 3}] = job, keys[${before + 1}], keys[${before + 2}]
  return bullFail(all, { id, at, '${FIELDS.failedReason}', reason, 'failed', '0', '${key('')}', FAIL_OPTIONS })
end`
}

/** The command that BullMQ would send to fail a job. */
async function caught(queue: Queue): Promise<{ command: string; args: unknown[] }> {
  let seen = { command: '', args: [] as unknown[] }
  const execCommand = (_client: unknown, command: string, args: unknown[]) => {
    seen = { command, args }
    return 0
  }
  const backend = Object.assign(Object.create(queue.getBackend()), { execCommand })
  await backend.moveToFailed(new Job(queue, 'name', {}, {}, SAMPLE), 'reason', false, '0', false, undefined)
  return seen
}
