/**
 * What happens next after a failed call. Pure: all it knows is handed to it, and so is the chance in it.
 *
 *     permanent               give up: it will not be different next time
 *     permanent-after-retry   one more call, then give up
 *     transient               quick retries inside the attempt, then later attempts; whether one of them is charged is
 *                             decided when it is taken up again (charge.ts). A quick retry that the gate refuses is put off
 *                             to a later attempt, and this one is not charged
 *     configuration           hold: nobody's lookup pays for it
 */

import type { Failure, FailureReason } from '../domain/failure.ts'
import { backoff } from './backoff.ts'

export interface RetrySettings {
  /** Quick retries inside an attempt. */
  callRetries: number
  lookupBackoffMinMs: number
  lookupBackoffMaxMs: number
}

/** The history of this attempt and this lookup. */
export interface Standing {
  quickRetries: number
  /** What is left of LOOKUP_DEADLINE_MS. */
  leftMs: number
  /** Failed attempts in a row before this one. */
  failures: number
  /** The lookup has had the one retry of class permanent-after-retry. */
  retriedOnce: boolean
}

export type Verdict =
  | { type: 'retry-now'; delayMs: number }
  | { type: 'retry-later'; delayMs: number; mayBeCharged: boolean }
  | { type: 'hold'; delayMs: number }
  | { type: 'give-up'; status: 'rejected' | 'failed' }

/** Whether a connection can be made does not depend on the lookup; it may depend on the machine that calls. */
const NOBODY_WAS_ASKED: FailureReason[] = ['connect', 'dns']
const QUICK_BACKOFF_MIN_MS = 100
const QUICK_BACKOFF_MAX_MS = 1000

/** `random` gives numbers from 0 to below 1. */
export function decide(
  failure: Failure,
  standing: Standing,
  settings: RetrySettings,
  random: () => number = Math.random,
): Verdict {
  switch (failure.class) {
    case 'permanent':
      return { type: 'give-up', status: 'rejected' }
    case 'configuration':
      return { type: 'hold', delayMs: later(failure, standing.failures, settings, random) }
    case 'permanent-after-retry':
      if (standing.retriedOnce) return { type: 'give-up', status: 'failed' }
      return quick(failure, standing, settings, random) ?? goBack(failure, standing, settings, random)
    case 'transient':
      return quick(failure, standing, settings, random) ?? goBack(failure, standing, settings, random)
  }
}

function quick(
  failure: Failure,
  { quickRetries, leftMs }: Standing,
  { callRetries }: RetrySettings,
  random: () => number,
): Verdict | null {
  // If the service asks to wait, the whole fleet does, and no lookup waits in a worker meanwhile.
  if (quickRetries >= callRetries || failure.retryAfterMs) return null
  const delayMs = backoff(QUICK_BACKOFF_MIN_MS, QUICK_BACKOFF_MAX_MS, quickRetries, random)
  return delayMs < leftMs ? { type: 'retry-now', delayMs } : null
}

/** The failure asked for a quick retry, and the gate has refused that: first calls wait. */
export function putOff(failure: Failure, failures: number, settings: RetrySettings, random = Math.random): Verdict {
  return { type: 'retry-later', delayMs: later(failure, failures, settings, random), mayBeCharged: false }
}

function goBack(failure: Failure, standing: Standing, settings: RetrySettings, random: () => number): Verdict {
  return {
    type: 'retry-later',
    delayMs: later(failure, standing.failures, settings, random),
    // A failure of class permanent-after-retry is the lookup's own, so it is not charged as an attempt.
    mayBeCharged: failure.class === 'transient' && !NOBODY_WAS_ASKED.includes(failure.reason),
  }
}

function later(failure: Failure, failures: number, settings: RetrySettings, random: () => number): number {
  const { lookupBackoffMinMs, lookupBackoffMaxMs } = settings
  return Math.max(backoff(lookupBackoffMinMs, lookupBackoffMaxMs, failures, random), failure.retryAfterMs ?? 0)
}
