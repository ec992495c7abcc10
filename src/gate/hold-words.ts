/** Holds in words, for people. */

import type { Hold, HoldReason } from '../domain/hold.ts'

const CURES: Readonly<Record<HoldReason, string>> = {
  service: 'ends by itself when the service answers a probe',
  configuration:
    'correct SOAP_ENDPOINT, the credentials or the certificates; changed files are tried at once, else a probe tells',
  results: 'have the results consumed, or raise RESULT_BACKLOG_LIMIT',
  quota: 'ends by itself when the quota frees; or raise QUOTA_CALLS, restart the workers, then chat-enricher release',
  manual: 'chat-enricher release ends it',
}

/** What ends it. */
export function cureOf({ reason, kind }: Pick<Hold, 'reason' | 'kind'>): string {
  return kind === null ? CURES[reason] : `${CURES[reason]}; ${ifRight(kind)}`
}

function ifRight(kind: string): string {
  const [what, code] = kind.split(':')
  return what === 'code'
    ? `if responseCode ${code} is right: chat-enricher release --accept-code ${code}, or set it in SOAP_NOT_FOUND_CODES`
    : 'if these lookups are really wrong: chat-enricher release'
}

/** One line: what holds, and what ends it. `at` is Redis' time. */
export function holdInWords(hold: Hold, at: number): string {
  const { reason, why, since, expiresAt, nextProbeAt } = hold
  const ends = `ends in ${inWords(expiresAt - at)} at the latest; `
  // A hold for results is prolonged as long as it is needed: its end says nothing.
  const next = nextProbeAt !== null ? `next probe in ${inWords(nextProbeAt - at)}; ` : reason === 'results' ? '' : ends
  return `held (${reason}) for ${inWords(at - since)}: ${why}; ${next}${cureOf(hold)}`
}

function inWords(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  if (seconds <= 120) return `${seconds} s`
  return seconds <= 7200 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3600)} h`
}
