/** How many workers the fleet should have: for an autoscaler, and for whoever asks why there are so many. */

import type { Limits } from '../gate/limits.ts'

export interface ScalingFacts {
  /** Lookups that wait to be taken, and those in hand. */
  backlog: number
  /** Null `callMs`: it has called nobody yet. */
  members: readonly { concurrency: number; callMs?: number | null }[]
  limits: Pick<Limits, 'rate' | 'inFlight'>
  isHeld: boolean
  targetMs: number
}

/** Taken for a lookup's calls until some were made. */
const GUESSED_CALL_MS = 500
/** Slots of a worker before one has said how many it has. */
const USUAL_SLOTS = 32
/** What one process manages where the service is very quick. */
const MOST_PER_SECOND = 500

/**
 * Workers that would drain the backlog within the target, and no more than the limits can feed. 0 while nothing waits; while
 * the fleet is held no more than there are, because new ones would only wait, too.
 */
export function desiredWorkers({ backlog, members, limits, isHeld, targetMs }: ScalingFacts): number {
  if (backlog === 0) return 0
  const slots = mean(members.map(({ concurrency }) => concurrency)) ?? USUAL_SLOTS
  const callMs = mean(members.flatMap(({ callMs }) => callMs ?? [])) ?? GUESSED_CALL_MS
  const perWorker = Math.min(MOST_PER_SECOND, (slots * 1000) / Math.max(1, callMs))
  const toDrain = backlog / (targetMs / 1000) / perWorker
  const fed = Math.min((limits.rate ?? Number.POSITIVE_INFINITY) / perWorker, (limits.inFlight ?? Infinity) / slots)
  const wanted = Math.max(1, Math.ceil(Math.min(toDrain, fed)))
  return isHeld ? Math.min(wanted, Math.max(1, members.length)) : wanted
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
}
