/**
 * The marker: this lookup has had its result. The script that publishes the result sets the marker with it
 * (result-queue.ts). A marker lives RESULT_MARKER_TTL_MS, and up to half as long again, whatever becomes of the result; until
 * then no second result is published.
 *
 * There may be millions of markers, and a key for each would take ten times what it says. So markers lie in shared hashes,
 * the shards, so small that Redis keeps each in one piece (hash-max-listpack-entries). The hash of a lookup says in which
 * shard its marker lies. Shards expire whole, so they belong to generations: a marker goes into the newest generation that
 * lives long enough for it, and another generation begins where there is none, or where a shard has become full.
 *
 * Processes may have different RESULT_MARKER_TTL_MS: none shortens the life of what another one has set.
 */

import type { ResultStatus } from '../domain/result.ts'
import type { Redis } from '../redis/connections.ts'
import { formerMarkerKeys, type LookupIdentity, lookupHash, markersKey, type QueueNames } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { NOW_LUA } from '../redis/time.ts'
import { Together } from '../redis/together.ts'

/** How a status stands in a marker. */
const LETTERS: Record<ResultStatus, string> = {
  enriched: 'e',
  'not-found': 'n',
  rejected: 'r',
  invalid: 'i',
  failed: 'f',
}
const STATUSES = new Map(Object.entries(LETTERS).map(([status, letter]) => [letter, status as ResultStatus]))

/** Hexadecimal digits of a mark that say the shard; the rest is the field. */
const SHARD_DIGITS = 5
const FIELD_DIGITS = 24
/** Shards of a generation, a power of two. */
const SHARDS = { least: 256, most: 16 ** SHARD_DIGITS }
/** Markers of a shard: what a generation's size aims at, and how many are too many. */
const HELD = { aim: 32, most: 128 }
/** A generation that has become full is followed by one of so many times its shards. */
const GROWTH = 8
/** So many shards tell how full a generation is. */
const SAMPLES = 16

/** What stands for a lookup among the markers: the shard's number, and the field. */
export function markOf(identity: LookupIdentity): string {
  const hash = lookupHash(identity)
  return hash.slice(-SHARD_DIGITS) + Buffer.from(hash.slice(0, FIELD_DIGITS), 'hex').toString('base64url')
}

export function letterOf(status: ResultStatus): string {
  return LETTERS[status]
}

/** What a script of ours answered of a marker. */
export function statusIn(value: string | null | undefined): ResultStatus | null {
  return value === null || value === undefined ? null : (STATUSES.get(value) ?? (value as ResultStatus))
}

/**
 * For a script that has a local MARKERS, the key of `markersKey`. `markedAs` answers a status for `statusIn`, or false; former,
 * before: the keys of a marker of earlier versions.
 */
export const MARKED_LUA = `
local GENERATIONS = {} -- newest first
local kept = redis.call('HGETALL', MARKERS)
for i = 1, #kept, 2 do
  local shards, ends = string.match(kept[i + 1], '^(%d+) (%d+)$')
  table.insert(GENERATIONS, { begun = tonumber(kept[i]), shards = tonumber(shards), ends = tonumber(ends) })
end
table.sort(GENERATIONS, function(a, b) return a.begun > b.begun end)

local function shardAt(generation, number)
  return string.format('%s:%d:%d', MARKERS, generation.begun, number % generation.shards)
end
local function shardOf(generation, mark)
  return shardAt(generation, tonumber(string.sub(mark, 1, ${SHARD_DIGITS}), 16)), string.sub(mark, ${SHARD_DIGITS + 1})
end

local function markedAs(mark, former, before)
  for _, generation in ipairs(GENERATIONS) do
    local status = redis.call('HGET', shardOf(generation, mark))
    if status then return status end
  end
  return redis.call('GET', former) or redis.call('GET', before)
end`

