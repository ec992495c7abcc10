/**
 * Lookups that have finished: what of each is kept for LOOKUP_RETENTION_MS, and up to an eighth longer, for its story, for
 * selections, and to put it back. The script that publishes a result writes this record with it (result-queue.ts), and then
 * the job leaves BullMQ, because as a job it would take three times as much. A record is made of the fields of the job, so
 * whoever reads it reads a job.
 *
 * What is more than a lookup stays BullMQ's, among the completed jobs: a job of a flow or of a scheduler, an invalid one, one
 * with more data than the contract allows; and so do lookups that an earlier version has completed.
 */

import type { Lane } from '../domain/lane.ts'
import { STEPS_LUA } from '../redis/activity.ts'
import type { Redis } from '../redis/connections.ts'
import {
  finishedKey,
  HISTORY_FIELD,
  laneOf,
  type QueueNames,
  REDRIVE_FIELD,
  REDRIVEN_AT_FIELD,
  shortHash,
} from '../redis/names.ts'
import { quoted, Script } from '../redis/script.ts'
import { NOW_LUA } from '../redis/time.ts'
import { FIELDS } from './bull-layout.ts'
import { GENERATIONS_LUA, SHARD_DIGITS } from './generations.ts'

/** What is kept of a job, in this order. */
const RECORD = [
  FIELDS.data,
  FIELDS.timestamp,
  FIELDS.finishedOn,
  FIELDS.returned,
  FIELDS.taken,
  FIELDS.stalls,
  FIELDS.priority,
  HISTORY_FIELD,
  REDRIVE_FIELD,
  REDRIVEN_AT_FIELD,
] as const
export type RecordField = (typeof RECORD)[number]

/** More than the contract allows for a lookup; a shard of such records can still be read in one step. */
const MOST_DATA_BYTES = 8192
const LEAST_SHARDS = 16
export const LIVES_TIMES = 1.125

/** What stands for a finished lookup: its shard's number, and its id as the field. */
export function finishedMark(lookupId: string): string {
  return shortHash(lookupId, SHARD_DIGITS) + lookupId
}

/** `recordOf` answers the record's fields by their names, or nothing; behind GENERATIONS_LUA. */
export const RECORD_LUA = `
local RECORD = { ${quoted(RECORD)} }
local function unpacked(value)
  local isRecord, parts = pcall(cmsgpack.unpack, value)
  if not isRecord or type(parts) ~= 'table' then return nil end
  local fields = {}
  for i, name in ipairs(RECORD) do
    local part = parts[i]
    if type(part) == 'number' then part = string.format('%.0f', part) end
    fields[name] = part or nil
  end
  return fields
end
local function recordOf(all, mark)
  local value = valueOf(all, mark)
  return value and unpacked(value)
end
local function countIn(all, generation, by)
  redis.call('HINCRBY', all.key, string.format('n%d', generation.begun), by)
end
-- Answers how many there were.
local function removeRecord(all, mark)
  local removed = 0
  for _, generation in ipairs(all) do
    local here = redis.call('HDEL', shardOf(all, generation, mark))
    if here > 0 then countIn(all, generation, -here) end
    removed = removed + here
  end
  return removed
end`

/** `keepRecord` answers whether it has kept the job, which then may leave BullMQ; behind RECORD_LUA and PUT_LUA. */
export const KEEP_LUA = `
local function isPlain(name, data, options, parent, scheduler)
  if name ~= 'lookup' or not data or #data > ${MOST_DATA_BYTES} or parent or scheduler then return false end
  return not options or not (string.find(options, '"parent"', 1, true) or string.find(options, '"repeat"', 1, true))
end
-- In few bytes.
local function part(text)
  local number = tonumber(text or '')
  return number and string.format('%.0f', number) == text and number or text or false
end
local function keepRecord(all, mark, job, ended, lifeMs)
  local fields = redis.call('HMGET', job, ${quoted([...RECORD, FIELDS.name, FIELDS.options, 'parent', 'rjk'])})
  local name, options, parent, scheduler = unpack(fields, #RECORD + 1)
  if not isPlain(name, fields[1], options, parent, scheduler) then return false end
  fields[3], fields[4] = string.format('%d', AT), ended
  for i = 2, #RECORD do fields[i] = part(fields[i]) end
  for i = #RECORD + 1, #RECORD + 4 do fields[i] = nil end
  if fields[7] == 0 then fields[7] = false end
  local generation, isNew = put(all, mark, cmsgpack.pack(fields), lifeMs, ${LEAST_SHARDS}, ${LIVES_TIMES})
  if isNew then countIn(all, generation, 1) end
  return true
end`

