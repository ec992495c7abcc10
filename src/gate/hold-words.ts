/** Holds in words, for people who read them at night. */

import { iso } from '../clock.ts'
import { type Hold, type HoldReason, NOT_FOUND } from '../domain/hold.ts'

const CURES: Readonly<Record<HoldReason, string>> = {
  service: 'nothing, it ends by itself when the service answers',
  configuration:
    'check SOAP_ENDPOINT, credentials and certificates. It tries changed files at once; if you mended it elsewhere: chat-enricher release',
  results: 'have the results consumed, or raise RESULT_BACKLOG_LIMIT',
  quota: 'wait until the quota frees; or raise QUOTA_CALLS, restart the workers, then chat-enricher release',
  manual: 'chat-enricher release, when it is over',
}

/** What to do about it. */
export function cureOf({ reason, kind }: Pick<Hold, 'reason' | 'kind'>): string {
  const ifRight = ifItIsRight(kind)
  return ifRight === null ? CURES[reason] : `${CURES[reason]}; ${ifRight}`
}

function ifItIsRight(kind: string | null): string | null {
  if (kind === NOT_FOUND) return 'if it was really deleted: chat-enricher release'
  const [what, code] = kind?.split(':') ?? []
  if (what === 'fault') return 'if these lookups are really wrong: chat-enricher release'
  if (what !== 'code') return null
  return `if responseCode ${code} is right: chat-enricher release --accept-code ${code}, or set it in SOAP_NOT_FOUND_CODES`
}

/** Why the fleet holds, and what that has cost. */
export function whyInWords({ why, kind, suspectedSince, spent }: Hold): string {
  if (kind === null || suspectedSince === null || spent === 0) return why
  const lookups = spent === 1 ? '1 lookup has it as its' : `${spent} lookups have it as their`
  return `${why}; ${lookups} result, since ${iso(suspectedSince).slice(11, 19)} UTC`
}

/** One line: what holds, what to do, and when it goes on by itself. `at` is Redis' time. */
export function holdInWords(hold: Hold, at: number): string {
  const { reason, since } = hold
  return `HELD ${inWords(at - since)}, ${reason}: ${whyInWords(hold)}. Do: ${cureOf(hold)}.${endInWords(hold, at)}`
}

function endInWords({ reason, expiresAt, nextProbeAt }: Hold, at: number): string {
  if (nextProbeAt !== null) return ` Next try by itself in ${inWords(nextProbeAt - at)}.`
  // A hold for results is prolonged as long as it is needed: its end says nothing.
  return reason === 'results' ? '' : ` Ends by itself in ${inWords(expiresAt - at)}.`
}

/** What happens to one call that somebody makes by hand during a hold. */
export function heldCallInWords(holds: Hold[], at: number): string {
  const probeAt = Math.max(...holds.map(({ nextProbeAt }) => nextProbeAt ?? Number.POSITIVE_INFINITY))
  if (!Number.isFinite(probeAt)) return 'the fleet is held; this call is made when the hold is over'
  return `the fleet is held; this call is made as its next probe, in ${inWords(probeAt - at)}`
}

function inWords(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  if (seconds <= 120) return `${seconds} s`
  return seconds <= 7200 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3600)} h`
}
