/**
 * The scripts of a walk: one step over a list, or over a sorted set. A step ends when Redis has done so much work for it,
 * counted in commands and in bytes, because a job that is sent costs ten times one that is passed over.
 */

import { HISTORY_FIELD, REDRIVE_FIELD, REDRIVEN_AT_FIELD } from '../redis/names.ts'
import { quoted, Script } from '../redis/script.ts'
import { FIELDS } from './bull-layout.ts'
import { ENDED_FIELDS } from './kept-end.ts'
import { JOB_MAX_BYTES } from './stored-jobs.ts'

/** Small, as BullMQ writes them. */
export const NARROW = [
  FIELDS.timestamp,
  FIELDS.finishedOn,
  FIELDS.processedOn,
  FIELDS.taken,
  FIELDS.stalls,
  REDRIVE_FIELD,
  REDRIVEN_AT_FIELD,
] as const
/** What is kept of its last failure, and of its end. */
const KEPT = [HISTORY_FIELD, ...ENDED_FIELDS] as const
export const WALKED_FIELDS = [...NARROW, FIELDS.data, ...KEPT]

/** A step ends early when it has read so much. */
export const STEP_BYTES = 262_144
/** As long as reading so many bytes, or so many ids of a list, one command takes. */
const BYTES_A_COMMAND = 1000
const IDS_A_COMMAND = 8
/** Larger data with escapes is sent as it is: reading it takes Redis too long. No valid lookup is larger. */
const DECODED_MAX_BYTES = 16_384

/** `arg` and `args` read ARGV one after the other. */
export const ARGS_LUA = `
local call, find = redis.call, string.find
local given = 0
local function arg() given = given + 1 return ARGV[given] end
local function args()
  local all = {}
  for i = 1, tonumber(arg()) do all[i] = arg() end
  return all
end`

/** Compares data and texts with what is looked for; behind ARGS_LUA and locals inData, work and bytes. */
export const MATCH_LUA = `
local function countBytes(count)
  bytes = bytes + count
  work = work + count / ${BYTES_A_COMMAND}
end
local function hasAll(text, parts)
  for i = 1, #parts do if not find(text, parts[i], 1, true) then return false end end
  return true
end
-- Its producer may have written the same text in several ways. What only another reader can tell is sent.
local function hasEscaped(data)
  if #data > ${DECODED_MAX_BYTES} then return true end
  work = work + 5 + #data / 50
  local isRead, read = pcall(cjson.decode, data)
  if not isRead or type(read) ~= 'table' then return true end
  for i = 1, #inData, 2 do
    local value, text = read[inData[i]], inData[i + 1]
    if type(value) == 'string' and string.sub(value, 1, #text) ~= text then return false end
  end
  return true
end
local function isInData(data)
  if find(data, '\\\\', 1, true) then return hasEscaped(data) end
  for i = 2, #inData, 2 do if not find(data, inData[i], 1, true) then return false end end
  return true
end`

