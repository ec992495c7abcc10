/**
 * Jobs as they lie in Redis, read field by field: one that BullMQ cannot build, or that is too large for this process, stops
 * nobody who reads the others.
 */

import type { Redis } from '../redis/connections.ts'
import { HISTORY_FIELD, type QueueNames, REDRIVE_FIELD, REDRIVEN_AT_FIELD } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { COUNTED_FIELDS, FIELDS, keysOf, LOCK, QUEUE_KEYS } from './bull-layout.ts'

/** More than 100 times what the contract allows for a lookup. */
export const JOB_MAX_BYTES = 1_048_576

export interface StoredJob {
  /** That of its key, whatever a field says. */
  id: string
  queue: string
  /** What lies at the key, by Redis' name; a job is a `hash`. */
  type: string
  /** All its fields together. */
  bytes: number
  /** Somebody has it in hand, or had until a moment ago. */
  isLocked: boolean
  /** Changes with anything in it. */
  fingerprint: string
  /** The fields by their names in Redis; none of a job above JOB_MAX_BYTES but the time at which it was enqueued. */
  fields: Readonly<Record<string, string | null>>
}

const READ_FIELDS = [
  FIELDS.name,
  FIELDS.data,
  FIELDS.options,
  FIELDS.timestamp,
  FIELDS.failedReason,
  FIELDS.deferredFailure,
  ...COUNTED_FIELDS,
  REDRIVE_FIELD,
  REDRIVEN_AT_FIELD,
  HISTORY_FIELD,
]
const TIME_MAX_BYTES = 32

/** `look` answers a job's type, bytes and fingerprint, and reads no field above the limit. */
export const LOOK_LUA = `
local function look(job)
  local kind = redis.call('TYPE', job).ok
  if kind ~= 'hash' then return kind, 0, kind end
  local bytes = 0
  for _, field in ipairs(redis.call('HKEYS', job)) do bytes = bytes + redis.call('HSTRLEN', job, field) end
  if bytes > ${JOB_MAX_BYTES} then return kind, bytes, 'bytes ' .. bytes end
  return kind, bytes, redis.sha1hex(table.concat(redis.call('HGETALL', job), '\\0'))
end`

// PREFIX is a job's key without its id.
const READ = new Script(`
local PREFIX, ids = KEYS[1], ARGV
${LOOK_LUA}
local found = {}
for _, id in ipairs(ids) do
  local job = PREFIX .. id
  local kind, bytes, fingerprint = look(job)
  if kind ~= 'none' then
    local fields = {}
    if kind == 'hash' and bytes <= ${JOB_MAX_BYTES} then
      fields = redis.call('HMGET', job, ${READ_FIELDS.map((field) => `'${field}'`).join(', ')})
    elseif kind == 'hash' and redis.call('HSTRLEN', job, '${FIELDS.timestamp}') <= ${TIME_MAX_BYTES} then
      fields[${READ_FIELDS.indexOf(FIELDS.timestamp) + 1}] = redis.call('HGET', job, '${FIELDS.timestamp}')
    end
    for i = 1, ${READ_FIELDS.length} do fields[i] = fields[i] or false end
    found[#found + 1] = { id, kind, tostring(bytes), redis.call('EXISTS', job .. '${LOCK}'), fingerprint, fields }
  end
end
return found`)

// Does nothing if the job was mended meanwhile, or another one came under its id.
const REMOVE = new Script(`
local ACTIVE, STALLED, JOB, LOCK = unpack(KEYS)
local id, fingerprint = unpack(ARGV)
${LOOK_LUA}
local _, _, found = look(JOB)
if found ~= fingerprint then return 0 end
redis.call('LREM', ACTIVE, 0, id)
redis.call('SREM', STALLED, id)
return redis.call('DEL', JOB, LOCK)`)

type Found = [id: string, type: string, bytes: string, locked: number, fingerprint: string, fields: (string | null)[]]

/** Redis is to do other things in between: a job takes it about 60 µs. */
const READ_AT_ONCE = 100

/** Those that are there, in the order of their ids. */
export async function readJobs(redis: Redis, names: QueueNames, queue: string, ids: string[]): Promise<StoredJob[]> {
  const found: Found[] = []
  for (let from = 0; from < ids.length; from += READ_AT_ONCE) {
    const some = ids.slice(from, from + READ_AT_ONCE)
    found.push(...((await READ.run(redis, [keysOf(names, queue)('')], some)) as Found[]))
  }
  return found.map(([id, type, bytes, locked, fingerprint, values]) => {
    const fields = Object.fromEntries(READ_FIELDS.map((field, index) => [field, values[index] ?? null]))
    return { id, queue, type, bytes: Number(bytes), isLocked: locked === 1, fingerprint, fields }
  })
}

/** Takes a job away that nobody can work on, from among the active ones, if it is still the same. */
export async function removeActive(redis: Redis, names: QueueNames, job: StoredJob): Promise<void> {
  const key = keysOf(names, job.queue)
  const keys = [key('active'), key(QUEUE_KEYS.stalled), key(job.id), key(job.id + LOCK)]
  await REMOVE.run(redis, keys, [job.id, job.fingerprint])
}

/** Why neither BullMQ nor we can work on it, as far as its fields say; null: they do not say so. */
export function problemOf({ type, bytes, isLocked, fields }: StoredJob): string | null {
  if (type !== 'hash') return `job: expected a hash, got a ${type}`
  if (bytes > JOB_MAX_BYTES) return tooLarge(bytes)
  // Without a count of starts nobody can take it. Without one of stalls it can be run, but nothing that stalled is found.
  const counted = isLocked ? [FIELDS.taken] : [FIELDS.taken, FIELDS.stalls]
  return counted.every((field) => /^-?\d{1,15}$/.test(fields[field] ?? '0')) ? null : UNBUILDABLE
}

export const UNBUILDABLE = 'job: expected data, options and other fields as BullMQ writes them, got something else'

export function tooLarge(bytes: number): string {
  return `job: expected at most ${JOB_MAX_BYTES} bytes, got ${bytes}`
}
