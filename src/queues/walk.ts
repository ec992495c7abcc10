/**
 * Walks over the jobs that lie in one place of a queue, oldest first, in short steps. Jobs move meanwhile: a list gets
 * shorter where workers take, so a bookmark names jobs and not a number of them. A job that is too large for a process is
 * counted, and its data is not read.
 */

import { sleep } from '../clock.ts'
import type { Redis } from '../redis/connections.ts'
import { finishedKey, laneOf, type QueueNames } from '../redis/names.ts'
import type { Script } from '../redis/script.ts'
import { redisTime } from '../redis/time.ts'
import { keysOf, LISTS, type Place } from './bull-layout.ts'
import { foundInList, SEARCH_STEP } from './found-in-list.ts'
import { FINISHED_STEP, type FinishedAnswer } from './walk-finished.ts'
import { WalkPace } from './walk-pace.ts'
import { LIST_STEP, SET_STEP, SLACK_BACK, WALKED_FIELDS } from './walk-script.ts'

/** How far a walk has come in one place. */
export interface Bookmark {
  /** The last job looked at, then others before it that are likely to stay. */
  ids: string[]
  /** Of a list: its distance from the end that workers take from, 1 for the first. Of a sorted set: its score. */
  at: string
}

/** What Redis itself looks for, so that it sends no more than it has to. What it sends may still not be what is meant. */
export interface Sieve {
  /** Fields of the data and their texts, which stand in it as they are, unless it has escapes. */
  inData: readonly (readonly [field: string, text: string])[]
  /** Texts that stand in what is kept of the last failure or of the end. */
  inEnd: readonly string[]
  /** When it was enqueued, or ended: after and before, ms; null: whenever. */
  after: number | null
  before: number | null
}

export interface WalkedJob {
  id: string
  queue: string
  place: Place
  /** As in a bookmark. */
  at: string
  /** None of the wide ones if the job is too large. */
  fields: Readonly<Record<string, string | null>>
}

export interface Step {
  jobs: WalkedJob[]
  looked: number
  /** Of these: too large, or no hash. They may be among `jobs` all the same. */
  unread: number
  /** Null: there are no more. */
  next: Bookmark | null
}

export interface StepSize {
  /** Jobs that are looked at, at most. */
  look: number
  /** Jobs that are sent, at most. */
  send: number
}

type Row = [id: string, at: string, fields: string[]]
type Answer = [
  looked: number,
  unread: number,
  work: number,
  lastId: string | null,
  lastAt: string,
  other: string | null,
  isOver: number,
  rows: Row[],
]

/** Steps and the rests between them, after each of which Redis has time for others. */
export class Walk {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #pace = new WalkPace()

  constructor(redis: Redis, names: QueueNames) {
    this.#redis = redis
    this.#names = names
  }

  /** The next jobs of a place, from its start if there is no bookmark yet. Rejects when Redis fails. */
  async step(
    { queue, place }: Pick<WalkedJob, 'queue' | 'place'>,
    bookmark: Bookmark | null,
    sieve: Sieve,
    size: StepSize,
  ): Promise<Step> {
    const keys = [keysOf(this.#names, queue)(place), keysOf(this.#names, queue)('')]
    const script = (LISTS as readonly string[]).includes(place) ? LIST_STEP : SET_STEP
    const ask = (mark: Bookmark | null) =>
      this.#timed<Answer>(script, keys, argumentsOf(mark, place, sieve, size, this.#pace.work))
    const answer = (await ask(bookmark)) ?? (await ask(await searched(this.#redis, keys, bookmark)))
    if (answer === null) return { jobs: [], looked: 0, unread: 0, next: null }
    const [looked, unread, , lastId, lastAt, other, isOver, rows] = answer
    const jobs = rows.map(([id, at, values]) => ({ id, queue, place, at, fields: named(values) }))
    const ids = [lastId, other, ...(bookmark?.ids ?? [])].filter((id) => id !== null)
    const next = isOver === 1 ? null : { ids: [...new Set(ids)].slice(0, KEPT_IDS), at: lastAt }
    return { jobs, looked, unread, next }
  }

  /** The next ones of what is kept of the finished lookups of a queue, likewise. */
  async finishedStep(
    queue: string,
    bookmark: Bookmark | null,
    { after, before, inData, inEnd }: Sieve,
    { look, send }: StepSize,
  ): Promise<Step> {
    const keys = [finishedKey(this.#names, laneOf(this.#names, queue)), keysOf(this.#names, queue)('')]
    const [generation = '0', shard = '0'] = (bookmark?.at || '0.0').split('.')
    const from = [Number(generation), Number(shard), bookmark?.ids[0] ?? '']
    const size = [look, send, this.#pace.work, after ?? '', before ?? '']
    const args = [...from, ...size, ...listed(inData.flat()), ...listed(inEnd)]
    const answer = await this.#timed<FinishedAnswer>(FINISHED_STEP, keys, args)
    const [looked, unread, , at, id, rows] = answer as FinishedAnswer
    const jobs = rows.map(([one, values]) => ({
      id: one,
      queue,
      place: 'completed' as const,
      at: '0',
      fields: named(values),
    }))
    return { jobs, looked, unread, next: at === '' ? null : { ids: id === '' ? [] : [id], at } }
  }

  /** Between two steps. Rejects with the signal's reason. */
  rest(signal?: AbortSignal): Promise<void> {
    return sleep(this.#pace.restMs, signal)
  }

  /** Redis tells the time before and after: a client's own clock would also count how long the client was kept waiting. */
  async #timed<A extends [looked: number, unread: number, work: number, ...rest: unknown[]]>(
    script: Script,
    keys: string[],
    args: (string | number)[],
  ): Promise<A | null> {
    const [key = ''] = keys
    const [from, answer, to] = await Promise.all([
      redisTime(this.#redis, key),
      script.run(this.#redis, keys, args) as Promise<A | null>,
      redisTime(this.#redis, key),
    ])
    if (answer) this.#pace.took(answer[2], to - from)
    return answer
  }
}

/** Enough that one of them is still there after the others were taken away. */
const KEPT_IDS = 4

function argumentsOf(
  mark: Bookmark | null,
  place: Place,
  sieve: Sieve,
  { look, send }: StepSize,
  work: number,
): (string | number)[] {
  const { ids, at } = mark ?? { ids: [], at: '0' }
  const isEnded = place === 'completed' || place === 'failed'
  const times = [sieve.after ?? '', sieve.before ?? '']
  const step = [at, ...listed(ids), isEnded ? 1 : 0, look, send, work]
  return [...step, ...times, ...listed(sieve.inData.flat()), ...listed(sieve.inEnd)]
}

function listed(texts: readonly string[]): (string | number)[] {
  return [texts.length, ...texts]
}

export function named(values: readonly string[]): WalkedJob['fields'] {
  return Object.fromEntries(WALKED_FIELDS.map((field, index) => [field, values[index] || null]))
}

/** The bookmark as it lies now: nearer to the tail. Null: all of its jobs were taken, so the walk begins at the tail. */
async function searched(redis: Redis, [list = '']: string[], bookmark: Bookmark | null): Promise<Bookmark | null> {
  if (bookmark === null) return null
  const { ids } = bookmark
  for (let till = Number(bookmark.at) + SLACK_BACK; till > 0; till -= SEARCH_STEP) {
    const { found } = await foundInList(redis, list, ids, till - SEARCH_STEP + 1, till)
    const [farthest] = found
    if (farthest) return { ids, at: String(farthest.at) }
  }
  return null
}
