/** The story of one lookup, as far as Redis still knows it: where it is, what happened to it, how it ended. */

import { iso } from '../clock.ts'
import type { LookupHistory } from '../domain/history.ts'
import { LANES, type Lane } from '../domain/lane.ts'
import type { ResultStatus } from '../domain/result.ts'
import { dueAt, FIELDS } from '../queues/bull-layout.ts'
import type { Redis } from '../redis/connections.ts'
import { bullKey, HISTORY_FIELD, markerKeys, type QueueNames, queueOf, resultId } from '../redis/names.ts'

export type LookupPlace = 'waiting' | 'prioritized' | 'delayed' | 'active' | 'completed' | 'failed' | 'gone'

export interface LookupStory {
  lookupId: string
  queue: string
  lane: Lane
  state: LookupPlace
  enqueuedAt: string | null
  /** When a delayed one is due. */
  dueAt: string | null
  /** How often the lookup was taken up, and how often its worker died. */
  taken: number
  stalls: number
  history: Pick<LookupHistory, 'charged' | 'failures' | 'calls' | 'rechecks'> | null
  lastFailure: { code: string; message: string } | null
  /** The status of its result; null: it has none yet, or it is forgotten. */
  result: ResultStatus | null
  /** The result still lies in the result queue. */
  resultIsThere: boolean
}

/** Looks in both lookup queues; null if neither knows the lookup. */
export async function readStory(redis: Redis, names: QueueNames, lookupId: string): Promise<LookupStory | null> {
  for (const lane of LANES) {
    const story = await readFrom(redis, names, lane, lookupId)
    if (story) return story
  }
  return null
}

async function readFrom(redis: Redis, names: QueueNames, lane: Lane, lookupId: string): Promise<LookupStory | null> {
  const queue = queueOf(names, lane)
  const fields = [FIELDS.timestamp, FIELDS.taken, FIELDS.stalls, HISTORY_FIELD] as const
  const job = bullKey(names, queue, lookupId)
  const [timestamp, taken, stalls, history] = await redis.hmget(job, ...fields)
  const enqueuedAt = Number(timestamp ?? 0)
  const [markers, resultIsThere, place] = await Promise.all([
    redis.mget(markerKeys(names, { lookupId, queue, enqueuedAt })),
    redis.exists(bullKey(names, names.resultQueue, resultId(lookupId))),
    placeOf(redis, (part) => bullKey(names, queue, part), lookupId),
  ])
  const result = markers[0] ?? markers[1] ?? null
  if (!timestamp && !result) return null
  const known = history ? (JSON.parse(history) as LookupHistory) : null
  return {
    lookupId,
    queue,
    lane,
    state: place.state,
    enqueuedAt: enqueuedAt > 0 ? iso(enqueuedAt) : null,
    dueAt: place.dueAt === null ? null : iso(place.dueAt),
    taken: Number(taken ?? 0),
    stalls: Number(stalls ?? 0),
    history: known && {
      charged: known.charged,
      failures: known.failures,
      calls: known.calls,
      rechecks: known.rechecks,
    },
    lastFailure: known?.lastFailure ? { code: known.lastFailure.code, message: known.lastFailure.message } : null,
    result: result as ResultStatus | null,
    resultIsThere: resultIsThere === 1,
  }
}

async function placeOf(redis: Redis, key: (part: string) => string, id: string) {
  const [delayed, prioritized, completed, failed, active] = await Promise.all([
    redis.zscore(key('delayed'), id),
    redis.zscore(key('prioritized'), id),
    redis.zscore(key('completed'), id),
    redis.zscore(key('failed'), id),
    redis.lpos(key('active'), id),
  ])
  const states = { prioritized, completed, failed, active }
  const state = (Object.keys(states) as (keyof typeof states)[]).find((name) => states[name] !== null)
  if (delayed !== null) return { state: 'delayed' as const, dueAt: dueAt(Number(delayed)) }
  if (state) return { state, dueAt: null }
  // Its hash tells, because the list of waiting lookups may be a million long.
  return { state: (await redis.exists(key(id))) === 1 ? ('waiting' as const) : ('gone' as const), dueAt: null }
}
