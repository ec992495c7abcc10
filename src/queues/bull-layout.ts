/**
 * What we know of BullMQ's inside: where a job can lie, the fields of its hash, and how scores are made. It is written
 * here alone, and test/queues/bull-layout.test.ts asks the installed BullMQ, so that an upgrade that changes any of it
 * fails there.
 *
 * The other back doors into BullMQ: bull-add.ts and bull-reprocess.ts have scripts of ours add a job, and put one back, by
 * BullMQ's own text; lookup-taker.ts stands in for methods of its Worker.
 */

import { bullKey, type QueueNames } from '../redis/names.ts'

/** Redis lists that hold job ids. `paused` is filled by BullMQ 5 and older alone; BullMQ 6 empties it at `resume`. */
export const LISTS = ['wait', 'paused', 'active'] as const
/** Redis sorted sets that hold job ids. */
export const SORTED_SETS = ['prioritized', 'delayed', 'completed', 'failed', 'waiting-children'] as const
/** Every place where a job can lie. No worker will ever find a job whose hash exists and that lies in none of them. */
export const PLACES = [...LISTS, ...SORTED_SETS] as const
export type Place = (typeof PLACES)[number]

/** The other keys of a queue. `repeat` holds schedulers, whose hashes are `repeat:<id>`. */
export const QUEUE_KEYS = {
  meta: 'meta',
  counter: 'id',
  marker: 'marker',
  events: 'events',
  stalled: 'stalled',
  stalledCheck: 'stalled-check',
  schedulers: 'repeat',
  limiter: 'limiter',
  priorityCounter: 'pc',
  deduplication: 'de',
} as const

/** The field of `meta` that says that the queue is paused. */
export const PAUSED_FIELD = 'paused'
/** The field of `meta` with the BullMQ that opened the queue last, as bullmq:6.7.0; a Worker alone does not write it. */
export const VERSION_FIELD = 'version'
/** Fields of `meta` of BullMQ's own limits of a queue: setGlobalRateLimit's two, and setGlobalConcurrency's. */
export const LIMIT_FIELDS = ['max', 'duration', 'concurrency'] as const

/** The endings of the keys that belong to a job, behind the job's own key. */
export const LOCK = ':lock'
export const UNSUCCESSFUL_CHILDREN = ':unsuccessful'
export const OF_A_JOB = [LOCK, ':logs', ':dependencies', ':processed', ':failed', UNSUCCESSFUL_CHILDREN] as const

/** The fields of a job's hash that we read or write. */
export const FIELDS = {
  name: 'name',
  data: 'data',
  options: 'opts',
  timestamp: 'timestamp',
  delay: 'delay',
  priority: 'priority',
  processedOn: 'processedOn',
  finishedOn: 'finishedOn',
  failedReason: 'failedReason',
  returned: 'returnvalue',
  /** How often the job was taken up. */
  taken: 'ats',
  stacktrace: 'stacktrace',
  /** Attempts that BullMQ counts; we keep a count of our own. */
  attempts: 'atm',
  /** How often the job was found without its lock. */
  stalls: 'stc',
  /** Why the job fails as soon as it is taken up. */
  deferredFailure: 'defa',
  deduplicationId: 'deid',
} as const

/** Fields that BullMQ's scripts count up. Anything but an integer there stops the script half way. */
export const COUNTED_FIELDS = [FIELDS.taken, FIELDS.attempts, FIELDS.stalls] as const

/** The score of a delayed job is the time at which it is due, in ms, times this, plus a counter. */
export const DELAYED_SCORE = 0x1000
/** The score of a prioritized job is its priority times this, plus a counter. */
export const PRIORITY_SCORE = 0x100000000

/** The latest score of a job that is due at `ms`. */
export function delayedScoreAt(ms: number): number {
  return (ms + 1) * DELAYED_SCORE - 1
}

/** When the delayed job of this score is due, ms. */
export function dueAt(score: number): number {
  return Math.floor(score / DELAYED_SCORE)
}

/** How BullMQ wakes its workers: this member of the marker, with this score. */
export const WAKE = { score: 0, member: '0' } as const
/** BullMQ takes an id in `wait` that begins like this for a mark of an older BullMQ, and drops it. */
export const OLD_MARK = '0:'

/** The keys of a queue, by their last part. */
export function keysOf(names: QueueNames, queue: string): (part: string) => string {
  return (part) => bullKey(names, queue, part)
}
