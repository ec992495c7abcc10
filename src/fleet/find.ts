/** The lookups that a selection means, as people and programs see them: with why each waits. */

import type { HoldReason } from '../domain/hold.ts'
import { LANES, type Lane } from '../domain/lane.ts'
import type { Selection } from '../domain/selection.ts'
import type { Waits } from '../domain/waits.ts'
import { keysOf, PAUSED_FIELD, QUEUE_KEYS } from '../queues/bull-layout.ts'
import { namedLookupsIn } from '../queues/named-lookups.ts'
import type { Redis } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'
import { redisTime } from '../redis/time.ts'
import { readCursor, writeCursor } from './cursor.ts'
import { FleetControl } from './fleet-control.ts'
import { UnknownService } from './known-services.ts'
import { type FoundLookup, type SeenLookup, Selected, STEP, seen, type WalkPoint } from './selected.ts'

export interface LookupView extends SeenLookup {
  /** Null: it does not wait. */
  waits: Waits | null
}

export interface FindPage {
  lookups: LookupView[]
  /** Hand it back for the next page; null: this is the last one. */
  next: string | null
  /** How many were looked at for this page; of these, too large or broken to be read. */
  looked: number
  unread: number
}

/** Some of all. */
export type FindStep = Omit<FindPage, 'next'>

export interface FindOptions {
  /** `next` of the page before. */
  cursor?: string | null
  /** Lookups of the page, at most. */
  limit?: number
  /** Looked at for the page, at most. */
  look?: number
}

export type FindPlace = QueueNames & { soapEndpoint: string | null }

const PAGE = { limit: 100, look: 20_000 }

/** One page; it may be empty and not the last. Rejects when Redis fails, and with an InvalidCursor. */
export async function findPage(
  redis: Redis,
  place: FindPlace,
  selection: Selection,
  { cursor = null, limit = PAGE.limit, look = PAGE.look }: FindOptions = {},
): Promise<FindPage> {
  const selected = new Selected(redis, place, selection)
  const circumstances = await readCircumstances(redis, place)
  const page: FindPage = { lookups: [], next: null, looked: 0, unread: 0 }
  let point: WalkPoint | null = cursor === null ? await selected.start() : readCursor(cursor, selection)
  const isFull = () => page.lookups.length >= limit || page.looked >= look
  while (point && !isFull()) {
    const size = { look: Math.min(STEP.look, look - page.looked), send: limit - page.lookups.length }
    const { lookups, looked, unread, next } = await selected.step(point, size)
    page.lookups.push(...(await viewsOf(redis, place, lookups, circumstances)))
    page.looked += looked
    page.unread += unread
    point = next
    if (point && !isFull()) await selected.rest()
  }
  return { ...page, next: point && writeCursor(point, selection) }
}

/** All of them, step by step; `lookups` of a step may be none. Rejects with the signal's reason. */
export async function* findAll(
  redis: Redis,
  place: FindPlace,
  selection: Selection,
  signal?: AbortSignal,
): AsyncGenerator<FindStep> {
  const circumstances = await readCircumstances(redis, place)
  for await (const { lookups, looked, unread } of new Selected(redis, place, selection).all(signal)) {
    yield { lookups: await viewsOf(redis, place, lookups, circumstances), looked, unread }
  }
}

/** How many of those that wait are looked through for one: the next to go. */
const NEXT_TO_GO = 2000

/** Why this one waits; null: it does not. */
export async function waitsOfNamed(
  redis: Redis,
  place: FindPlace,
  { lane, lookupId }: Pick<FoundLookup, 'lane' | 'lookupId'>,
): Promise<Waits | null> {
  const [view] = await viewsOfNamed(redis, place, lane, lookupId, 0)
  return view?.waits ?? null
}

