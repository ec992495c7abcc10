/** What a run of a lookup starts from. */

import { now } from '../clock.ts'
import type { Lane } from '../domain/lane.ts'
import type { LookupIdentity } from '../redis/names.ts'

/** A lookup job as it was taken from the queue. None of its contents has been checked. */
export interface TakenLookup extends LookupIdentity {
  lane: Lane
  name: string
  data: unknown
  /** The delay that its producer asked for. */
  askedDelayMs: number
  /** How often it was taken up, this time included. */
  taken: number
  /** How often its process died, or lost it. */
  stalls: number
}

/** From the second stall on, the lookup may be what kills its process. */
export function isSuspect({ stalls }: Pick<TakenLookup, 'stalls'>): boolean {
  return stalls >= 2
}

/** Milliseconds since it was enqueued; 0 if it does not say when that was. */
export function ageOf({ enqueuedAt }: LookupIdentity): number {
  return enqueuedAt === 0 ? 0 : Math.max(0, now() - enqueuedAt)
}

/** The parts of a BullMQ job that are read. */
interface QueuedJob {
  id?: string | undefined
  queueName: string
  name: string
  data: unknown
  timestamp: number
  opts: { delay?: number | undefined }
  attemptsStarted: number
  stalledCounter: number
}

export function takenFrom(job: QueuedJob, lane: Lane): TakenLookup {
  return {
    lookupId: job.id ?? '',
    queue: job.queueName,
    lane,
    enqueuedAt: plausibleTime(job.timestamp),
    askedDelayMs: Math.max(0, Number(job.opts.delay) || 0),
    name: job.name,
    data: job.data,
    taken: job.attemptsStarted,
    stalls: job.stalledCounter,
  }
}

/** A job of which only its place and its time can be read; it was never run. */
export function takenUnread({ id, queue, timestamp }: { id: string; queue: string; timestamp: unknown }, lane: Lane) {
  const enqueuedAt = plausibleTime(timestamp)
  return { lookupId: id, queue, lane, enqueuedAt, name: '', data: null, askedDelayMs: 0, taken: 0, stalls: 0 }
}

/** Producers write anything here, such as seconds or nothing. 0 if it is no time of this millennium. */
function plausibleTime(timestamp: unknown): number {
  return typeof timestamp === 'number' && timestamp > 1e12 && timestamp < 8.64e15 ? Math.floor(timestamp) : 0
}
