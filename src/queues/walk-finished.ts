/**
 * The script of a walk over what is kept of finished lookups: generation by generation, the oldest first, and within one
 * shard by shard, in no order of time. A shard is read in one piece, because it is small. A lookup whose job is there is met
 * there.
 */

import { HISTORY_FIELD } from '../redis/names.ts'
import { quoted, Script } from '../redis/script.ts'
import { FIELDS } from './bull-layout.ts'
import { RECORD_LUA } from './finished-lookups.ts'
import { GENERATIONS_LUA } from './generations.ts'
import { ARGS_LUA, MATCH_LUA, STEP_BYTES, WALKED_FIELDS } from './walk-script.ts'

/** As long as reading one record one command takes, in commands. */
const WORK_OF_ONE = 3

// KEYS: the generations, and a job's key without its id. ARGV: where to go on (generation and shard, and the last id in it),
// how many to look at and to send, how much work to do, after and before (ms, or nothing), the fields of the data that are
// compared, with their texts, and the texts that stand in what is kept.
export const FINISHED_STEP = new Script(`
local PREFIX = KEYS[2]
${GENERATIONS_LUA}
${RECORD_LUA}
${ARGS_LUA}
local fromGeneration, fromShard, fromId = tonumber(arg()), tonumber(arg()), arg()
local TO_LOOK, TO_SEND, WORK, after, before = tonumber(arg()), tonumber(arg()), tonumber(arg()), tonumber(arg()), tonumber(arg())
local inData, inEnd = args(), args()

local rows, looked, unread, work, bytes = {}, 0, 0, 0, 0
${MATCH_LUA}
local function isMeant(record)
  local at = tonumber(record['${FIELDS.finishedOn}'] or '')
  if after and not (at and at > after) or before and not (at and at < before) then return false end
  if #inData > 0 and not isInData(record['${FIELDS.data}'] or '') then return false end
  return hasAll((record['${HISTORY_FIELD}'] or '') .. ' ' .. (record['${FIELDS.returned}'] or ''), inEnd)
end
local function look(id, value)
  looked, work = looked + 1, work + ${WORK_OF_ONE}
  local record = unpacked(value)
  if not record then unread = unread + 1 return end
  if not isMeant(record) or redis.call('EXISTS', PREFIX .. id) == 1 then return end
  local fields = {}
  for i, name in ipairs({ ${quoted(WALKED_FIELDS)} }) do fields[i] = record[name] or '' end
  work = work + #fields
  rows[#rows + 1] = { id, fields }
end
local function isOver() return looked >= TO_LOOK or #rows >= TO_SEND or work >= WORK or bytes >= ${STEP_BYTES} end
-- In the order of their ids, which stays the same. Answers the last one if the step is over in the middle.
local function lookInto(shard, from)
  local kept, values, ids = redis.call('HGETALL', shard), {}, {}
  work = work + 1
  for i = 1, #kept, 2 do
    countBytes(#kept[i] + #kept[i + 1])
    if kept[i] > from then
      ids[#ids + 1] = kept[i]
      values[kept[i]] = kept[i + 1]
    end
  end
  table.sort(ids)
  for i, id in ipairs(ids) do
    look(id, values[id])
    if i < #ids and isOver() then return id end
  end
end
local function answer(generation, shard, id)
  local at = generation and string.format('%d.%d', generation.begun, shard) or ''
  return { looked, unread, math.ceil(work), at, id or '', rows }
end

local all = generationsIn(KEYS[1])
for g = #all, 1, -1 do
  local generation, newer = all[g], all[g - 1]
  local isTooOld = after and newer and newer.begun <= after
  local isTooNew = before and generation.begun >= before
  if generation.begun >= fromGeneration and not isTooOld and not isTooNew then
    local isFirst = generation.begun == fromGeneration
    for shard = isFirst and fromShard or 0, generation.shards - 1 do
      if isOver() then return answer(generation, shard) end
      local last = lookInto(shardAt(all, generation, shard), isFirst and shard == fromShard and fromId or '')
      if last then return answer(generation, shard, last) end
    end
  end
end
return answer()`)

export type FinishedRow = [id: string, fields: string[]]
export type FinishedAnswer = [looked: number, unread: number, work: number, at: string, id: string, rows: FinishedRow[]]
