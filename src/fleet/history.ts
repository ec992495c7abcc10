/** What the fleet did in the last hour, in slices of ten seconds, as its workers have written it (history-writer.ts). */

import type { CallOutcome } from '../domain/event.ts'
import type { ResultStatus } from '../domain/result.ts'
import { PHASES, type Phase } from '../domain/timing.ts'
import type { Redis } from '../redis/connections.ts'
import { historyKey, kindsKey, type QueueNames } from '../redis/names.ts'
import { redisTime } from '../redis/time.ts'
import { FleetControl, type PastHold } from './fleet-control.ts'
import { BOUNDS_MS, FIELD, SLICE_MS } from './history-tally.ts'
import { UnknownService } from './known-services.ts'

/** Ten seconds of the fleet. What nobody counted is 0; null: no worker ran. */
export interface HistorySlice {
  /** When it began, Redis' time, ms. */
  at: number
  results: Partial<Record<ResultStatus, number>>
  calls: Partial<Record<CallOutcome, number>>
  /** Results by how long they took from enqueued to published: one count for each bound, and one beyond. */
  endToEnd: number[]
  /** Calls by how long they took, the same. */
  callTook: number[]
  /** Where the time of its results went, ms. */
  phases: Record<Phase, number>
  /** Lookups ever added and lookups without a result, when they were counted (Redis' time, ms). */
  queues: { at: number; added: number; backlog: number } | null
}

/** One answer of the service that is not the usual one: `code:5`, `fault:Client`, `http:503`. */
export interface SeenKind {
  kind: string
  firstAt: number
  lastAt: number
  count: number
}

export interface History {
  /** Redis' time, ms. */
  at: number
  sliceMs: number
  boundsMs: readonly number[]
  /** The oldest first; slices in which no worker wrote are left out. The last one may not be whole. */
  slices: HistorySlice[]
  /** The last one first. */
  kinds: SeenKind[]
  /** The last holds, of up to eight days. */
  holds: PastHold[]
}

export type HistoryPlace = QueueNames & { soapEndpoint: string | null }

const SHOWN_MS = 3_600_000
/** By then every worker has written its part of a slice. */
const WHOLE_AFTER_MS = 15_000

/** Remembers what cannot change any more, so that whoever looks often reads little. */
export class HistoryReader {
  readonly #redis: Redis
  readonly #place: HistoryPlace
  readonly #whole = new Map<number, HistorySlice | null>()

  constructor(redis: Redis, place: HistoryPlace) {
    this.#redis = redis
    this.#place = place
  }

  async read(): Promise<History> {
    const at = Math.floor(await redisTime(this.#redis, kindsKey(this.#place)))
    const last = Math.floor(at / SLICE_MS)
    const first = last - SHOWN_MS / SLICE_MS
    for (const number of this.#whole.keys()) if (number < first) this.#whole.delete(number)
    const numbers = Array.from({ length: last - first + 1 }, (_, index) => first + index)
    const [slices, kinds, holds] = await Promise.all([
      Promise.all(numbers.map((number) => this.#slice(number, at))),
      this.#kinds(),
      this.#holds(),
    ])
    const there = slices.filter((slice) => slice !== null)
    return { at, sliceMs: SLICE_MS, boundsMs: BOUNDS_MS, slices: there, kinds, holds }
  }

  async #slice(number: number, at: number): Promise<HistorySlice | null> {
    const known = this.#whole.get(number)
    if (known !== undefined) return known
    const fields = await this.#redis.hgetall(historyKey(this.#place, number))
    const slice = Object.keys(fields).length === 0 ? null : asSlice(number * SLICE_MS, fields)
    if (at - (number + 1) * SLICE_MS > WHOLE_AFTER_MS) this.#whole.set(number, slice)
    return slice
  }

  async #kinds(): Promise<SeenKind[]> {
    const found = Object.entries(await this.#redis.hgetall(kindsKey(this.#place)))
    const kinds = found.map(([kind, text]) => {
      const [firstAt = 0, lastAt = 0, count = 0] = text.split(' ').map(Number)
      return { kind, firstAt, lastAt, count }
    })
    return kinds.toSorted((a, b) => b.lastAt - a.lastAt)
  }

  async #holds(): Promise<PastHold[]> {
    try {
      return await (await FleetControl.of(this.#redis, this.#place, this.#place.soapEndpoint)).pastHolds()
    } catch (error) {
      if (error instanceof UnknownService) return [] // nobody has called a service, or several were called
      throw error
    }
  }
}

function asSlice(at: number, fields: Readonly<Record<string, string>>): HistorySlice {
  const slice: HistorySlice = {
    at,
    results: {},
    calls: {},
    endToEnd: BOUNDS_MS.map(() => 0).concat(0),
    callTook: BOUNDS_MS.map(() => 0).concat(0),
    phases: Object.fromEntries(PHASES.map((phase) => [phase, 0])) as Record<Phase, number>,
    queues: queuesOf(fields.queues),
  }
  for (const [name, text] of Object.entries(fields)) put(slice, name, Number(text))
  return slice
}

function put(slice: HistorySlice, name: string, value: number): void {
  const rest = name.slice(2)
  if (name.startsWith(FIELD.result)) slice.results[rest as ResultStatus] = value
  else if (name.startsWith(FIELD.call)) slice.calls[rest as CallOutcome] = value
  else if (name.startsWith(FIELD.endToEnd)) addAt(slice.endToEnd, rest, value)
  else if (name.startsWith(FIELD.callTook)) addAt(slice.callTook, rest, value)
  else if (name.startsWith(FIELD.phase)) slice.phases[rest as Phase] = value
}

/** Of what another version has counted, too: a bound that is not ours counts with the next one. */
function addAt(counts: number[], bound: string, value: number): void {
  const found = BOUNDS_MS.findIndex((one) => one >= Number(bound))
  const place = found < 0 ? BOUNDS_MS.length : found
  counts[place] = (counts[place] ?? 0) + value
}

function queuesOf(text: string | undefined): HistorySlice['queues'] {
  const [at, added, backlog] = (text ?? '').split(' ').map(Number)
  return at === undefined || added === undefined || backlog === undefined ? null : { at, added, backlog }
}