/** The dead letter of this id, as `find` shows it; null: there is none. */
export async function findDead(redis: Redis, place: FindPlace, lookupId: string): Promise<LookupView | null> {
  const at = Math.floor(await redisTime(redis, keysOf(place, place.lookupQueue)(QUEUE_KEYS.meta)))
  const views = await Promise.all(LANES.map((lane) => viewsOfNamed(redis, place, lane, lookupId, at)))
  return views.flat().find(({ state }) => state === 'dead') ?? null
}

async function viewsOfNamed(redis: Redis, place: FindPlace, lane: Lane, lookupId: string, at: number) {
  const [found, circumstances] = await Promise.all([
    namedLookupsIn(redis, place, lane, [lookupId], { at, searched: NEXT_TO_GO }),
    readCircumstances(redis, place),
  ])
  return viewsOf(redis, place, found, circumstances)
}

/** What keeps all lookups of a queue waiting. */
interface Circumstances {
  holds: HoldReason[]
  paused: ReadonlySet<string>
  /** How many lie in `wait`, by queue. */
  waiting: ReadonlyMap<string, number>
}

async function readCircumstances(redis: Redis, place: FindPlace): Promise<Circumstances> {
  const queues = [place.lookupQueue, place.interactiveQueue]
  const [holds, paused, waiting] = await Promise.all([
    readHolds(redis, place),
    Promise.all(queues.map((queue) => redis.hexists(keysOf(place, queue)(QUEUE_KEYS.meta), PAUSED_FIELD))),
    Promise.all(queues.map((queue) => redis.llen(keysOf(place, queue)('wait')))),
  ])
  return {
    holds,
    paused: new Set(queues.filter((_, index) => paused[index] === 1)),
    waiting: new Map(queues.map((queue, index) => [queue, waiting[index] ?? 0])),
  }
}

async function readHolds(redis: Redis, place: FindPlace): Promise<HoldReason[]> {
  try {
    const { holds } = await (await FleetControl.of(redis, place, place.soapEndpoint)).read()
    return holds.map(({ reason }) => reason)
  } catch (error) {
    if (error instanceof UnknownService) return [] // nobody has called a service, or several were called
    throw error
  }
}

async function viewsOf(
  redis: Redis,
  names: QueueNames,
  lookups: readonly FoundLookup[],
  circumstances: Circumstances,
): Promise<LookupView[]> {
  return Promise.all(
    lookups.map(async (lookup) => {
      const { place, behind } = lookup
      const ahead = place === 'prioritized' ? await aheadOf(redis, names, lookup, circumstances) : behind
      return { ...seen(lookup), waits: waitsOf(lookup, ahead, circumstances) }
    }),
  )
}

/** Those that have a priority come behind all that have none. */
async function aheadOf(
  redis: Redis,
  names: QueueNames,
  { lookupId, queue }: Pick<FoundLookup, 'lookupId' | 'queue'>,
  { waiting }: Circumstances,
): Promise<number | null> {
  const rank = await redis.zrank(keysOf(names, queue)('prioritized'), lookupId)
  return rank === null ? null : rank + (waiting.get(queue) ?? 0)
}

type Waiting = Pick<FoundLookup, 'place' | 'state' | 'queue' | 'failure' | 'rechecks'>

function waitsOf(lookup: Waiting, behind: number | null, { holds, paused }: Circumstances): Waits | null {
  const { place, state, queue } = lookup
  if (state !== 'waiting' && state !== 'delayed') return null
  const same = { holds, behind, after: null }
  if (place === 'delayed') return { ...same, for: 'time', after: delayedAfter(lookup) }
  if (place === 'waiting-children') return { ...same, for: 'flow' }
  if (paused.has(queue)) return { ...same, for: 'unpause' }
  return { ...same, for: holds.length > 0 ? 'release' : 'turn' }
}

function delayedAfter({ failure, rechecks }: Waiting): NonNullable<Waits['after']> {
  if (failure !== null) return 'failure'
  return rechecks > 0 ? 'recheck' : 'asked'
}
