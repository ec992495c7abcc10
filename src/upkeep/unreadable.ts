/**
 * Jobs that BullMQ cannot read, count or finish: written by hand, with data or options that are no JSON, or larger than a
 * process can bear. No worker is ever handed one; it lies among the active jobs, comes back as stalled, and lies there
 * again, for ever.
 */

import { Job, type Queue } from 'bullmq'
import { FIELDS, keysOf } from '../queues/bull-layout.ts'
import type { Markers } from '../queues/marker.ts'
import { problemOf, readJobs, removeActive, type StoredJob, UNBUILDABLE } from '../queues/stored-jobs.ts'
import { identityOf } from '../queues/taken-lookup.ts'
import type { Redis } from '../redis/connections.ts'
import { isRedisError } from '../redis/errors.ts'
import type { QueueNames } from '../redis/names.ts'

export interface UnreadableJob {
  job: StoredJob
  problem: string
}

/** A lookup that has had its result goes at its next run. One that came back this often in vain never will. */
const STALLS_IN_VAIN = 3

export class UnreadableJobs {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #markers: Markers

  constructor(redis: Redis, names: QueueNames, markers: Markers) {
    this.#redis = redis
    this.#names = names
    this.#markers = markers
  }

  /** Those among the active jobs of a queue: no more than the slots of the fleet. */
  async find(queue: Queue): Promise<UnreadableJob[]> {
    const ids = await this.#redis.lrange(keysOf(this.#names, queue.name)('active'), '0', '-1')
    const found: UnreadableJob[] = []
    for (const job of await readJobs(this.#redis, this.#names, queue.name, ids)) {
      const problem = problemOf(job) ?? ((await isBuildable(queue, job)) ? null : UNBUILDABLE)
      if (problem !== null || (await this.#isUnfinishable(job))) found.push({ job, problem: problem ?? UNBUILDABLE })
    }
    return found
  }

  async remove({ job }: UnreadableJob): Promise<void> {
    await removeActive(this.#redis, this.#names, job)
  }

  /** It has had its result, and BullMQ fails to finish it each time, as with a parent that is none. */
  async #isUnfinishable(job: StoredJob): Promise<boolean> {
    if (Number(job.fields[FIELDS.stalls]) < STALLS_IN_VAIN) return false
    return (await this.#markers.statusOf(identityOf(job))) !== null
  }
}

/** By BullMQ's own judgement. */
async function isBuildable(queue: Queue, { id }: StoredJob): Promise<boolean> {
  try {
    await Job.fromId(queue, id)
    return true
  } catch (error) {
    if (isRedisError(error)) throw error
    return false
  }
}
