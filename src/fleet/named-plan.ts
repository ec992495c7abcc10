import { LANES } from '../domain/lane.ts'
import { keysOf, QUEUE_KEYS } from '../queues/bull-layout.ts'
import { namedLookupsIn } from '../queues/named-lookups.ts'
import type { Redis } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'
import { redisTime } from '../redis/time.ts'
import { type Plan, SAMPLE } from './paced.ts'
import { type FoundLookup, seen } from './selected.ts'

/** What an action would do with lookups that are named, as if all others were not there than those that `isKnown`. Rejects when Redis fails. */
export async function planOfNamed(
  redis: Redis,
  names: QueueNames,
  lookupIds: readonly string[],
  isMeant: (lookup: FoundLookup) => boolean,
  isKnown: (lookup: FoundLookup) => boolean = () => true,
): Promise<Plan> {
  const at = Math.floor(await redisTime(redis, keysOf(names, names.lookupQueue)(QUEUE_KEYS.meta)))
  const found = (
    await Promise.all(LANES.map((lane) => namedLookupsIn(redis, names, lane, lookupIds, { at, searched: 0 })))
  )
    .flat()
    .filter(isKnown)
  const meant = found.filter(isMeant)
  return { count: meant.length, sample: meant.slice(0, SAMPLE).map(seen), looked: found.length, unread: 0 }
}
