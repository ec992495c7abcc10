/** The lookup queues, from the producer's side. */

import { Job, Queue } from 'bullmq'
import { LANES, type Lane } from '../domain/lane.ts'
import { LOOKUP_JOB_NAME, type LookupData } from '../domain/lookup.ts'
import type { Redis } from '../redis/connections.ts'
import { type QueueNames, queueOf } from '../redis/names.ts'
import { readFinished } from './finished-lookups.ts'
import { readJobs } from './stored-jobs.ts'
import { takenStored } from './taken-lookup.ts'

export type { Queue }

export interface NewLookup extends LookupData {
  lookupId: string
  /** BullMQ's priority: 1 is the most urgent. A lookup without one comes before all that have one. */
  priority?: number
  delayMs?: number
}

/**
 * Its options do not say again what its key says, nor what is so anyway: with a delay or a priority beside them they would pass
 * 64 bytes, and Redis would keep the whole job in a form that takes twice as much.
 */
class LeanJob extends Job {
  override asJSON() {
    const json = super.asJSON()
    const { jobId: _, attempts, ...opts } = json.opts
    return { ...json, opts: attempts ? { ...opts, attempts } : opts }
  }
}

class LeanQueue extends Queue {
  protected override get Job() {
    return LeanJob as typeof Job
  }
}

export class LookupQueues {
  readonly #queues: Record<Lane, Queue>

  constructor(redis: Redis, names: QueueNames) {
    const open = (lane: Lane) => openQueue(queueOf(names, lane), redis, names, LeanQueue)
    this.#queues = { batch: open('batch'), interactive: open('interactive') }
  }

  /**
   * Adds all lookups, or rejects if Redis fails. Adding the same ids again is safe, because a job that exists stays as it
   * is. Options that the worker decides are not stored in the job.
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
