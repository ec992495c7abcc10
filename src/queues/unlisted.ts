/**
 * Jobs that lie in no list of their queue, where nobody will ever find them: an add that Redis refused half way (a script
 * does not roll back), or a list that somebody removed, or wrote over (BullMQ 5 renames lists when it pauses and resumes).
 */

import type { Redis } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'
import { FIRST, hashesAfter } from '../redis/scan.ts'
import { Script } from '../redis/script.ts'
import { COUNTED_FIELDS, FIELDS, keysOf, LISTS, LOCK, OLD_MARK, QUEUE_KEYS, SORTED_SETS, WAKE } from './bull-layout.ts'

export interface UnlistedJob {
  id: string
  /** Where it belongs. */
  place: 'wait' | 'completed' | 'failed'
}

export interface Look {
  found: UnlistedJob[]
  /** Where the next look goes on; FIRST: all keys have been looked at. */
  next: string
}

const KEYS_A_PAGE = 1000
const PAGES_A_TIME = 50
/** Behind a longer backlog a job that was put back would wait all the same; and all ids that wait are read. */
const LONGEST_BACKLOG = 50_000
/** 50,000 at once kept Redis from everybody else for 3 to 6 ms, these for 0.3. */
const IDS_A_STEP = 5_000

/** What has just moved lies so near an end of its list. */
const NEAR = 1_000

const LOOK_KEYS = [...LISTS, ...SORTED_SETS, QUEUE_KEYS.marker]
const keyOf = (place: (typeof LOOK_KEYS)[number]) => `KEYS[${LOOK_KEYS.indexOf(place) + 1}]`

// What runs has a lock, or has lost the lock and is seen to as stalled. PREFIX is a job's key without its id.
const LOOK = new Script(`
local LISTS, SORTED_SETS = { unpack(KEYS, 1, ${LISTS.length}) }, { unpack(KEYS, ${LISTS.length + 1}, #KEYS - 1) }
local WAIT, PRIORITIZED = ${keyOf('wait')}, ${keyOf('prioritized')}
local COMPLETED, FAILED, MARKER = ${keyOf('completed')}, ${keyOf('failed')}, ${keyOf(QUEUE_KEYS.marker)}
local PREFIX, isToPutBack, FIRST_ID = ARGV[1], ARGV[2] == '1', 3
local found = {}
local function isNearAnEnd(id)
  for i = #LISTS, 1, -1 do
    for _, rank in ipairs({ 1, -1 }) do
      if redis.call('LPOS', LISTS[i], id, 'RANK', rank, 'MAXLEN', ${NEAR}) then return true end
    end
  end
end
-- Once, however many of these ids are nowhere: for each of them LPOS would read whole lists, and keep Redis for a second.
local inLists
local function readLists()
  inLists = {}
  for _, list in ipairs(LISTS) do
    for _, id in ipairs(redis.call('LRANGE', list, 0, -1)) do inLists[id] = true end
  end
end
local function isListed(id)
  for _, set in ipairs(SORTED_SETS) do if redis.call('ZSCORE', set, id) then return true end end
  if not inLists then
    if isNearAnEnd(id) then return true end
    readLists()
  end
  return inLists[id]
end
-- A count that is no number stops BullMQ half way, each time anew.
local function mend(job)
  for _, field in ipairs({ ${COUNTED_FIELDS.map((field) => `'${field}'`).join(', ')} }) do
    if not string.match(redis.call('HGET', job, field) or '0', '^-?%d+$') then redis.call('HDEL', job, field) end
  end
end
local function putBack(id, place, endedAt)
  if place ~= 'wait' then
    redis.call('ZADD', place == 'failed' and FAILED or COMPLETED, endedAt, id)
    return
  end
  if string.sub(id, 1, ${OLD_MARK.length}) == '${OLD_MARK}' then
    redis.call('ZADD', PRIORITIZED, 1, id) -- in \`wait\` BullMQ takes it for a mark of an older version, and drops it
  else
    redis.call('RPUSH', WAIT, id)
  end
  redis.call('ZADD', MARKER, ${WAKE.score}, '${WAKE.member}')
end
for i = FIRST_ID, #ARGV do
  local id, job = ARGV[i], PREFIX .. ARGV[i]
  local fields = redis.call('HMGET', job, '${FIELDS.timestamp}', '${FIELDS.finishedOn}', '${FIELDS.failedReason}')
  local isJob = fields[1] and redis.call('HEXISTS', job, '${FIELDS.data}') == 1
  if isJob and redis.call('EXISTS', job .. '${LOCK}') == 0 and not isListed(id) then
    local endedAt = tonumber(fields[2] or '')
    local place = endedAt and (fields[3] and 'failed' or 'completed') or 'wait'
    if isToPutBack then
      mend(job)
      putBack(id, place, endedAt)
      inLists[id] = true
    end
    found[#found + 1] = id
    found[#found + 1] = place
  end
end
return found`)

/**
 * Looks at the next keys from `cursor` on, and puts back what it finds if `putBack` says so. Null where too many wait to look
 * at all.
 */
export async function lookForUnlisted(
  redis: Redis,
  names: QueueNames,
  queue: string,
  cursor: string,
  putBack: boolean,
): Promise<Look | null> {
  const key = keysOf(names, queue)
  const waiting = new Set<string>()
  for (const list of [key('wait'), key('paused')]) {
    const length = await redis.llen(list)
    if (length > LONGEST_BACKLOG) return null
    await readIds(redis, list, length, waiting)
  }
  const look: Look = { found: [], next: cursor }
  for (let page = 0; page < PAGES_A_TIME; page++) {
    const { next, keys } = await hashesAfter(redis, look.next, key(''), '*', KEYS_A_PAGE)
    look.next = next
    const ids = keys.map((job) => job.slice(key('').length)).filter((id) => !waiting.has(id))
    if (ids.length > 0) {
      const flat = (await LOOK.run(redis, LOOK_KEYS.map(key), [key(''), putBack ? 1 : 0, ...ids])) as string[]
      look.found.push(...pairs(flat))
    }
    if (next === FIRST) break
  }
  return look
}

/** One that moves meanwhile may be missed: the script, too, looks whether an id is listed, only that takes it longer. */
async function readIds(redis: Redis, list: string, length: number, into: Set<string>): Promise<void> {
  for (let from = 0; from < length; from += IDS_A_STEP)
    for (const id of await redis.lrange(list, from, from + IDS_A_STEP - 1)) into.add(id)
}

function pairs(flat: string[]): UnlistedJob[] {
  return Array.from({ length: flat.length / 2 }, (_, index) => ({
    id: flat[2 * index] ?? '',
    place: flat[2 * index + 1] as UnlistedJob['place'],
  }))
}

/** How many there are, as far as one look goes; null where too many wait to look. */
export async function countUnlisted(redis: Redis, names: QueueNames, queue: string): Promise<number | null> {
  return (await lookForUnlisted(redis, names, queue, FIRST, false))?.found.length ?? null
}
