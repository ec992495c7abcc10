/** BullMQ's Worker as lookups are taken with it: its options, and its verbs. The only file here that knows BullMQ. */

import {
  DelayedError,
  type Job,
  type JobJson,
  UnrecoverableError,
  WaitingError,
  Worker,
  type WorkerOptions,
} from 'bullmq'
import { monotonic, now } from '../clock.ts'
import { STALLED_CHECK_MS } from '../domain/job-lock.ts'
import { ownFields } from '../queues/bounded-reads.ts'
import type { KeptEnd } from '../queues/kept-end.ts'
import { problemOfData, type Redriven, redrivenFrom, retriedFrom, type TakenLookup } from '../queues/taken-lookup.ts'
import type { Redis } from '../redis/connections.ts'
import type { Conclusion, PutBack } from './conclusion.ts'

/** `problem`: why it is no lookup, whatever its data says. */
export type LookupJob = Job & { problem?: string | null; redriven?: Redriven; retried?: TakenLookup['retried'] }

const NONE = {}

export interface TakerSettings {
  concurrency: number
  /** How long a lookup stays with this process after the last sign of it. */
  lockMs: number
}

/**
 * Lookups only read, so running one again harms nobody. A lookup that kills its process ends long before this, by how
 * often its process died while it ran alone (lookup-run.ts). This is for a job that kills a worker that only reads it.
 */
const MAX_STALLS = 15

/** The lookup has had its result, and it is a dead letter. The message is our failure's, nothing else. */
export class GaveUp extends UnrecoverableError {
  constructor(reason: string) {
    super(reason)
    this.stack = ''
  }
}

/** The errors by which we tell BullMQ how a run ended. */
function isOurs(error: unknown): error is Error {
  return error instanceof GaveUp || error instanceof DelayedError || error instanceof WaitingError
}

export class LookupTaker extends Worker {
  /** When the worker last asked for a job. A stuck fetch loop shows no other sign. */
  askedAt = monotonic()

  protected override moveToActive(token: string, name?: string) {
    this.askedAt = monotonic()
    return super.moveToActive(token, name)
  }

  /** The key's own id is the id, whatever the field of that name says. */
  protected override createJob(json: JobJson, id: string): LookupJob {
    json.id = id
    const own = json.returnvalue === undefined ? NONE : ownFields(json.returnvalue)
    json.returnvalue = undefined as unknown as string
    const job: LookupJob = super.createJob(json, id)
    job.problem = problemOfData(json.data)
    job.redriven = redrivenFrom(own)
    job.retried = retriedFrom(json, own)
    return job
  }

  /** BullMQ hands out nothing where it cannot go on with a job's scheduler. The job itself is there, and is taken. */
  protected override nextJobFromJobData(json?: JobJson, id?: string, token?: string): Promise<Job> {
    const next = super.nextJobFromJobData(json, id, token)
    if (!json?.repeatJobKey) return next
    const { repeatJobKey: _, ...rest } = json
    return next.then((job) => job ?? super.nextJobFromJobData(rest, id, token))
  }

  /**
   * BullMQ also fails a job if Redis refused to complete it. Such a lookup has had its result and is no dead letter: the job
   * stays active, its lock ends, and whoever takes the lookup up completes it.
   */
  protected override async handleFailed(...[error, job, ...rest]: Parameters<Worker['handleFailed']>) {
    if (isOurs(error) || job.deferredFailure) return super.handleFailed(error, job, ...rest)
    this.emit('error', error)
    return undefined as unknown as Job
  }
}

/** If Redis refuses, the job stays where it is: its lock ends, and a live worker takes it up. */
export async function putBack(job: LookupJob, token: string, to: PutBack): Promise<void> {
  if (to.type === 'wait') await job.moveToWait(token)
  else await job.moveToDelayed(now() + to.ms, token)
}

/** Throws what tells BullMQ anything but that the job is complete. */
export function tellBullMQ(conclusion: Conclusion, job: LookupJob): KeptEnd {
  switch (conclusion.type) {
    case 'complete':
      if (conclusion.leaves) job.opts.removeOnComplete = true
      return conclusion.kept
    case 'dead-letter':
      throw new GaveUp(conclusion.reason)
    case 'delay':
      throw new DelayedError()
    case 'wait':
    case 'leave':
      throw new WaitingError()
  }
}

export function takerOptions(redis: Redis, prefix: string, { concurrency, lockMs }: TakerSettings): WorkerOptions {
  return {
    connection: redis,
    prefix,
    autorun: false,
    concurrency,
    lockDuration: lockMs,
    stalledInterval: STALLED_CHECK_MS,
    maxStalledCount: MAX_STALLS,
    drainDelay: 1, // a job handed back with a priority wakes nobody up
    // All jobs that have ended are kept, but those that leave; retention.ts removes the old ones, by Redis' time.
    removeOnComplete: { count: -1 },
    removeOnFail: { count: -1 },
    skipVersionCheck: true, // the preflight asked, and says it better
  }
}
