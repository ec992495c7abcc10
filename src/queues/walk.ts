/**
 * Walks over the jobs that lie in one place of a queue, oldest first, in short steps. Jobs move meanwhile: a list gets
 * shorter where workers take, so a bookmark names jobs and not a number of them. A job that is too large for a process is
 * counted, and its data is not read.
 */

import type { Redis } from '../redis/connections.ts'
import { HISTORY_FIELD, type QueueNames, REDRIVE_FIELD, REDRIVEN_AT_FIELD } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { FIELDS, keysOf, LISTS, type Place } from './bull-layout.ts'
import { foundInList, SEARCH_STEP } from './found-in-list.ts'
import { ENDED_FIELDS } from './kept-end.ts'
import { JOB_MAX_BYTES } from './stored-jobs.ts'

/** How far a walk has come in one place. */
export interface Bookmark {
  /** The last job looked at, then others before it that are likely to stay. */
  ids: string[]
  /** Of a list: its distance from the end that workers take from, 1 for the first. Of a sorted set: its score. */
  at: string
}

/** What Redis itself looks for, so that it sends no more than it has to. What it sends may still not be what is meant. */
export interface Sieve {
  /** Texts that stand in the data as they are, unless it has escapes. */
  inData: readonly string[]
  /** Texts that stand in what is kept of the last failure or of the end. */
  inEnd: readonly string[]
  /** When it was enqueued, or ended: after and before, ms; null: whenever. */
  after: number | null
  before: number | null
}

export interface WalkedJob {
  id: string
  queue: string
  place: Place
  /** As in a bookmark. */
  at: string
  /** None of the wide ones if the job is too large. */
  fields: Readonly<Record<string, string | null>>
}

export interface Step {
  jobs: WalkedJob[]
  looked: number
  /** Of these: too large, or no hash. They may be among `jobs` all the same. */
  unread: number
  /** Null: there are no more. */
  next: Bookmark | null
}

export interface StepSize {
  /** Jobs that are looked at, at most. */
  look: number
  /** Jobs that are sent, at most. */
  send: number
}

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
export const quoted = (fields: readonly string[]) => fields.map((field) => `'${field}'`).join(', ')

/** A step ends early when it has read so much. */
const STEP_BYTES = 262_144

// `look(id, at)` answers whether to go on. ARGV, read one after the other by `arg` and `args`: those of the place, whether
// its jobs have ended, how many to look at and to send, after and before (ms, or nothing), and the two lists of texts.
const LOOK = `
local place, PREFIX = KEYS[1], KEYS[2]
local given = 0
local function arg() given = given + 1 return ARGV[given] end
local function args()
  local all = {}
  for i = 1, tonumber(arg()) do all[i] = arg() end
  return all
end
local AT, IDS = arg(), args()
local isEnded, TO_LOOK, TO_SEND = arg() == '1', tonumber(arg()), tonumber(arg())
local after, before, inData, inEnd = tonumber(arg()), tonumber(arg()), args(), args()

local rows, looked, unread, bytes = {}, 0, 0, 0
local lastId, lastAt, other = false, AT, false
local function hasAll(text, parts)
  for _, part in ipairs(parts) do if not string.find(text, part, 1, true) then return false end end
  return true
end
local function hasData(job)
  if #inData == 0 then return true end
  local data = redis.call('HGET', job, '${FIELDS.data}') or ''
  bytes = bytes + #data
  return hasAll(data, inData) or string.find(data, '\\\\', 1, true)
end
local function isInTime(job)
  if not after and not before then return true end
  local times = redis.call('HMGET', job, '${FIELDS.finishedOn}', '${REDRIVEN_AT_FIELD}', '${FIELDS.timestamp}')
  local at = tonumber(isEnded and times[1] or times[2] or times[3] or '')
  return at and (not after or at > after) and (not before or at < before)
end
local function hasEnd(job)
  if #inEnd == 0 then return true end
  local kept = redis.call('HMGET', job, ${quoted(KEPT)})
  for i = 1, ${KEPT.length} do kept[i] = kept[i] or '' end
  local text = table.concat(kept, ' ')
  bytes = bytes + #text
  return hasAll(text, inEnd)
end
local function filled(fields)
  for i = 1, ${WALKED_FIELDS.length} do
    fields[i] = fields[i] or ''
    bytes = bytes + #fields[i]
  end
  return fields
end
-- It matches by what is known of it.
local function readLarge(job)
  unread = unread + 1
  return #inData + #inEnd == 0 and isInTime(job) and filled(redis.call('HMGET', job, ${quoted(NARROW)}))
end
local function read(job)
  local size = redis.pcall('HSTRLEN', job, '${FIELDS.data}')
  if type(size) ~= 'number' or size == 0 then unread = unread + 1 return false end
  if size > ${JOB_MAX_BYTES} then return readLarge(job) end
  if not isInTime(job) or not hasData(job) then return false end
  for _, field in ipairs({ ${quoted(KEPT)} }) do size = size + redis.call('HSTRLEN', job, field) end
  if size > ${JOB_MAX_BYTES} then return readLarge(job) end
  return hasEnd(job) and filled(redis.call('HMGET', job, ${quoted(WALKED_FIELDS)}))
end
local function look(id, at)
  looked, lastId, lastAt = looked + 1, id, at
  local fields = read(PREFIX .. id)
  if fields then rows[#rows + 1] = { id, at, fields } else other = id end
  return looked < TO_LOOK and #rows < TO_SEND and bytes < ${STEP_BYTES}
end`

