/** Queues of BullMQ under our prefix that are not ours: a producer that misspelt a name waits there for ever. */

import type { Redis } from '../redis/connections.ts'
import { bullKey, type QueueNames } from '../redis/names.ts'
import { FIRST, hashesAfter } from '../redis/scan.ts'

export interface OtherQueue {
  queue: string
  waiting: number
}

const PAGE = 1000
/** A look costs a millisecond for each page, whatever lies there; what is beyond is not looked for. */
const MOST_PAGES = 200

/** Those in which a job waits for a worker. */
export async function readOtherQueues(redis: Redis, names: QueueNames): Promise<OtherQueue[]> {
  const ours = new Set([names.lookupQueue, names.interactiveQueue, names.resultQueue])
  const found = [...(await namesOfQueues(redis, names))].filter((queue) => !ours.has(queue))
  const counted = await Promise.all(
    found.map(async (queue) => ({ queue, waiting: await waitingIn(redis, names, queue) })),
  )
  return counted.filter(({ waiting }) => waiting > 0).toSorted((a, b) => (a.queue < b.queue ? -1 : 1))
}

async function namesOfQueues(redis: Redis, { prefix }: QueueNames): Promise<Set<string>> {
  const found = new Set<string>()
  let cursor = FIRST
  for (let page = 0; page < MOST_PAGES; page++) {
    const { next, keys } = await hashesAfter(redis, cursor, `${prefix}:`, '*:meta', PAGE)
    for (const key of keys) found.add(key.slice(prefix.length + 1, -':meta'.length))
    cursor = next
    if (cursor === FIRST) break
  }
  return found
}

async function waitingIn(redis: Redis, names: QueueNames, queue: string): Promise<number> {
  const key = (part: string) => bullKey(names, queue, part)
  const counts = await Promise.all([
    redis.llen(key('wait')),
    redis.llen(key('paused')),
    redis.zcard(key('prioritized')),
    redis.zcard(key('delayed')),
  ])
  return counts.reduce((sum, count) => sum + count, 0)
}
