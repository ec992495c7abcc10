/** Results of lookups that end without an answer to an attempt: invalid, expired, charged too often, poison. */

import { iso, now } from '../clock.ts'
import type { Failure } from '../domain/failure.ts'
import type { LookupHistory } from '../domain/history.ts'
import { echo, type Lookup, lookupSchema } from '../domain/lookup.ts'
import { type Result, type ResultSubject, resultOf } from '../domain/result.ts'
import type { RunEnd, TakenLookup } from './taken-lookup.ts'

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

export const UNREADABLE: Failure = invalid('job: expected data and options that are JSON, got something else')

export function invalid(problem: string): Failure {
  return { code: 'invalid', class: 'permanent', reason: 'internal', message: problem }
}

/** Who a result is about; `taken` how often the lookup was taken up. */
export interface About extends Omit<ResultSubject, 'calls' | 'attempts' | 'finishedAt'> {
  taken: number
}

export function aboutLookup({ taken, lookup }: { taken: TakenLookup; lookup: Lookup }): About {
  return {
    lookupId: lookup.lookupId,
    connectionId: lookup.connectionId,
    correlationId: lookup.correlationId ?? null,
    metadata: lookup.metadata ?? null,
    enqueuedAt: iso(lookup.enqueuedAt),
    taken: taken.taken,
  }
}

/** From what could be read of a lookup that is not one. */
export function aboutUnread(taken: TakenLookup): About {
  const data = (typeof taken.data === 'object' && taken.data !== null ? taken.data : {}) as Record<string, unknown>
  const metadata = lookupSchema.shape.metadata.safeParse(data.metadata)
  return {
    lookupId: taken.lookupId,
    connectionId: echo(data.connectionId),
    correlationId: echo(data.correlationId),
    metadata: metadata.data ?? null,
    enqueuedAt: iso(taken.enqueuedAt),
    taken: taken.taken,
  }
}

/** The last taking up was no attempt: it only ended the lookup. */
export function endWithout({ taken, ...about }: About, history: LookupHistory, failure: Failure): RunEnd {
  const { calls, idle } = history
  const subject = { ...about, calls, attempts: taken - idle - 1, finishedAt: iso(now()) }
  const status = failure.code === 'invalid' ? 'invalid' : 'failed'
  return { type: 'result', result: resultOf(subject, status, { failure }), failure }
}

/** The result of a lookup whose processing ended its process each time; it was not run the last time it was taken. */
export function poisoned(lookup: TakenLookup, { calls, idle }: LookupHistory): Result {
  const { taken, ...about } = aboutUnread(lookup)
  const attempts = Math.max(0, taken - idle - 1)
  return resultOf({ ...about, calls, attempts, finishedAt: iso(now()) }, 'failed', { failure: POISON })
}

/** The result of a job that was written by hand and cannot be read; nobody was asked. */
export function unreadable(lookup: TakenLookup): Result {
  const { taken: _times, ...about } = aboutUnread(lookup)
  return resultOf({ ...about, calls: 0, attempts: 0, finishedAt: iso(now()) }, 'invalid', { failure: UNREADABLE })
}
