/** The result queue from the consumer's side, for a program that takes results as they come: a BullMQ worker. */

import { Worker } from 'bullmq'
import { within } from '../clock.ts'
import type { Result } from '../domain/result.ts'
import type { Redis } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'

export interface ResultWorkerOptions {
  /** Results that are handled at the same time; 1 if not said. */
  concurrency?: number
  /** Hears of trouble with Redis, which passes by itself. Without it nobody does. */
  onError?: (error: Error) => void
}

/** A Redis that is away must not keep a program from ending once its handlers have. */
const CLOSES_WITHIN_MS = 5000

export class ResultWorker {
  readonly #worker: Worker<Result>
  readonly #running = new Set<Promise<void>>()

  /** `redis` waits for Redis as long as it takes. A result whose handler rejects comes again, ten times in eight minutes. */
  constructor(
    redis: Redis,
    names: QueueNames,
    handler: (result: Result) => Promise<void>,
    options: ResultWorkerOptions,
  ) {
    const handle = async (result: Result) => {
      const running = Promise.resolve(handler(result))
      const ended = running.then(nothing, nothing)
      this.#running.add(ended)
      try {
        await running
      } finally {
        this.#running.delete(ended)
      }
    }
    this.#worker = new Worker<Result>(names.resultQueue, ({ data }) => handle(data), {
      connection: redis,
      prefix: names.prefix,
      concurrency: options.concurrency ?? 1,
      removeOnComplete: { count: 0 },
      maxStalledCount: 1_000_000, // a consumer that dies again and again loses nothing
      skipVersionCheck: true,
    })
    this.#worker.on('error', options.onError ?? nothing)
  }

  /** Takes no more results, and resolves once the handlers that run have ended. */
  async close(): Promise<void> {
    const closing = this.#worker.close()
    closing.catch(nothing)
    while (this.#running.size > 0) await Promise.all(this.#running)
    await within(CLOSES_WITHIN_MS, closing).catch(nothing)
  }
}

const nothing = () => {}