// `look(id, at)` answers whether to go on. ARGV: those of the place, whether its jobs have ended, how many to look at and to
// send, how much work to do, after and before (ms, or nothing), the fields of the data that are compared, with their texts,
// and the texts that stand in what is kept.
const LOOK = `
local place, PREFIX = KEYS[1], KEYS[2]
${ARGS_LUA}
local AT, IDS = arg(), args()
local isEnded, TO_LOOK, TO_SEND, WORK = arg() == '1', tonumber(arg()), tonumber(arg()), tonumber(arg())
local after, before, inData, inEnd = tonumber(arg()), tonumber(arg()), args(), args()
local KEPT = { ${quoted(KEPT)} }
local OF_END = isEnded and { ${quoted(ENDED_FIELDS)} } or { '${HISTORY_FIELD}' }
local FETCH = math.min(TO_LOOK, math.ceil(WORK / 2))

local rows, looked, unread, work, bytes = {}, 0, 0, FETCH / ${IDS_A_COMMAND}, 0
local lastId, lastAt, other = false, AT, false
${MATCH_LUA}
local function hasData(job)
  local data = call('HGET', job, '${FIELDS.data}')
  work = work + 1
  countBytes(#data)
  return isInData(data)
end
-- What has none, or cannot be read, is in no time.
local function isInTime(job)
  work = work + 1
  local times
  if isEnded then
    times = redis.pcall('HMGET', job, '${FIELDS.finishedOn}', '${FIELDS.timestamp}')
  else
    times = redis.pcall('HMGET', job, '${REDRIVEN_AT_FIELD}', '${FIELDS.timestamp}')
  end
  local at = tonumber(times[1] or times[2] or '')
  if not at then unread = unread + 1 return false end
  return (not after or at > after) and (not before or at < before)
end
local function sizeOf(job, fields)
  local size = 0
  for i = 1, #fields do size = size + call('HSTRLEN', job, fields[i]) end
  work = work + #fields
  return size
end
local function filled(fields)
  work = work + 4
  local size = 0
  for i = 1, ${WALKED_FIELDS.length} do
    fields[i] = fields[i] or ''
    size = size + #fields[i]
  end
  countBytes(size)
  return fields
end
-- It matches by what is known of it.
local function readLarge(job)
  unread = unread + 1
  return #inData + #inEnd == 0 and filled(call('HMGET', job, ${quoted(NARROW)}))
end
local function hasEnd(job)
  local kept = call('HMGET', job, unpack(OF_END))
  for i = 1, #OF_END do kept[i] = kept[i] or '' end
  local text = table.concat(kept, ' ')
  work = work + 2
  countBytes(#text)
  return hasAll(text, inEnd)
end
local function read(job)
  if (after or before) and not isInTime(job) then return false end
  local size = redis.pcall('HSTRLEN', job, '${FIELDS.data}')
  work = work + 1
  if type(size) ~= 'number' or size == 0 then unread = unread + 1 return false end
  if size > ${JOB_MAX_BYTES} then return readLarge(job) end
  if #inData > 0 and not hasData(job) then return false end
  if #inEnd > 0 then
    local kept = sizeOf(job, OF_END)
    if kept == 0 then return false end
    if size + kept > ${JOB_MAX_BYTES} then return readLarge(job) end
    if not hasEnd(job) then return false end
  end
  if size + sizeOf(job, KEPT) > ${JOB_MAX_BYTES} then return readLarge(job) end
  return filled(call('HMGET', job, ${quoted(WALKED_FIELDS)}))
end
local function look(id, at)
  looked, lastId, lastAt = looked + 1, id, at
  local fields = read(PREFIX .. id)
  if fields then rows[#rows + 1] = { id, tostring(at), fields } else other = id end
  return looked < TO_LOOK and #rows < TO_SEND and work < WORK and bytes < ${STEP_BYTES}
end`

const ANSWER = `return { looked, unread, math.ceil(work), lastId, tostring(lastAt), other, isOver and 1 or 0, rows }`

/** By how many places a list may have moved between two steps, to its end and from it, to be found again at once. */
export const SLACK = 256
export const SLACK_BACK = 64

// The end that workers take from is the list's tail. AT 0: from there. The bookmark and what comes behind it are read at
// once, because Redis goes through half of a long list to get there.
export const LIST_STEP = new Script(`
${LOOK}
local at, asked = tonumber(AT), FETCH
local nearest = 1
if at > 0 then
  nearest = math.max(1, at - ${SLACK})
  asked = at + ${SLACK_BACK} + FETCH - nearest + 1
end
local ids = call('LRANGE', place, -(nearest + asked - 1), -nearest)
local from = #ids
if at > 0 then
  local marks, found = {}, nil
  for _, id in ipairs(IDS) do marks[id] = true end
  for i = math.max(1, nearest + #ids - at - ${SLACK_BACK}), #ids do
    if marks[ids[i]] then found = i break end
  end
  if not found then return false end
  from = found - 1
end
local isOver = #ids < asked
for i = from, 1, -1 do
  if not look(ids[i], nearest + #ids - i) then
    isOver = isOver and i == 1
    break
  end
end
${ANSWER}`)

// AT: the score. If the job of the bookmark has gone, or has another score, all of that score are looked at again.
export const SET_STEP = new Script(`
${LOOK}
local rank = 0
if IDS[1] then
  local there = call('ZSCORE', place, IDS[1]) == AT and call('ZRANK', place, IDS[1])
  rank = there and there + 1 or call('ZCOUNT', place, '-inf', '(' .. AT)
elseif isEnded and after then
  rank = call('ZCOUNT', place, '-inf', string.format('%.0f', math.floor(after)))
end
local found = call('ZRANGE', place, rank, rank + FETCH - 1, 'WITHSCORES')
local isOver = #found < 2 * FETCH
for i = 1, #found, 2 do
  if isEnded and before and tonumber(found[i + 1]) >= before then isOver = true break end
  if not look(found[i], found[i + 1]) then
    isOver = isOver and i + 1 == #found
    break
  end
end
${ANSWER}`)
