/** What a run of a lookup starts from. */

import { now } from '../clock.ts'
import { problemOfMetadata } from '../domain/exact-json.ts'
import type { Lane } from '../domain/lane.ts'
import type { Delivery } from '../domain/lookup.ts'
import { END_FIELD, type LookupIdentity, REDRIVE_FIELD, REDRIVEN_AT_FIELD } from '../redis/names.ts'
import { bytesInstead } from './bounded-reads.ts'
import { FIELDS } from './bull-layout.ts'
import { type StoredJob, tooLarge } from './stored-jobs.ts'

/** A lookup job as it was taken from the queue. None of its contents has been checked. */
export interface TakenLookup extends LookupIdentity {
  lane: Lane
  name: string
  data: unknown
  /** Why it is no lookup, whatever its data says; null: it may be one. */
  problem: string | null
  /** When it was put on the queue: enqueued, or put back after it had ended. 0: it does not say. */
  askedAt: number
  /** The delay that its producer asked for. */
  askedDelayMs: number
  /** How often it was taken up, this time included. */
  taken: number
  /** How often its process died, or lost it. */
  stalls: number
  /** It is a dead letter that somebody put back by BullMQ's own means (retried.ts); null: it is none. */
  retried: 'yes' | 'perhaps' | null
}

/** From the second stall on, the lookup may be what kills its process. */
export function isSuspect({ stalls }: Pick<TakenLookup, 'stalls'>): boolean {
  return stalls >= 2
}

/** Milliseconds since it was put on the queue; 0 if it does not say when that was. */
export function ageOf({ askedAt }: Pick<TakenLookup, 'askedAt'>): number {
  return askedAt === 0 ? 0 : Math.max(0, now() - askedAt)
}

/** Where its result goes, as far as its data can be read, whatever else may be wrong with that. */
export function deliveryOf({ data }: Pick<TakenLookup, 'data'>): Delivery {
  return (data as { deliver?: unknown } | null | undefined)?.deliver === 'wait' ? 'wait' : 'queue'
}

/** The parts of a BullMQ job that are read. */
interface QueuedJob {
  id?: string | undefined
  queueName: string
  name: string
  data: unknown
  problem?: string | null | undefined
  redriven?: Redriven | undefined
  retried?: TakenLookup['retried'] | undefined
  timestamp: number
  opts: { delay?: number | undefined }
  attemptsStarted: number
  stalledCounter: number
}

export function takenFrom(job: QueuedJob, lane: Lane): TakenLookup {
  const { enqueuedAt, redrive, askedAt, askedDelayMs } = timesOf(job.timestamp, job.opts, job.redriven)
  return {
    lookupId: job.id ?? '',
    queue: job.queueName,
    lane,
    enqueuedAt,
    redrive,
    askedAt,
    askedDelayMs,
    name: job.name,
    data: job.data,
    problem: job.problem ?? null,
    taken: job.attemptsStarted,
    stalls: job.stalledCounter,
    retried: job.retried ?? null,
  }
}

export interface Redriven {
  redrive: number
  /** 0: never. */
  at: number
}

/** From the fields of a job's hash. */
export function redrivenFrom(fields: Readonly<Record<string, unknown>>): Redriven {
  const redrive = Number(fields[REDRIVE_FIELD] ?? 0)
  if (!Number.isSafeInteger(redrive) || redrive <= 0) return { redrive: 0, at: 0 }
  return { redrive, at: plausibleTime(Number(fields[REDRIVEN_AT_FIELD] ?? 0)) }
}

/** From a job as it was handed out, and our fields of it. */
export function retriedFrom(
  { failedReason, attemptsMade }: { failedReason?: string; attemptsMade: number },
  own: Readonly<Record<string, unknown>>,
): TakenLookup['retried'] {
  if (failedReason !== undefined) return null
  if (own[END_FIELD] !== undefined) return 'yes'
  return attemptsMade > 0 ? 'perhaps' : null
}

/** A delay that its producer asked for was over before it could be put back. */
function timesOf(timestamp: unknown, options: { delay?: unknown } | null | undefined, redriven?: Redriven) {
  const enqueuedAt = plausibleTime(timestamp)
  if (redriven && redriven.at > 0)
    return { enqueuedAt, redrive: redriven.redrive, askedAt: redriven.at, askedDelayMs: 0 }
  const askedDelayMs = Math.max(0, Number(options?.delay) || 0)
  return { enqueuedAt, redrive: redriven?.redrive ?? 0, askedAt: enqueuedAt, askedDelayMs }
}

/** Who a stored job is, as whoever takes it up sees it. */
export function identityOf({ id, queue, fields }: StoredJob): LookupIdentity {
  const enqueuedAt = plausibleTime(Number.parseInt(fields[FIELDS.timestamp] ?? '', 10))
  return { lookupId: id, queue, enqueuedAt, redrive: redrivenFrom(fields).redrive }
}

/** A job that nobody was handed: what of it can be read. */
export function takenStored(job: StoredJob, lane: Lane): TakenLookup {
  const { fields } = job
  const count = (field: string) => Math.max(0, Number.parseInt(fields[field] ?? '', 10) || 0)
  const options = parsed(fields[FIELDS.options]) as { delay?: unknown } | null | undefined
  return {
    ...identityOf(job),
    lane,
    ...timesOf(Number.parseInt(fields[FIELDS.timestamp] ?? '', 10), options, redrivenFrom(fields)),
    name: fields[FIELDS.name] ?? '',
    data: parsed(fields[FIELDS.data]),
    problem: problemOfData(fields[FIELDS.data] ?? ''),
    taken: count(FIELDS.taken),
    stalls: count(FIELDS.stalls),
    retried: null,
  }
}

/** Why a job with this data is no lookup; the text is what BullMQ handed out. Null: it may be one. */
export function problemOfData(text: string): string | null {
  const bytes = bytesInstead(text)
  if (bytes !== null) return tooLarge(bytes)
  try {
    return problemOfMetadata(text)
  } catch {
    return 'data: expected JSON, got something else'
  }
}

function parsed(text: string | null | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return null
  }
}

/** Producers write anything here, such as seconds or nothing. 0 if it is no time of this millennium. */
function plausibleTime(timestamp: unknown): number {
  return typeof timestamp === 'number' && timestamp > 1e12 && timestamp < 8.64e15 ? Math.floor(timestamp) : 0
}
