/** A lookup as whoever searches the queues finds it: what its own job says of it, whatever its data looks like. */

import { attemptsOf, readHistory } from '../domain/history.ts'
import type { Lane } from '../domain/lane.ts'
import { echo } from '../domain/lookup.ts'
import type { LookupState, Selectable } from '../domain/selection.ts'
import { HISTORY_FIELD } from '../redis/names.ts'
import { dueAt, FIELDS, type Place, PRIORITY_SCORE } from './bull-layout.ts'
import { ENDED_FIELDS, type KeptEnd, readEnd } from './kept-end.ts'
import { redrivenFrom } from './taken-lookup.ts'
import type { WalkedJob } from './walk.ts'

export interface FoundLookup extends Selectable {
  lookupId: string
  /** The name of its queue. */
  queue: string
  place: Place
  /** Times are ms since 1970; null: it has none, or it does not say. */
  enqueuedAt: number | null
  startedAt: number | null
  endedAt: number | null
  dueAt: number | null
  priority: number | null
  /** Lookups before it in the list of those that wait; null: it does not lie there. */
  behind: number | null
  calls: number | null
  attempts: number | null
  /** Attempts that failed, those of them that count towards giving up, and times that it was not found. */
  failures: number
  charged: number
  rechecks: number
  /** How often it was put back after it had ended. */
  redrive: number
  /** Our words for its failure. */
  message: string | null
}

export const STATE_OF: Readonly<Record<Place, LookupState>> = {
  wait: 'waiting',
  paused: 'waiting',
  prioritized: 'waiting',
  'waiting-children': 'waiting',
  delayed: 'delayed',
  active: 'active',
  failed: 'dead',
  completed: 'finished',
}

/** `at`: Redis' clock, ms. */
export function foundLookup(job: WalkedJob, lane: Lane, at: number): FoundLookup {
  const { fields, place } = job
  const [enqueuedAt, startedAt] = [timeIn(fields[FIELDS.timestamp]), timeIn(fields[FIELDS.processedOn])]
  const state = STATE_OF[place]
  const hasEnded = state === 'dead' || state === 'finished'
  const endedAt = hasEnded ? timeIn(fields[FIELDS.finishedOn]) : null
  const { redrive, at: redrivenAt } = redrivenFrom(fields)
  const since = hasEnded ? endedAt : redrivenAt || enqueuedAt
  return {
    lookupId: job.id,
    queue: job.queue,
    lane,
    place,
    state,
    ...asked(fields[FIELDS.data]),
    enqueuedAt,
    startedAt,
    endedAt,
    ageMs: since === null ? null : Math.max(0, at - since),
    dueAt: place === 'delayed' ? dueAt(Number(job.at)) : null,
    priority: place === 'prioritized' ? Math.floor(Number(job.at) / PRIORITY_SCORE) : null,
    behind: place === 'wait' ? Number(job.at) - 1 : null,
    redrive,
    ...(hasEnded ? endOf(job) : soFar(job)),
  }
}

type Asked = Pick<FoundLookup, 'connectionId' | 'correlationId' | 'producer'>

/** What can be read of it; a lookup that is no valid one has these, too. */
function asked(data: string | null | undefined): Asked {
  const { connectionId, correlationId, producer } = parsed(data)
  return { connectionId: echo(connectionId), correlationId: echo(correlationId), producer: echo(producer) }
}

type Counts = 'calls' | 'attempts' | 'failures' | 'charged' | 'rechecks'
type Cause = 'failure' | 'fault' | 'httpStatus' | 'responseCode' | 'message' | 'result'
type Ways = Pick<FoundLookup, Counts | Cause>

function soFar({ fields }: WalkedJob): Ways {
  const history = readHistory(fields[HISTORY_FIELD])
  const { lastFailure, calls, failures, charged, rechecks } = history
  return {
    calls,
    attempts: attemptsOf(history, Number(fields[FIELDS.taken] ?? 0) || 0),
    failures,
    charged,
    rechecks,
    failure: lastFailure?.code ?? null,
    fault: lastFailure?.soapFaultCode ?? null,
    httpStatus: lastFailure?.httpStatus ?? null,
    responseCode: lastFailure?.responseCode ?? null,
    message: lastFailure?.message ?? null,
    result: null,
  }
}

function endOf(job: WalkedJob): Ways {
  const { failures, charged, rechecks } = soFar(job)
  const kept: Partial<KeptEnd> = readEnd(ENDED_FIELDS.map((field) => job.fields[field])) ?? {}
  return {
    calls: kept.calls ?? null,
    attempts: kept.attempts ?? null,
    failures,
    charged,
    rechecks,
    failure: kept.code ?? null,
    fault: kept.fault ?? null,
    httpStatus: kept.httpStatus ?? null,
    responseCode: kept.responseCode ?? (kept.status === 'enriched' ? 0 : null),
    message: kept.message ?? null,
    result: kept.status ?? (job.place === 'failed' ? 'failed' : null),
  }
}

function parsed(text: string | null | undefined): Record<string, unknown> {
  try {
    return Object(JSON.parse(text ?? '')) as Record<string, unknown>
  } catch {
    return {}
  }
}

/** Producers write anything for a time. */
function timeIn(text: string | null | undefined): number | null {
  const ms = Number(text || Number.NaN)
  return ms > 1e12 && ms < 8.64e15 ? Math.floor(ms) : null
}
