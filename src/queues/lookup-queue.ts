/** The lookup queues, from the producer's side. */

import { Queue } from 'bullmq'
import { LANES, type Lane } from '../domain/lane.ts'
import { LOOKUP_JOB_NAME, type LookupData } from '../domain/lookup.ts'
import type { Redis } from '../redis/connections.ts'
import { type QueueNames, queueOf } from '../redis/names.ts'

export type { Queue }

export interface NewLookup extends LookupData {
  lookupId: string
  /** BullMQ's: 1 is the most urgent; none comes before any. */
  priority?: number
  delayMs?: number
}

export class LookupQueues {
  readonly #queues: Record<Lane, Queue>

  constructor(redis: Redis, names: QueueNames) {
    const open = (lane: Lane) => openQueue(queueOf(names, lane), redis, names)
    this.#queues = { batch: open('batch'), interactive: open('interactive') }
  }

  /**
   * Adds all or, if Redis fails, rejects; adding the same again is safe, for an id that is there stays as it is. Options
   * that are the worker's business stay out of the job: they would cost twice its memory.
   */
  async add(lane: Lane, lookups: NewLookup[]): Promise<void> {
    await this.#queues[lane].addBulk(
      lookups.map(({ lookupId, priority, delayMs, ...data }) => ({
        name: LOOKUP_JOB_NAME,
        data,
        opts: {
          jobId: lookupId,
          ...(priority === undefined ? {} : { priority }),
          ...(delayMs === undefined ? {} : { delay: delayMs }),
        },
      })),
    )
  }

  of(lane: Lane): Queue {
    return this.#queues[lane]
  }

  async close(): Promise<void> {
    await Promise.all(LANES.map((lane) => this.#queues[lane].close()))
  }
}

/**
 * A BullMQ queue on a connection of ours. What goes wrong is told by the call that failed, and by whoever listens to the
 * connection; without a listener here BullMQ would print every lost connection, stack and all.
 */
export function openQueue(name: string, redis: Redis, { prefix }: QueueNames): Queue {
  const queue = new Queue(name, { connection: redis, prefix, skipVersionCheck: true, skipMetasUpdate: true })
  queue.on('error', () => {})
  return queue
}