const ANSWER = `return { looked, unread, lastId, lastAt, other, isOver and 1 or 0, rows }`

/** By how many places a list may have moved between two steps, to its end and from it, to be found again at once. */
const SLACK = 256
const SLACK_BACK = 64

// The end that workers take from is the list's tail. AT 0: from there.
const LIST_STEP = new Script(`
${LOOK}
local function isBookmark(id)
  for _, one in ipairs(IDS) do if one == id then return true end end
end
local at = tonumber(AT)
if at > 0 then
  local nearest, found = math.max(1, at - ${SLACK}), nil
  local ids = redis.call('LRANGE', place, -(at + ${SLACK_BACK}), -nearest)
  for i, id in ipairs(ids) do
    if isBookmark(id) then found = nearest + #ids - i break end
  end
  if not found then return false end
  at = found
end
local ids = redis.call('LRANGE', place, -(at + TO_LOOK), -(at + 1))
local isOver = #ids < TO_LOOK
for i = #ids, 1, -1 do
  if not look(ids[i], tostring(at + 1 + #ids - i)) and i > 1 then isOver = false break end
end
${ANSWER}`)

// AT: the score. If the job of the bookmark has gone, or has another score, all of that score are looked at again.
const SET_STEP = new Script(`
${LOOK}
local rank = 0
if IDS[1] then
  local there = redis.call('ZSCORE', place, IDS[1]) == AT and redis.call('ZRANK', place, IDS[1])
  rank = there and there + 1 or redis.call('ZCOUNT', place, '-inf', '(' .. AT)
elseif isEnded and after then
  rank = redis.call('ZCOUNT', place, '-inf', string.format('%.0f', math.floor(after)))
end
local found = redis.call('ZRANGE', place, rank, rank + TO_LOOK - 1, 'WITHSCORES')
local isOver = #found < 2 * TO_LOOK
for i = 1, #found, 2 do
  if isEnded and before and tonumber(found[i + 1]) >= before then isOver = true break end
  if not look(found[i], found[i + 1]) and i + 1 < #found then isOver = false break end
end
${ANSWER}`)

type Row = [id: string, at: string, fields: string[]]
type Answer = [
  looked: number,
  unread: number,
  lastId: string | null,
  lastAt: string,
  other: string | null,
  isOver: number,
  rows: Row[],
]

/** The next jobs of a place, from its start if there is no bookmark yet. */
export async function walkStep(
  redis: Redis,
  names: QueueNames,
  { queue, place }: Pick<WalkedJob, 'queue' | 'place'>,
  bookmark: Bookmark | null,
  sieve: Sieve,
  size: StepSize,
): Promise<Step> {
  const keys = [keysOf(names, queue)(place), keysOf(names, queue)('')]
  const isList = (LISTS as readonly string[]).includes(place)
  const ask = (mark: Bookmark | null) =>
    (isList ? LIST_STEP : SET_STEP).run(redis, keys, argumentsOf(mark, place, sieve, size)) as Promise<Answer | null>
  const answer = (await ask(bookmark)) ?? (await ask(await searched(redis, keys, bookmark)))
  if (answer === null) return { jobs: [], looked: 0, unread: 0, next: null }
  const [looked, unread, lastId, lastAt, other, isOver, rows] = answer
  const jobs = rows.map(([id, at, values]) => ({ id, queue, place, at, fields: named(values) }))
  const ids = [lastId, other, ...(bookmark?.ids ?? [])].filter((id) => id !== null)
  return { jobs, looked, unread, next: isOver === 1 ? null : { ids: [...new Set(ids)].slice(0, KEPT_IDS), at: lastAt } }
}

/** Enough that one of them is still there after the others were taken away. */
const KEPT_IDS = 4

function argumentsOf(mark: Bookmark | null, place: Place, sieve: Sieve, { look, send }: StepSize): (string | number)[] {
  const { ids, at } = mark ?? { ids: [], at: '0' }
  const list = (texts: readonly string[]) => [texts.length, ...texts]
  const isEnded = place === 'completed' || place === 'failed'
  const times = [sieve.after ?? '', sieve.before ?? '']
  return [at, ...list(ids), isEnded ? 1 : 0, look, send, ...times, ...list(sieve.inData), ...list(sieve.inEnd)]
}

export function named(values: readonly string[]): WalkedJob['fields'] {
  return Object.fromEntries(WALKED_FIELDS.map((field, index) => [field, values[index] || null]))
}

/** The bookmark as it lies now: nearer to the tail. Null: all of its jobs were taken, so the walk begins at the tail. */
async function searched(redis: Redis, [list = '']: string[], bookmark: Bookmark | null): Promise<Bookmark | null> {
  if (bookmark === null) return null
  const { ids } = bookmark
  for (let till = Number(bookmark.at) + SLACK_BACK; till > 0; till -= SEARCH_STEP) {
    const { found } = await foundInList(redis, list, ids, till - SEARCH_STEP + 1, till)
    const [farthest] = found
    if (farthest) return { ids, at: String(farthest.at) }
  }
  return null
}
