/**
 * The hall for a program that goes on for days: opened when it is first needed, and usable again after Redis was away. What
 * is asked while Redis is away fails within seconds, in words.
 */

import { setMaxListeners } from 'node:events'
import { firstOf, within } from '../clock.ts'
import { byOptions } from '../config/from-options.ts'
import type { Lane } from '../domain/lane.ts'
import type { Selection } from '../domain/selection.ts'
import type { FindStep } from '../fleet/find.ts'
import { type Ack, Acknowledger, type Brought } from '../intake/acknowledge.ts'
import { Closed, RedisUnavailable } from '../intake/errors.ts'
import type { Request } from '../intake/submit.ts'
import { ResultWorker, type ResultWorkerOptions } from '../queues/result-worker.ts'
import { patientConnection, type Redis, type RedisPlace, standingConnection } from '../redis/connections.ts'
import { refusedDatabase } from '../redis/preflight.ts'
import { Hall, type HallConfig, type Result } from './hall.ts'
import { inWords } from './reach-redis.ts'

/** A Redis that accepts the connection and then says nothing must not keep anybody waiting. */
export interface Patience {
  /** For the answer to one command. */
  answersWithinMs: number
  /** To find out what is on a queue, after Redis went away while lookups were added. */
  settlesWithinMs: number
}
const PATIENCE: Patience = { answersWithinMs: 5000, settlesWithinMs: 5000 }

interface Opened {
  redis: Redis
  hall: Hall
  acknowledger: Acknowledger
  /** What the connection said last, since it was there. */
  last: Error | null
  isChecked: boolean
}

export class StandingHall {
  readonly #config: HallConfig
  readonly #name: string
  readonly #patience: Patience
  readonly #closing = new AbortController()
  readonly #consumers: { worker: ResultWorker; redis: Redis }[] = []
  #opened: Opened | null = null

  /** `name` is how Redis lists the connections. */
  constructor(config: HallConfig, name: string, patience = PATIENCE) {
    this.#config = config
    this.#name = name
    this.#patience = patience
    setMaxListeners(0, this.closing) // every call listens
  }

  /** Aborts with `Closed`. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  /** Rejects with a RedisUnavailable while Redis is away. */
  async enter<T>(work: (hall: Hall, acknowledger: Acknowledger) => Promise<T>): Promise<T> {
    this.closing.throwIfAborted()
    this.#opened ??= this.#open()
    const opened = this.#opened
    try {
      await this.#reach(opened)
      return await work(opened.hall, opened.acknowledger)
    } catch (error) {
      throw this.closing.aborted ? this.closing.reason : this.#inWords(error)
    }
  }

  /** As `Acknowledger.all`. */
  acknowledge(
    lane: Lane,
    requests: AsyncIterable<Brought> | Iterable<Brought>,
    common: Partial<Request>,
    signal?: AbortSignal,
  ): AsyncGenerator<Ack[]> {
    return this.#each(signal, (_, acknowledger, end) => acknowledger.all(lane, requests, common, end))
  }

  /** As `Hall.find`. */
  find(selection: Selection, signal?: AbortSignal): AsyncGenerator<FindStep> {
    return this.#each(signal, (hall, _, end) => hall.find(selection, end))
  }

  /** Has `handler` take the results, from when Redis is there until the hall is closed. */
  consume(handler: (result: Result) => Promise<void>, options: ResultWorkerOptions): ResultWorker {
    this.closing.throwIfAborted()
    const redis = patientConnection(this.#config, `${this.#name}-results`)
    const explained = { ...options, onError: (error: Error) => options.onError?.(this.#inWords(error)) }
    const worker = new ResultWorker(redis, this.#config, handler, explained)
    redis.on('error', explained.onError)
    this.#consumers.push({ worker, redis })
    return worker
  }

  /** Waits for handlers of results that are running, and closes all connections. */
  async close(): Promise<void> {
    this.#closing.abort(new Closed())
    await Promise.all(
      this.#consumers.splice(0).map(async ({ worker, redis }) => {
        await worker.close()
        redis.disconnect()
      }),
    )
    this.#opened?.hall.close()
    this.#opened?.redis.disconnect()
  }

  /** Rejects in words, and with `Closed` when the hall is closed meanwhile. */
  async *#each<T>(
    signal: AbortSignal | undefined,
    start: (hall: Hall, acknowledger: Acknowledger, end: AbortSignal) => AsyncGenerator<T>,
  ): AsyncGenerator<T> {
    const end = firstOf(this.closing, signal)
    try {
      yield* await this.enter(async (hall, acknowledger) => start(hall, acknowledger, end.signal))
    } catch (error) {
      throw this.#inWords(error)
    } finally {
      end.clear()
    }
  }

  #open(): Opened {
    const { answersWithinMs, settlesWithinMs } = this.#patience
    const open = (place: RedisPlace, name: string) => standingConnection(place, name, answersWithinMs)
    const redis = open(this.#config, this.#name)
    const opened: Opened = {
      redis,
      hall: new Hall(redis, this.#config, open),
      acknowledger: new Acknowledger(redis, this.#config, (error) => this.#inWords(error), settlesWithinMs),
      last: null,
      isChecked: false,
    }
    redis.on('error', (error: Error) => {
      opened.last = error
    })
    redis.on('ready', () => {
      opened.last = null
    })
    return opened
  }

  /** While there is no connection, nothing is sent of which nobody would know whether it arrived. */
  async #reach(opened: Opened): Promise<void> {
    const { redis, isChecked } = opened
    if (isChecked && redis.status === 'ready') return
    if ((await within(this.#patience.answersWithinMs, redis.ping())) === 'late') throw new Error('Command timed out')
    const database = await refusedDatabase(redis)
    if (database !== null) throw new RedisUnavailable(`redisUrl: ${database}`)
    opened.isChecked = true
  }

  #inWords(error: unknown): Error {
    const said = inWords(error, this.#config, { hasEnded: false, last: this.#opened?.last ?? null })
    if (!(said instanceof RedisUnavailable)) return said as Error
    const { cause, mayBeOnQueue } = said
    return new RedisUnavailable(byOptions(said.message), { cause, mayBeOnQueue })
  }
}
