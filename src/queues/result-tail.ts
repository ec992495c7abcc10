/**
 * Reads the stream of all results for whoever follows it, each from where it is: one reader of Redis for all of them, which asks
 * a few times a second however many there are. Each reader gets each result once, in order.
 *
 * Those who have seen all that there is are served by one blocking read. Whoever is behind (it resumes, or reads slowly) is
 * served in turns with them, a page at a time; all who lie in that page share it.
 */

import { monotonic, sleep } from '../clock.ts'
import type { Redis } from '../redis/connections.ts'
import { RESULT_FIELD } from './result-stream.ts'

export interface StreamedResult {
  id: string
  /** JSON. */
  result: string
}

export interface TailReader {
  /** False: it has not taken yet what it got. */
  readonly isReady: boolean
  take(results: StreamedResult[]): void
  /** Results that it has not seen may have been trimmed. */
  gap(): void
}

interface Place {
  reader: TailReader
  at: bigint
  /** It may have been trimmed meanwhile: look before reading on. */
  isUnsure: boolean
}

interface Bounds {
  first: bigint | null
  last: bigint
}

const PAGE = 500
const BLOCK_MS = 1_000
/** From one read to the next: below ten commands a second. */
const PACE_MS = 150
const AFTER_TROUBLE_MS = 1_000
/** Who comes in the same moment shares a look at the stream. */
const LOOK_MS = 250

/** Null: no id of a stream's entry. */
export function positionOf(id: string): bigint | null {
  const [, ms, sequence] = /^(\d{1,16})-(\d{1,19})$/.exec(id) ?? []
  return ms === undefined || sequence === undefined ? null : (BigInt(ms) << 64n) | BigInt(sequence)
}

function idOf(position: bigint): string {
  return `${position >> 64n}-${position & ((1n << 64n) - 1n)}`
}

export class ResultTail {
  readonly #redis: Redis
  readonly #key: string
  readonly #places = new Set<Place>()
  readonly #closing = new AbortController()
  #isRunning = false
  #servesBehind = false
  #look: { at: number; bounds: Promise<Bounds> } | null = null

  /** `redis` is its own: a read waits for what comes. */
  constructor(redis: Redis, key: string) {
    this.#redis = redis
    this.#key = key
  }

  /** From behind `after` on, or from now on. Rejects when Redis fails. Call what it resolves to at the end. */
  async follow(reader: TailReader, after: bigint | null): Promise<() => void> {
    const { last } = await this.#bounds()
    const place = { reader, at: after ?? last, isUnsure: after !== null }
    this.#places.add(place)
    if (!this.#isRunning) void this.#run()
    return () => void this.#places.delete(place)
  }

  close(): void {
    this.#places.clear()
    this.#closing.abort(new Error('closed'))
    this.#redis.disconnect()
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#places.size > 0 && !this.#closing.signal.aborted) {
      const startedAt = monotonic()
      try {
        await this.#round()
        await this.#rest(PACE_MS - (monotonic() - startedAt))
      } catch {
        for (const place of this.#places) place.isUnsure = true // what comes meanwhile may be trimmed before we read it
        await this.#rest(AFTER_TROUBLE_MS)
      }
    }
    this.#isRunning = false
  }

  async #rest(ms: number): Promise<void> {
    if (ms > 0) await sleep(ms, this.#closing.signal).catch(() => {})
  }

  async #round(): Promise<void> {
    const ready = [...this.#places].filter((place) => {
      if (!place.reader.isReady) place.isUnsure = true
      return place.reader.isReady
    })
    if (ready.length === 0) return
    const positions = ready.map(({ at }) => at)
    const lowest = positions.reduce((one, other) => (other < one ? other : one))
    const highest = positions.reduce((one, other) => (other > one ? other : one))
    this.#servesBehind = lowest !== highest && !this.#servesBehind
    const from = this.#servesBehind ? lowest : highest
    await this.#tellGaps(ready.filter(({ at, isUnsure }) => isUnsure && at === from))
    const page = await this.#read(from, lowest === highest)
    for (const place of ready) if (place.at >= from && this.#places.has(place)) give(place, page)
  }

  async #tellGaps(unsure: Place[]): Promise<void> {
    if (unsure.length === 0) return
    const { first, last } = await this.#bounds()
    for (const place of unsure) {
      place.isUnsure = false
      // Redis may also have lost what it had: then its last one is older.
      if (place.at !== 0n && (first === null || first > place.at || last < place.at)) place.reader.gap()
    }
  }

  async #read(from: bigint, waits: boolean): Promise<[at: bigint, result: StreamedResult][]> {
    const streams = ['STREAMS', this.#key, idOf(from)] as const
    const found = await (waits
      ? this.#redis.xread('COUNT', PAGE, 'BLOCK', BLOCK_MS, ...streams)
      : this.#redis.xread('COUNT', PAGE, ...streams))
    const entries = (found?.[0]?.[1] ?? []) as [string, string[]][]
    return entries.map(([id, fields]) => {
      const result = fields[fields.indexOf(RESULT_FIELD) + 1] ?? 'null'
      return [positionOf(id) ?? from, { id, result }]
    })
  }

  #bounds(): Promise<Bounds> {
    if (this.#look && monotonic() - this.#look.at < LOOK_MS) return this.#look.bounds
    this.#look = { at: monotonic(), bounds: this.#readBounds() }
    return this.#look.bounds
  }

  async #readBounds(): Promise<Bounds> {
    const [[first], [last]] = await Promise.all([
      this.#redis.xrange(this.#key, '-', '+', 'COUNT', 1),
      this.#redis.xrevrange(this.#key, '+', '-', 'COUNT', 1),
    ])
    return { first: first ? positionOf(first[0]) : null, last: (last && positionOf(last[0])) ?? 0n }
  }
}

function give(place: Place, page: [at: bigint, result: StreamedResult][]): void {
  const news = page.filter(([at]) => at > place.at)
  if (news.length === 0) return
  place.at = (news.at(-1) as (typeof news)[number])[0]
  place.reader.take(news.map(([, result]) => result))
}
