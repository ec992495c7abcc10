/** Hold: the whole fleet stops calling for a while. */

export const HOLD_REASONS = ['service', 'configuration', 'results', 'quota', 'manual'] as const
export type HoldReason = (typeof HOLD_REASONS)[number]

/** One hold, as everybody in the fleet sees it. Times are Redis' (ms since 1970). */
export interface Hold {
  reason: HoldReason
  /** Our words; no text of the service. */
  why: string
  since: number
  /** When it ends by itself if nobody does anything; each probe that fails moves it on. */
  expiresAt: number
  /** When the next probe may go; null for holds that no probe can end. */
  nextProbeAt: number | null
  /** Probes that failed. */
  probes: number
  /** The refusal that is suspected to be everybody's, where it is held for that: `code:5`, `fault:Client`. */
  kind: string | null
}

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

/** Thrown to whoever wants to call while the fleet holds. */
export class Held extends Error {
  override name = 'Held'
  constructor() {
    super('the fleet holds its calls')
  }
}

/** What one call that has ended says about the service and about our configuration, to the whole fleet. */
export interface CallReport {
  /** The service answered, be it with a refusal; false: it failed in passing, or refused everybody. */
  answered: boolean
  /** What the answer looked like, where it matters when it is everybody's: `code:5`, `fault:Client`; else null. */
  kind: string | null
  /** The id that was asked for, where it was answered. */
  connectionId?: string
  /** It cannot be this lookup's fault; why. */
  configuration?: string
  /** How long the call took, ms: whether it began before a hold that is over by now. */
  tookMs?: number
  /** What the service asked us to wait, ms. */
  retryAfterMs?: number
  /** Of a lookup that has failed alone before: its failing again says nothing of the service. */
  ofSuspect?: boolean
}
