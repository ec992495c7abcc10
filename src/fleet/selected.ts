/**
 * The lookups that a selection means, found by walking over the queues, place by place, in small steps. Lookups move
 * meanwhile: the places come in the order in which most of them move, so that one that moves on is met further on.
 */

import { iso } from '../clock.ts'
import { LANES, type Lane } from '../domain/lane.ts'
import { LANE_OF_QUEUE, type LookupState, matches, type Selection } from '../domain/selection.ts'
import { keysOf, type Place, QUEUE_KEYS } from '../queues/bull-layout.ts'
import { type FoundLookup, foundLookup, STATE_OF } from '../queues/found-lookup.ts'
import { type Bookmark, type Sieve, type StepSize, Walk } from '../queues/walk.ts'
import type { Redis } from '../redis/connections.ts'
import { type QueueNames, queueOf } from '../redis/names.ts'
import { redisTime } from '../redis/time.ts'

export type { FoundLookup } from '../queues/found-lookup.ts'

type Timed = 'enqueuedAt' | 'startedAt' | 'endedAt' | 'dueAt'

/** As people and programs see it. Times are ISO 8601, UTC; null: it has none, or nobody knows. */
export type SeenLookup = Omit<FoundLookup, 'place' | 'behind' | Timed> & Record<Timed, string | null>

export function seen({
  place: _,
  behind: __,
  enqueuedAt,
  startedAt,
  endedAt,
  dueAt,
  ...same
}: FoundLookup): SeenLookup {
  const time = (ms: number | null) => (ms === null ? null : iso(ms))
  return {
    ...same,
    enqueuedAt: time(enqueuedAt),
    startedAt: time(startedAt),
    endedAt: time(endedAt),
    dueAt: time(dueAt),
  }
}

/** How far a walk has come. */
export interface WalkPoint {
  /** When the walk began, by Redis' clock, ms: ages count to then. */
  at: number
  /** In which place it is, of those that it goes to. */
  stop: number
  bookmark: Bookmark | null
}

export interface SelectedStep {
  lookups: FoundLookup[]
  looked: number
  /** Of these: too large or broken. One of them matches only by what is known of it. */
  unread: number
  /** Null: the walk is over. */
  next: WalkPoint | null
}

/** A place of BullMQ's, or where finished lookups are kept, which most of them are. */
type StopPlace = Place | 'kept'

/** What is due or put back is added to `wait`, so `delayed` comes before it. */
const ORDER: readonly StopPlace[] = [
  'delayed',
  'waiting-children',
  'prioritized',
  'wait',
  'paused',
  'active',
  'failed',
  'completed',
  'kept',
]

/** At most; a step also ends when Redis has done enough for it. */
export const STEP: StepSize = { look: 2000, send: 200 }

interface Stop {
  lane: Lane
  place: StopPlace
}

export class Selected {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #selection: Selection
  readonly #stops: readonly Stop[]
  readonly #walk: Walk

  constructor(redis: Redis, names: QueueNames, selection: Selection) {
    this.#redis = redis
    this.#names = names
    this.#selection = selection
    this.#stops = stopsOf(selection)
    this.#walk = new Walk(redis, names)
  }

  async start(): Promise<WalkPoint> {
    const key = keysOf(this.#names, this.#names.lookupQueue)(QUEUE_KEYS.meta)
    return { at: Math.floor(await redisTime(this.#redis, key)), stop: 0, bookmark: null }
  }

  /** What is found in one step from there. Rejects when Redis fails. */
  async step({ at, stop, bookmark }: WalkPoint, size = STEP): Promise<SelectedStep> {
    const here = this.#stops[stop]
    if (!here) return { lookups: [], looked: 0, unread: 0, next: null }
    const { lane, place } = here
    const queue = queueOf(this.#names, lane)
    const sieve = sieveOf(this.#selection, place, at)
    const { jobs, looked, unread, next } =
      place === 'kept'
        ? await this.#walk.finishedStep(queue, bookmark, sieve, size)
        : await this.#walk.step({ queue, place }, bookmark, sieve, size)
    const lookups = jobs.map((job) => foundLookup(job, lane, at)).filter((lookup) => matches(this.#selection, lookup))
    const further = stop + 1 < this.#stops.length ? { at, stop: stop + 1, bookmark: null } : null
    return { lookups, looked, unread, next: next ? { at, stop, bookmark: next } : further }
  }

  /** Between two steps, so that workers keep their pace. Rejects with the signal's reason. */
  rest(signal?: AbortSignal): Promise<void> {
    return this.#walk.rest(signal)
  }

  /** All of them, step by step, each lookup once; with rests between. Rejects with the signal's reason. */
  async *all(signal?: AbortSignal): AsyncGenerator<SelectedStep> {
    const seen = new Set<string>()
    for (let point: WalkPoint | null = await this.start(); point; ) {
      signal?.throwIfAborted()
      const step: SelectedStep = await this.step(point)
      yield { ...step, lookups: step.lookups.filter((lookup) => isNew(seen, lookup)) }
      point = step.next
      if (point) await this.rest(signal)
    }
  }
}

function isNew(seen: Set<string>, { queue, lookupId }: FoundLookup): boolean {
  const name = `${queue} ${lookupId}`
  return !seen.has(name) && Boolean(seen.add(name))
}

function stateOf(place: StopPlace): LookupState {
  return place === 'kept' ? 'finished' : STATE_OF[place]
}

function hasEnded(place: StopPlace): boolean {
  return stateOf(place) === 'dead' || stateOf(place) === 'finished'
}

function stopsOf({ queue, state, result }: Selection): Stop[] {
  const lanes = queue === undefined ? LANES : [LANE_OF_QUEUE[queue]]
  const isMeant = (place: StopPlace) => {
    return (state === undefined || state === stateOf(place)) && (result === undefined || hasEnded(place))
  }
  const places = ORDER.filter(isMeant)
  return lanes.flatMap((lane) => places.map((place) => ({ lane, place })))
}

function sieveOf(selection: Selection, place: StopPlace, at: number): Sieve {
  const { connectionId, correlationId, producer, failure, fault, httpStatus, responseCode, result } = selection
  const { olderThanMs, newerThanMs } = selection
  const given = (...texts: (string | number | undefined)[]) => texts.filter((text) => text !== undefined).map(String)
  const asked = Object.entries({ connectionId, correlationId, producer })
  return {
    inData: asked.flatMap(([field, text]) => (text === undefined ? [] : [[field, text] as const])),
    inEnd: given(
      failure,
      fault,
      httpStatus,
      responseCode || undefined,
      stateOf(place) === 'finished' ? result : undefined,
    ).filter(isPlain),
    after: newerThanMs === undefined ? null : at - newerThanMs,
    before: olderThanMs === undefined ? null : at - olderThanMs,
  }
}

/** JSON writes it as it is. */
function isPlain(text: string): boolean {
  return /^[\w.-]+$/.test(text)
}
