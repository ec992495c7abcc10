/** Results of lookups that end without an answer to an attempt: invalid, expired, charged too often, poison. */

import { iso, now } from '../clock.ts'
import type { Failure } from '../domain/failure.ts'
import { afterNothing, attemptsOf, type LookupHistory } from '../domain/history.ts'
import { echo, type Lookup, lookupSchema } from '../domain/lookup.ts'
import { type Result, type ResultSubject, resultOf } from '../domain/result.ts'
import { rounded } from '../domain/timing.ts'
import type { TakenLookup } from './taken-lookup.ts'

export const EXPIRED: Failure = {
  code: 'expired',
  class: 'permanent',
  reason: 'internal',
  message: 'expected an answer before the lookup expired, got none in time',
}

export const POISON: Failure = {
  code: 'poison',
  class: 'permanent',
  reason: 'internal',
  message: 'expected the lookup to be run to its end, but its process died or lost it each time',
}

export const FAILED_UNRUN: Failure = {
  ...POISON,
  message: 'expected the lookup to be run to its end, but something else than a worker of ours failed it',
}

export const CHILD_FAILED: Failure = {
  code: 'cancelled',
  class: 'permanent',
  reason: 'internal',
  message: 'expected the jobs that it waited for (its children in a flow) to complete, but one failed',
}

export const CANCELLED: Failure = {
  ...CHILD_FAILED,
  message: 'expected the lookup to be run, but it was cancelled by hand before that',
}

export function invalid(problem: string): Failure {
  return { code: 'invalid', class: 'permanent', reason: 'internal', message: problem }
}

/** A result, and the failure if it has one. */
export interface LookupEnd {
  result: Result
  failure?: Failure
}

/** Which lookup a result is about; `taken`: how often the lookup was taken up. */
export interface About extends Omit<ResultSubject, 'calls' | 'attempts' | 'finishedAt' | 'timing'> {
  taken: number
  /** When it was enqueued, or put back after its end, ms; 0: it does not say. */
  askedAt: number
}

export function aboutLookup({ taken, lookup }: { taken: TakenLookup; lookup: Lookup }): About {
  return {
    lookupId: lookup.lookupId,
    connectionId: lookup.connectionId,
    correlationId: lookup.correlationId ?? null,
    producer: lookup.producer ?? null,
    metadata: lookup.metadata ?? null,
    traceparent: lookup.traceparent,
    enqueuedAt: iso(lookup.enqueuedAt),
    redrive: taken.redrive,
    taken: taken.taken,
    askedAt: taken.askedAt,
  }
}

/** From what could be read of a job that is no lookup. */
export function aboutUnread(taken: TakenLookup): About {
  const data = (typeof taken.data === 'object' && taken.data !== null ? taken.data : {}) as Record<string, unknown>
  const metadata = lookupSchema.shape.metadata.safeParse(data.metadata)
  return {
    lookupId: taken.lookupId,
    connectionId: echo(data.connectionId),
    correlationId: echo(data.correlationId),
    producer: echo(data.producer),
    metadata: taken.problem === null ? (metadata.data ?? null) : null,
    enqueuedAt: iso(taken.enqueuedAt),
    redrive: taken.redrive,
    taken: taken.taken,
    askedAt: taken.askedAt,
  }
}

/** The subject of a result that is made now, for a lookup with this history. */
export function subjectOf(about: About, history: LookupHistory): ResultSubject {
  const { lookupId, connectionId, correlationId, producer, metadata, traceparent, enqueuedAt, redrive } = about
  const { taken, askedAt } = about
  const { calls } = history
  const at = now()
  const timing = rounded(history.timing, askedAt === 0 ? Number.POSITIVE_INFINITY : at - askedAt)
  const [attempts, finishedAt] = [attemptsOf(history, taken), iso(at)]
  return {
    lookupId,
    connectionId,
    correlationId,
    producer,
    metadata,
    traceparent,
    enqueuedAt,
    redrive,
    finishedAt,
    calls,
    attempts,
    timing,
  }
}

/** The lookup was taken up once more, only to be ended. */
export function endWithout(about: About, history: LookupHistory, failure: Failure): Required<LookupEnd> {
  const status = failure.code === 'invalid' ? 'invalid' : 'failed'
  return { result: resultOf(subjectOf(about, afterNothing(history)), status, { failure }), failure }
}
