/**
 * The marker: this lookup has had its result. The script that publishes the result sets the marker with it
 * (result-queue.ts). A marker lives RESULT_MARKER_TTL_MS, and up to half as long again, whatever becomes of the result; until
 * then no second result is published.
 *
 * There may be millions of markers, so they lie in shared hashes that expire whole (generations.ts). The hash of a lookup is
 * its mark.
 *
 * Processes may have different RESULT_MARKER_TTL_MS: none shortens the life of what another one has set.
 */

import type { ResultStatus } from '../domain/result.ts'
import type { Redis } from '../redis/connections.ts'
import { formerMarkerKeys, type LookupIdentity, lookupHash, markersKey, type QueueNames } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { NOW_LUA } from '../redis/time.ts'
import { Together } from '../redis/together.ts'
import { GENERATIONS_LUA, PUT_LUA, SHARD_DIGITS } from './generations.ts'

/** How a status stands in a marker. */
const LETTERS: Record<ResultStatus, string> = {
  enriched: 'e',
  'not-found': 'n',
  rejected: 'r',
  invalid: 'i',
  failed: 'f',
}
const STATUSES = new Map(Object.entries(LETTERS).map(([status, letter]) => [letter, status as ResultStatus]))

const FIELD_DIGITS = 24
const LEAST_SHARDS = 256
const LIVES_TIMES = 1.5

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
${GENERATIONS_LUA}
local MARKED = generationsIn(MARKERS)
local function markedAs(mark, former, before)
  local letter = valueOf(MARKED, mark)
  if letter then return letter end
  local earlier = redis.call('MGET', former, before)
  return earlier[1] or earlier[2]
end`

/** To set them; for a script that has a local MARKERS, the key of `markersKey`. */
export const MARKER_LUA = `
${NOW_LUA}
${MARKED_LUA}
${PUT_LUA}
local function setMarker(mark, letter, lifeMs)
  put(MARKED, mark, letter, lifeMs, ${LEAST_SHARDS}, ${LIVES_TIMES})
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
for _, generation in ipairs(MARKED) do removed = removed + redis.call('HDEL', shardOf(MARKED, generation, ARGV[1])) end
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
