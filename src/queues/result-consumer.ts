/** The result queue from the consumer's side, for a reader that takes exactly as many results as it wants. */

import { type Job, Worker } from 'bullmq'
import { every, now } from '../clock.ts'
import type { Result } from '../domain/result.ts'
import type { Redis } from '../redis/connections.ts'
import { isRedisError, kindOfRedisError } from '../redis/errors.ts'
import { bullKey, type QueueNames } from '../redis/names.ts'
import { redisTime } from '../redis/time.ts'
import { FIELDS, keysOf, LOCK, QUEUE_KEYS } from './bull-layout.ts'

const LOCK_MS = 30_000

const nothing = () => {}

/** What `take` throws so that the result comes again once so many ms have passed. However often: it is never given up. */
export class ComesAgain extends Error {
  readonly afterMs: number
  constructor(afterMs: number) {
    super('to be taken again')
    this.afterMs = afterMs
  }
}

/** `id`: of the result. `times`: how often it was taken, this time included. */
export interface Taken {
  id: string
  times: number
}

/**
 * A process that was stopped for a while has lost the lock, and another reader may get the result, too: at least once.
 */
function unlessLost(error: unknown): void {
  if (kindOfRedisError(error) !== 'lock') throw error
}

/** How many active jobs are looked at to find the one that cannot be read. Each reader has one in hand. */
const MOST_ACTIVE = 1000

export class ResultConsumer {
  readonly #worker: Worker
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #unreadable: (id: string) => void

  /**
   * `unreadable` is told of each job that BullMQ cannot read. Such a job goes to the failed ones with all that it has, because
   * otherwise every reader would take it up again, for ever.
   */
  constructor(redis: Redis, names: QueueNames, unreadable: (id: string) => void = nothing) {
    this.#redis = redis
    this.#names = names
    this.#unreadable = unreadable
    this.#worker = new Worker(names.resultQueue, null, {
      connection: redis,
      prefix: names.prefix,
      autorun: false,
      lockDuration: LOCK_MS,
      drainDelay: 1,
      maxStalledCount: 1_000_000, // a reader that dies again and again loses nothing
      removeOnComplete: { count: 0 },
      skipVersionCheck: true,
    })
    this.#worker.on('error', () => {}) // what fails is told by the call that failed
  }

  /** From now on brings results of readers that died back to the queue. */
  async start(): Promise<void> {
    await this.#worker.waitUntilReady()
    await this.#worker.startStalledCheckTimer()
  }

  /**
   * Hands the next result to `take`, removes it once `take` has resolved, and puts it back if `take` rejects: at once, or
   * later if it rejects with a ComesAgain. Resolves to false if there was none (after a second's wait, if `wait`). A result
   * that cannot be read is passed over.
   */
  async next(take: (result: Result, taken: Taken) => Promise<void>, wait: boolean): Promise<boolean> {
    const token = `reader-${this.#worker.id}`
    const job = await this.#taken(token, wait)
    if (job === 'unreadable') return true
    if (!job) return false
    // `take` may need long (a pager, say); meanwhile no other reader gets the result.
    const renewal = every(LOCK_MS / 3, () => job.extendLock(token, LOCK_MS).then(nothing, nothing))
    try {
      await take(job.data, { id: job.id as string, times: job.attemptsStarted })
    } catch (error) {
      if (error instanceof ComesAgain) {
        await job.moveToDelayed(now() + error.afterMs, token).catch(unlessLost)
        return true
      }
      await job.moveToWait(token).catch(nothing)
      throw error
    } finally {
      renewal.stop()
    }
    delete job.opts.removeOnComplete
    await job.moveToCompleted(null, token, false).catch(unlessLost)
    return true
  }

  async #taken(token: string, wait: boolean): Promise<Job<Result> | undefined | 'unreadable'> {
    try {
      return (await this.#worker.getNextJob(token, { block: wait })) as Job<Result> | undefined
    } catch (error) {
      const id = isRedisError(error) ? null : await this.#lockedBy(token)
      if (id === null) throw error
      await this.#setApart(id)
      this.#unreadable(id)
      return 'unreadable'
    }
  }

  /** The job that was taken last with this token. BullMQ puts each one at the head of its list. */
  async #lockedBy(token: string): Promise<string | null> {
    const key = (part: string) => bullKey(this.#names, this.#names.resultQueue, part)
    for (const id of await this.#redis.lrange(key('active'), 0, MOST_ACTIVE - 1)) {
      if ((await this.#redis.get(key(`${id}:lock`))) === token) return id
    }
    return null
  }

  async #setApart(id: string): Promise<void> {
    const key = keysOf(this.#names, this.#names.resultQueue)
    const at = String(Math.floor(await redisTime(this.#redis, key(QUEUE_KEYS.meta))))
    await this.#redis
      .multi()
      .hset(key(id), { [FIELDS.failedReason]: 'not a result: BullMQ cannot read this job', [FIELDS.finishedOn]: at })
      .zadd(key('failed'), at, id)
      .lrem(key('active'), 0, id)
      .del(key(id) + LOCK)
      .exec()
  }

  async close(): Promise<void> {
    await this.#worker.close(true)
  }
}
