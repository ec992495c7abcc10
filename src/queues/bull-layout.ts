/**
 * What we know of BullMQ's inside: where a job can lie, the fields of its hash, and how scores are made. It is written
 * here alone, and test/queues/bull-layout.test.ts asks the installed BullMQ, so that an upgrade that changes any of it
 * fails there.
 *
 * The other back doors into BullMQ: bull-add.ts has a script of ours add a job by BullMQ's own text, lookup-taker.ts stands
 * in for methods of its Worker.
 */

import { bullKey, type QueueNames } from '../redis/names.ts'

/** Redis lists that hold job ids. `paused` is filled by BullMQ 5 and older alone; BullMQ 6 empties it at `resume`. */
export const LISTS = ['wait', 'paused', 'active'] as const
/** Redis sorted sets that hold job ids. */
export const SORTED_SETS = ['prioritized', 'delayed', 'completed', 'failed', 'waiting-children'] as const
/** Every place where a job can lie. What has a hash and lies in none of them, no worker will ever find. */
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
/** Fields of `meta` of BullMQ's own limits of a queue: setGlobalRateLimit's two, and setGlobalConcurrency's. */
export const LIMIT_FIELDS = ['max', 'duration', 'concurrency'] as const

/** What stands behind a job's key in the keys that are its own. */
export const LOCK = ':lock'
export const UNSUCCESSFUL_CHILDREN = ':unsuccessful'
export const OF_A_JOB = [LOCK, ':logs', ':dependencies', ':processed', ':failed', UNSUCCESSFUL_CHILDREN] as const

/** The fields of a job's hash that we read or write. */
export const FIELDS = {
  name: 'name',
  data: 'data',
  options: 'opts',
  timestamp: 'timestamp',
  processedOn: 'processedOn',
  finishedOn: 'finishedOn',
  failedReason: 'failedReason',
  returned: 'returnvalue',
  /** Times it was taken up. */
  taken: 'ats',
  /** Attempts that BullMQ counts; we keep a count of our own. */
  attempts: 'atm',
  /** Times it was found without its lock. */
  stalls: 'stc',
  /** Why it fails as soon as it is taken up. */
  deferredFailure: 'defa',
  deduplicationId: 'deid',
} as const

/** Fields that BullMQ's scripts count up: anything but an integer there stops the script half way. */
export const COUNTED_FIELDS = [FIELDS.taken, FIELDS.attempts, FIELDS.stalls] as const

/** The score of a delayed job is the time at which it is due, in ms, times this; what is left is a counter. */
export const DELAYED_SCORE = 0x1000
/** The score of a prioritized job is its priority times this, and a counter. */
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
/** An id that begins so is taken for a mark of an older BullMQ where it lies in `wait`, and dropped. */
export const OLD_MARK = '0:'

/** The keys of a queue, by their last part. */
export function keysOf(names: QueueNames, queue: string): (part: string) => string {
  return (part) => bullKey(names, queue, part)
}
