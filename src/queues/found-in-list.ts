/** Where jobs lie in a list of BullMQ, counted from the tail, where workers take. */

import type { Redis } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { keysOf } from './bull-layout.ts'

/** Ids of a list that are compared in one step. */
export const SEARCH_STEP = 2000
/** By how many places the list may have moved between two steps. */
const SLACK = 256

// Which of the ids lie between FROM and TILL (distances from the tail), and where; the farthest first.
const FOUND = new Script(`
local LIST = KEYS[1]
local from, till = tonumber(ARGV[1]), tonumber(ARGV[2])
local wanted, found = {}, {}
for i = 3, #ARGV do wanted[ARGV[i]] = true end
local ids = redis.call('LRANGE', LIST, -till, -from)
for i, id in ipairs(ids) do
  if wanted[id] then
    found[#found + 1] = id
    found[#found + 1] = tostring(from + #ids - i)
  end
end
return { #ids, found }`)

interface Found {
  id: string
  /** 1: the next that a worker takes. */
  at: number
}

/** `looked`: how many there are between `from` and `till`. The farthest comes first. */
export async function foundInList(
  redis: Redis,
  list: string,
  ids: readonly string[],
  from: number,
  till: number,
): Promise<{ looked: number; found: Found[] }> {
  const [looked, flat] = (await FOUND.run(redis, [list], [Math.max(1, from), till, ...ids])) as [number, string[]]
  const found: Found[] = []
  for (let i = 0; i < flat.length; i += 2) found.push({ id: flat[i] ?? '', at: Number(flat[i + 1]) })
  return { looked, found }
}

/** Where these wait, among the first `searched` of `wait`. One may be missed that moves meanwhile. */
export async function placesInWait(
  redis: Redis,
  names: QueueNames,
  queue: string,
  ids: readonly string[],
  searched = Number.POSITIVE_INFINITY,
): Promise<Map<string, number>> {
  const places = new Map<string, number>()
  const list = keysOf(names, queue)('wait')
  for (let from = 1; places.size < ids.length && from <= searched; from += SEARCH_STEP - SLACK) {
    const { looked, found } = await foundInList(redis, list, ids, from, from + SEARCH_STEP - 1)
    for (const { id, at } of found) places.set(id, at)
    if (looked < SEARCH_STEP) break
  }
  return places
}