/** To set them; for a script that has a local MARKERS, the key of `markersKey`. */
export const MARKER_LUA = `
${NOW_LUA}
${MARKED_LUA}
local AT = now()

-- The least power of two that holds what this generation held.
local function shardsAfter(generation)
  if not generation then return ${SHARDS.least} end
  local held, shards = 0, ${SHARDS.least}
  for i = 1, ${SAMPLES} do
    held = held + redis.call('HLEN', shardAt(generation, math.floor(i * generation.shards / ${SAMPLES})))
  end
  local wanted = held / ${SAMPLES} * generation.shards / ${HELD.aim}
  while shards < wanted and shards < ${SHARDS.most} do shards = shards * 2 end
  return shards
end

local function begin(shards, lifeMs)
  local newest = GENERATIONS[1]
  local begun = math.max(math.floor(AT), newest and newest.begun + 1 or 0)
  local ends = math.ceil(AT + 1.5 * lifeMs)
  redis.call('HSET', MARKERS, string.format('%d', begun), string.format('%d %d', shards, ends))
  local last = ends
  for _, generation in ipairs(GENERATIONS) do
    last = math.max(last, generation.ends)
    if generation.ends < AT then redis.call('HDEL', MARKERS, string.format('%d', generation.begun)) end
  end
  redis.call('PEXPIREAT', MARKERS, string.format('%d', last))
  table.insert(GENERATIONS, 1, { begun = begun, shards = shards, ends = ends })
end

local function setMarker(mark, letter, lifeMs)
  local newest = GENERATIONS[1]
  if not newest or newest.ends < AT + lifeMs then begin(shardsAfter(newest), lifeMs) end
  newest = GENERATIONS[1]
  local shard, field = shardOf(newest, mark)
  redis.call('HSET', shard, field, letter)
  local held = redis.call('HLEN', shard)
  if held == 1 then redis.call('PEXPIREAT', shard, string.format('%d', newest.ends)) end
  if held >= ${HELD.most} then begin(math.min(newest.shards * ${GROWTH}, ${SHARDS.most}), lifeMs) end
end`

// KEYS: the generations, and two keys of each marker as earlier versions set it. ARGV: the marks.
const READ = new Script(`
local MARKERS = KEYS[1]
${MARKED_LUA}
local found = {}
for i, mark in ipairs(ARGV) do found[i] = markedAs(mark, KEYS[2 * i], KEYS[2 * i + 1]) end
return found`)

// KEYS and ARGV as above, of one. Answers how many there were.
const REMOVE = new Script(`
local MARKERS, FORMER, BEFORE = unpack(KEYS)
${MARKED_LUA}
local removed = redis.call('DEL', FORMER, BEFORE)
for _, generation in ipairs(GENERATIONS) do removed = removed + redis.call('HDEL', shardOf(generation, ARGV[1])) end
return removed`)

/** Redis is to do other things in between. */
const READ_AT_ONCE = 250

/** The status of the result that each of these lookups has had, or null. */
export async function readMarkers(redis: Redis, names: QueueNames, identities: readonly LookupIdentity[]) {
  const statuses: (ResultStatus | null)[] = []
  for (let from = 0; from < identities.length; from += READ_AT_ONCE) {
    const some = identities.slice(from, from + READ_AT_ONCE)
    const keys = [markersKey(names), ...some.flatMap((identity) => formerMarkerKeys(names, identity))]
    const values = (await READ.run(redis, keys, some.map(markOf))) as (string | null)[]
    for (const value of values) statuses.push(statusIn(value))
  }
  return statuses
}

/** Its lookup may have a second result from now on. Returns how many markers there were. */
export async function removeMarker(redis: Redis, names: QueueNames, identity: LookupIdentity): Promise<number> {
  const keys = [markersKey(names), ...formerMarkerKeys(names, identity)]
  return Number(await REMOVE.run(redis, keys, [markOf(identity)]))
}

export class Markers {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #together = new Together<LookupIdentity, ResultStatus | null>((all) => this.#read(all))

  constructor(redis: Redis, names: QueueNames) {
    this.#redis = redis
    this.#names = names
  }

  /** The status of the result that the lookup has had, or null. */
  statusOf(identity: LookupIdentity): Promise<ResultStatus | null> {
    return this.#together.ask(identity)
  }

  /** Which of these lookups have no marker. */
  async missing<T extends LookupIdentity>(identities: T[]): Promise<T[]> {
    const statuses = await this.#read(identities)
    return identities.filter((_, index) => statuses[index] === null)
  }

  #read(identities: LookupIdentity[]): Promise<(ResultStatus | null)[]> {
    return readMarkers(this.#redis, this.#names, identities)
  }
}
