/** Lookups that have finished, for tests: most of them are no jobs any more. */

import type { Redis } from 'ioredis'
import type { Lane } from '../../src/domain/lane.ts'
import type { LookupPlace } from '../../src/domain/lookup-place.ts'
import { readStory } from '../../src/intake/lookup-story.ts'
import { countFinished } from '../../src/queues/finished-lookups.ts'
import { type Bookmark, type Step, Walk } from '../../src/queues/walk.ts'
import { bullKey, HISTORY_FIELD, queueOf } from '../../src/redis/names.ts'
import { NAMES } from './world.ts'

/** As `status ID` says it. */
export async function stateOf(redis: Redis, lookupId: string): Promise<LookupPlace> {
  return (await readStory(redis, NAMES, lookupId))?.state ?? 'gone'
}

/** Its history, and how often its worker died or lost it, wherever it is; null: there is no such lookup. */
export async function pastOf(redis: Redis, lookupId: string, names = NAMES) {
  const story = await readStory(redis, names, lookupId)
  return story && { charged: story.history?.charged ?? 0, stalls: story.stalls }
}

/** How many have finished and are not in hand any more. */
export async function finishedCount(redis: Redis, lane: Lane = 'batch'): Promise<number> {
  const queue = queueOf(NAMES, lane)
  const [kept, completed, active] = await Promise.all([
    countFinished(redis, NAMES, lane),
    redis.zcard(bullKey(NAMES, queue, 'completed')),
    redis.llen(bullKey(NAMES, queue, 'active')),
  ])
  return active > 0 ? 0 : kept + completed
}

/** What is remembered of all lookups of a lane, wherever they are. */
export async function historiesIn(redis: Redis, lane: Lane): Promise<(string | null)[]> {
  const queue = queueOf(NAMES, lane)
  const histories: (string | null)[] = []
  for (const key of await redis.keys(bullKey(NAMES, queue, 'lk-*')))
    if ((await redis.type(key)) === 'hash') histories.push(await redis.hget(key, HISTORY_FIELD))
  const walk = new Walk(redis, NAMES)
  for (let from: Bookmark | null = null, isFirst = true; isFirst || from; isFirst = false) {
    const step: Step = await walk.finishedStep(queue, from, ALL, { look: 1000, send: 1000 })
    histories.push(...step.jobs.map(({ fields }) => fields[HISTORY_FIELD] ?? null))
    from = step.next
  }
  return histories
}

const ALL = { inData: [], inEnd: [], after: null, before: null }
