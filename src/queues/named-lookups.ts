/** Lookups that are named, as a walk would meet them, without walking over the others. */

import type { Lane } from '../domain/lane.ts'
import type { Redis } from '../redis/connections.ts'
import { finishedKey, type QueueNames, queueOf } from '../redis/names.ts'
import { quoted, Script } from '../redis/script.ts'
import { FIELDS, keysOf, type Place, SORTED_SETS } from './bull-layout.ts'
import { finishedMark, RECORD_LUA } from './finished-lookups.ts'
import { placesInWait } from './found-in-list.ts'
import { type FoundLookup, foundLookup } from './found-lookup.ts'
import { GENERATIONS_LUA } from './generations.ts'
import { JOB_MAX_BYTES } from './stored-jobs.ts'
import { named } from './walk.ts'
import { NARROW, WALKED_FIELDS } from './walk-script.ts'

/**
 * Where each lies, with its fields. One that lies nowhere else is in `wait`, whose place in that list is asked for apart. ARGV: of
 * each its id, and its mark among the finished ones.
 */
const WHERE = new Script(`
${GENERATIONS_LUA}
${RECORD_LUA}
local PREFIX, ACTIVE = KEYS[1], KEYS[2]
local FINISHED = generationsIn(KEYS[#KEYS])
local WALKED = { ${quoted(WALKED_FIELDS)} }
local SETS = { ${quoted(SORTED_SETS)} }
local function whereIs(id)
  for i, set in ipairs(SETS) do
    local score = redis.call('ZSCORE', KEYS[2 + i], id)
    if score then return set, score end
  end
  if redis.call('LPOS', ACTIVE, id) then return 'active', '0' end
  return 'wait', '0'
end
local function sizeOf(job)
  local size = 0
  for _, field in ipairs(WALKED) do size = size + redis.call('HSTRLEN', job, field) end
  return size
end
local found = {}
for n = 1, #ARGV, 2 do
  local id, job = ARGV[n], PREFIX .. ARGV[n]
  local record = redis.call('EXISTS', job) == 0 and recordOf(FINISHED, ARGV[n + 1])
  if record then
    local fields = {}
    for i, name in ipairs(WALKED) do fields[i] = record[name] or '' end
    found[#found + 1] = { id, 'completed', '0', fields }
  elseif redis.call('TYPE', job).ok == 'hash' and redis.call('HEXISTS', job, '${FIELDS.timestamp}') == 1 then
    local place, at = whereIs(id)
    local isSmall = sizeOf(job) <= ${JOB_MAX_BYTES}
    local fields = isSmall and redis.call('HMGET', job, ${quoted(WALKED_FIELDS)}) or redis.call('HMGET', job, ${quoted(NARROW)})
    for i = 1, ${WALKED_FIELDS.length} do fields[i] = fields[i] or '' end
    found[#found + 1] = { id, place, at, fields }
  end
end
return found`)

type Row = [id: string, place: Place, at: string, fields: string[]]

const AT_ONCE = 100

/**
 * Those that there are of them in a queue. `at`: Redis' clock, ms. `behind` of one that waits is known if it lies among the
 * first `searched` of its list. Rejects when Redis fails.
 */
export async function namedLookupsIn(
  redis: Redis,
  names: QueueNames,
  lane: Lane,
  ids: readonly string[],
  { at, searched = Number.POSITIVE_INFINITY }: { at: number; searched?: number },
): Promise<FoundLookup[]> {
  const queue = queueOf(names, lane)
  const keys = [...['', 'active', ...SORTED_SETS].map(keysOf(names, queue)), finishedKey(names, lane)]
  const rows: Row[] = []
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const args = ids.slice(from, from + AT_ONCE).flatMap((id) => [id, finishedMark(id)])
    rows.push(...((await WHERE.run(redis, keys, args)) as Row[]))
  }
  const waiting = rows.filter(([, place]) => place === 'wait').map(([id]) => id)
  const places = await placesInWait(redis, names, queue, waiting, searched)
  return rows.map(([id, place, score, values]) => {
    const found = foundLookup({ id, queue, place, at: score, fields: named(values) }, lane, at)
    const inWait = places.get(id)
    return { ...found, behind: inWait === undefined ? null : inWait - 1 }
  })
}
