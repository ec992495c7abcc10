/** A sample of the lookups that wait, by who asks: so many are read, spread over the queue, however many wait. */

import type { Redis } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { FIELDS, keysOf } from './bull-layout.ts'

/** No lookup that the contract allows is larger; a larger job is read no further. */
const DATA_MAX_BYTES = 16_384

/** A hundred jobs cost Redis well under a millisecond. */
const PAGE = 100

// Answers the producer of each job, '' where it says none. Most do not, and are not decoded.
const PRODUCERS = new Script(`
local PLACE, PREFIX = KEYS[1], KEYS[2]
local isList, from, to = ARGV[1] == 'list', tonumber(ARGV[2]), tonumber(ARGV[3])
local kind = redis.call('TYPE', PLACE).ok
if kind ~= (isList and 'list' or 'zset') then return {} end
local found = {}
for i, id in ipairs(redis.call(isList and 'LRANGE' or 'ZRANGE', PLACE, from, to)) do
  found[i] = ''
  local job = PREFIX .. id
  local isJob = redis.call('TYPE', job).ok == 'hash'
  if isJob and redis.call('HSTRLEN', job, '${FIELDS.data}') <= ${DATA_MAX_BYTES} then
    local text = redis.call('HGET', job, '${FIELDS.data}') or ''
    if string.find(text, '"producer"', 1, true) then
      local isRead, data = pcall(cjson.decode, text)
      local producer = isRead and type(data) == 'table' and data.producer
      if type(producer) == 'string' and #producer <= 64 and string.find(producer, '^[%w._-]+$') then found[i] = producer end
    end
  end
end
return found`)

export interface WaitingSample {
  /** How many wait in all. */
  waiting: number
  /** How many of them were looked at. */
  sampled: number
  /** By producer; null: they do not say. The most frequent first. */
  by: { producer: string | null; lookups: number }[]
}

interface Place {
  key: string
  /** A job's key without its id. */
  prefix: string
  isList: boolean
  count: number
}

/** Looks at `size` of those that wait on these queues, in each of their lists as many as it has of all. */
export async function sampleWaiting(
  redis: Redis,
  names: QueueNames,
  queues: readonly string[],
  size: number,
): Promise<WaitingSample> {
  const places = (await Promise.all(queues.map((queue) => placesOf(redis, names, queue)))).flat()
  const waiting = places.reduce((sum, { count }) => sum + count, 0)
  const counts = new Map<string, number>()
  for (const place of places) {
    const share = waiting <= size ? place.count : Math.ceil((size * place.count) / waiting)
    for (const [from, to] of pagesOf(place.count, share)) {
      const args = [place.isList ? 'list' : 'zset', from, to]
      const found = (await PRODUCERS.run(redis, [place.key, place.prefix], args)) as string[]
      for (const producer of found) counts.set(producer, (counts.get(producer) ?? 0) + 1)
    }
  }
  const by = [...counts].map(([producer, lookups]) => ({ producer: producer === '' ? null : producer, lookups }))
  const sampled = by.reduce((sum, { lookups }) => sum + lookups, 0)
  return { waiting, sampled, by: by.toSorted((a, b) => b.lookups - a.lookups) }
}

async function placesOf(redis: Redis, names: QueueNames, queue: string): Promise<Place[]> {
  const key = keysOf(names, queue)
  const [wait, prioritized, delayed] = await Promise.all([
    redis.llen(key('wait')),
    redis.zcard(key('prioritized')),
    redis.zcard(key('delayed')),
  ])
  const place = (name: string, count: number) => ({ key: key(name), prefix: key(''), isList: name === 'wait', count })
  return [place('wait', wait), place('prioritized', prioritized), place('delayed', delayed)]
}

/** Places of pages that together hold `share` of `count` entries, the same distance apart. */
export function pagesOf(count: number, share: number): [from: number, to: number][] {
  const pages = Math.ceil(Math.min(share, count) / PAGE)
  return Array.from({ length: pages }, (_, index) => {
    const part = (of: number, number: number) => Math.floor((number * of) / pages)
    const from = part(count, index)
    return [from, from + part(share, index + 1) - part(share, index) - 1]
  })
}
