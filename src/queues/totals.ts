/** What Redis counts for the whole fleet, because whoever does it is a command, whose metrics nobody reads. */

import type { Redis } from '../redis/connections.ts'
import { type QueueNames, totalsKey } from '../redis/names.ts'

/** The field of the totals. */
export const CANCELLED_TOTAL = 'cancelled'

/** How many lookups have ever been cancelled. */
export async function readCancelled(redis: Redis, names: QueueNames): Promise<number> {
  return Number((await redis.hget(totalsKey(names), CANCELLED_TOTAL)) ?? 0)
}
