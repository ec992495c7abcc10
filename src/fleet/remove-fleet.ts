/** Removes a fleet that was only for a try: everything under its prefix. */

import type { Redis } from '../redis/connections.ts'
import { literally, type QueueNames } from '../redis/names.ts'

const PAGE = 1000

export async function removeFleet(redis: Redis, { prefix }: QueueNames): Promise<void> {
  const pages = redis.scanStream({ match: `${literally(prefix)}:*`, count: PAGE }) as AsyncIterable<string[]>
  for await (const keys of pages) if (keys.length > 0) await redis.unlink(keys)
}
