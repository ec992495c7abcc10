/** What a test stands on: a Redis of its own, the stand-in, and a consumer's view of the results. */

import { Queue, Worker, type WorkerOptions } from 'bullmq'
import { Redis } from 'ioredis'
import { startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { within } from '../../src/clock.ts'
import type { Result } from '../../src/domain/result.ts'
import { type StandIn, type StandInOptions, startStandIn } from '../../src/stand-in/stand-in.ts'

export const NAMES = {
  prefix: 'bull',
  lookupQueue: 'chat-lookups',
  interactiveQueue: 'chat-lookups-interactive',
  resultQueue: 'chat-results',
}

export interface World {
  redisUrl: string
  redis: Redis
  standIn: StandIn
  /** As any producer would have it, with BullMQ's defaults. */
  queue(name: string): Queue
  /** Environment of a worker of this world. */
  env: Record<string, string>
  close(): Promise<void>
}

export interface WorldOptions {
  standIn?: StandInOptions
  /** As of redis-server. */
  redisArguments?: string[]
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const embedded = await startEmbeddedRedis(options.redisArguments)
  const redis = new Redis(embedded.url, { protocol: 2, maxRetriesPerRequest: null })
  redis.on('error', () => {})
  const standIn = await startStandIn(options.standIn)
  const queues = new Map<string, Queue>()
  return {
    redisUrl: embedded.url,
    redis,
    standIn,
    queue: (name) => {
      const known = queues.get(name)
      if (known) return known
      const queue = new Queue(name, { connection: redis })
      queue.on('error', () => {})
      queues.set(name, queue)
      return queue
    },
    env: { REDIS_URL: embedded.url, SOAP_ENDPOINT: standIn.url },
    close: async () => {
      redis.disconnect()
      await standIn.close()
      await embedded.stop()
    },
  }
}

export interface Consumer {
  results: Result[]
  /** Resolves when there are as many results, or rejects, saying what there was. */
  have(count: number, withinMs?: number): Promise<Result[]>
  of(lookupId: string): Result[]
  close(): Promise<void>
}

/** A consumer as a CRM would have it: takes each result, and has it removed at once. */
export function consume(world: Pick<World, 'redisUrl'>, options: Partial<WorkerOptions> = {}): Consumer {
  const results: Result[] = []
  const waiting = new Set<() => void>()
  const connection = new Redis(world.redisUrl, { protocol: 2, maxRetriesPerRequest: null })
  connection.on('error', () => {})
  const worker = new Worker<Result>(
    NAMES.resultQueue,
    async (job) => {
      results.push(job.data)
      for (const look of waiting) look()
    },
    { connection, concurrency: 50, removeOnComplete: { count: 0 }, drainDelay: 1, ...options },
  )
  worker.on('error', () => {})
  return {
    results,
    have: (count, withinMs = 30_000) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => {
          waiting.delete(look)
          reject(new Error(`expected ${count} results within ${withinMs} ms, got ${results.length}`))
        }, withinMs)
        const look = () => {
          if (results.length < count) return
          clearTimeout(late)
          waiting.delete(look)
          resolve(results)
        }
        waiting.add(look)
        look()
      }),
    of: (lookupId) => results.filter((result) => result.lookupId === lookupId),
    close: async () => {
      // BullMQ's worker may wait for ever for a connection that Redis refused just when it was made anew.
      await within(10_000, worker.close())
      connection.disconnect()
    },
  }
}

/** Waits for a fact, looking every few milliseconds; rejects with what it waited for. */
export async function until(what: string, fact: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  const end = performance.now() + withinMs
  while (!(await fact())) {
    if (performance.now() > end) throw new Error(`waited ${withinMs} ms in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