/** Makes it the job that it was, as BullMQ would have left it; behind RECORD_LUA. */
export const RESTORE_LUA = `
local function restore(all, mark, record, job, completed, id)
  local fields = { 'name', 'lookup', 'opts', '{}' }
  for name, value in pairs(record) do
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  redis.call('HSET', job, unpack(fields))
  redis.call('ZADD', completed, record['${FIELDS.finishedOn}'] or AT, id)
  removeRecord(all, mark)
end`

// Answers of each its fields, in the order of RECORD, or false.
const READ = new Script(`
${GENERATIONS_LUA}
${RECORD_LUA}
local all, found = generationsIn(KEYS[1]), {}
for i, mark in ipairs(ARGV) do
  local record = recordOf(all, mark)
  found[i] = record and {} or false
  if record then for n, name in ipairs(RECORD) do found[i][n] = record[name] or false end end
end
return found`)

const REMOVE = new Script(`
${NOW_LUA}
${STEPS_LUA}
${GENERATIONS_LUA}
${RECORD_LUA}
local removed = removeRecord(generationsIn(KEYS[1]), ARGV[1])
if removed > 0 then countStep(KEYS[2], now(), 1) end
return removed`)

/** `countKept` answers how many are kept at a time; behind GENERATIONS_LUA. */
export const COUNT_LUA = `
local function countKept(key, at)
  local all, count = generationsIn(key), 0
  for _, generation in ipairs(all) do
    if generation.ends > at then
      count = count + (tonumber(redis.call('HGET', key, string.format('n%d', generation.begun)) or '') or 0)
    end
  end
  return count
end`

const COUNT = new Script(`
${NOW_LUA}
${GENERATIONS_LUA}
${COUNT_LUA}
return countKept(KEYS[1], now())`)

export type FinishedRecord = Readonly<Partial<Record<string, string | null>>>

/** Redis is to do other things in between. */
const READ_AT_ONCE = 200

/** The fields of each that is kept, by lookup id. */
export async function readFinished(
  redis: Redis,
  names: QueueNames,
  queue: string,
  lookupIds: readonly string[],
): Promise<Map<string, FinishedRecord>> {
  const records = new Map<string, FinishedRecord>()
  const keys = [finishedKey(names, laneOf(names, queue))]
  for (let from = 0; from < lookupIds.length; from += READ_AT_ONCE) {
    const some = lookupIds.slice(from, from + READ_AT_ONCE)
    const found = (await READ.run(redis, keys, some.map(finishedMark))) as ((string | null)[] | null)[]
    for (const [index, values] of found.entries()) {
      if (values)
        records.set(some[index] ?? '', Object.fromEntries(RECORD.map((field, n) => [field, values[n] ?? null])))
    }
  }
  return records
}

/** Removes what is kept of it, as a step of an action. Returns how many records there were. */
export async function removeFinished(
  redis: Redis,
  names: QueueNames,
  queue: string,
  lookupId: string,
  stepsKey: string,
): Promise<number> {
  const keys = [finishedKey(names, laneOf(names, queue)), stepsKey]
  return Number(await REMOVE.run(redis, keys, [finishedMark(lookupId)]))
}

/** How many are kept. */
export async function countFinished(redis: Redis, names: QueueNames, lane: Lane): Promise<number> {
  return Number(await COUNT.run(redis, [finishedKey(names, lane)]))
}
