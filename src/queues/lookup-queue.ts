/** The lookup queues, from the producer's side. */

import { Queue } from 'bullmq'
import { LANES, type Lane } from '../domain/lane.ts'
import type { LookupData } from '../domain/lookup.ts'
import type { Redis } from '../redis/connections.ts'
import { type QueueNames, queueOf } from '../redis/names.ts'
import { readFinished } from './finished-lookups.ts'
import { LookupAdder } from './lookup-adder.ts'
import { readJobs } from './stored-jobs.ts'
import { takenStored } from './taken-lookup.ts'

export type { Queue }

export interface NewLookup extends LookupData {
  lookupId: string
  /** BullMQ's priority: 1 is the most urgent. A lookup without one comes before all that have one. */
  priority?: number
  delayMs?: number
}

export class LookupQueues {
  readonly #queues: Record<Lane, Queue>
  readonly #adders: Record<Lane, LookupAdder>

  constructor(redis: Redis, names: QueueNames) {
    const open = (lane: Lane) => openQueue(queueOf(names, lane), redis, names)
    this.#queues = { batch: open('batch'), interactive: open('interactive') }
    const adder = (lane: Lane) => new LookupAdder(this.#queues[lane], redis, names)
    this.#adders = { batch: adder('batch'), interactive: adder('interactive') }
  }

  /**
   * Adds all lookups, or rejects if Redis fails. Adding the same ids again is safe, because a job that exists stays as it
   * is.
   */
  add(lane: Lane, lookups: NewLookup[]): Promise<void> {
    return this.#adders[lane].add(lookups)
  }

  of(lane: Lane): Queue {
    return this.#queues[lane]
  }

  async close(): Promise<void> {
    await Promise.all(LANES.map((lane) => this.#queues[lane].close()))
  }
}

/** More of them would keep Redis from everybody else for longer than a few milliseconds. */
const READ_AT_ONCE = 200

/** For which connection ids these lookups are on one of the queues, finished ones included; by lookup id. */
export async function connectionIdsOf(redis: Redis, names: QueueNames, lookupIds: string[]) {
  const read = async (lane: Lane, ids: string[]) => {
    const jobs = (await readJobs(redis, names, queueOf(names, lane), ids)).map((job) => takenStored(job, lane))
    const finished = await finishedOf(redis, names, lane, ids)
    return [...finished, ...jobs.map(({ lookupId, data }) => ({ lookupId, data }))]
  }
  const parts = Array.from({ length: Math.ceil(lookupIds.length / READ_AT_ONCE) }, (_, index) =>
    lookupIds.slice(index * READ_AT_ONCE, (index + 1) * READ_AT_ONCE),
  )
  const found = (await Promise.all(parts.flatMap((ids) => LANES.map((lane) => read(lane, ids))))).flat()
  return new Map(
    found.map(({ lookupId, data }) => [lookupId, (data as { connectionId?: unknown } | null)?.connectionId]),
  )
}

async function finishedOf(redis: Redis, names: QueueNames, lane: Lane, ids: string[]) {
  const finished = await readFinished(redis, names, queueOf(names, lane), ids)
  return [...finished].map(([lookupId, { data }]) => ({ lookupId, data: JSON.parse(data ?? 'null') as unknown }))
}

/**
 * A BullMQ queue on a connection of ours. The call that fails reports its error, and so does whoever listens to the
 * connection. Without a listener here BullMQ would print every lost connection with its stack.
 */
export function openQueue(name: string, redis: Redis, { prefix }: QueueNames, kind = Queue): Queue {
  const queue = new kind(name, { connection: redis, prefix, skipVersionCheck: true, skipMetasUpdate: true })
  queue.on('error', () => {})
  return queue
}
