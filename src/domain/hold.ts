/** Hold: the whole fleet stops calling for a while. */

export const HOLD_REASONS = ['service', 'configuration', 'results', 'quota', 'manual'] as const
export type HoldReason = (typeof HOLD_REASONS)[number]

/** One hold, as it lies in Redis. Times are Redis' (ms since 1970). */
export interface HoldRecord {
  /** Our words; no text of the service. */
  why: string
  since: number
  /** When it ends by itself if nobody does anything. Each failed probe moves this on. */
  expiresAt: number
  /** When the next probe may be made; missing if no probe can end this hold. */
  nextProbeAt?: number
  /** Probes that failed. */
  probes: number
  /** The kind of answer (CallReport) that is suspected to be everybody's, where it is held for that. */
  kind?: string
  /** Since when, and how many lookups had it as their final result before the fleet held. */
  suspectedSince?: number
  spent?: number
  /** Who holds by hand. */
  by?: string
  /** Token of the probe that is on its way, and until when it is believed to be. */
  token?: string
  tokenUntil?: number
  /** Stamp of the credentials that were refused. */
  credentials?: string
  /** Stamps of other credentials that this hold was probed with; and those before the probe that is on its way. */
  tried?: string
  triedBefore?: string
}

/** One hold, as everybody in the fleet sees it. */
export interface Hold extends Pick<HoldRecord, 'why' | 'since' | 'expiresAt' | 'probes'> {
  reason: HoldReason
  /** Null for holds that no probe can end. */
  nextProbeAt: number | null
  kind: string | null
  suspectedSince: number | null
  spent: number
  /** Who holds by hand; null where nobody does, or it began before that was kept. */
  by: string | null
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
  /**
   * The service answered, also if it refused this lookup. False: the call failed in a way that may pass, or refused
   * everybody.
   */
  answered: boolean
  /** The answer's kind, if it would matter were it everybody's: `code:5`, `fault:Client`; else null. */
  kind: string | null
  /** What came with that kind: the description of a code, or what was read instead of what. */
  says?: string
  /** The connection id, if the call was answered. */
  connectionId?: string
  /** How the call failed, in a few words: `HTTP 503`, `timeout`. */
  how?: string
  /** Set if the failure cannot be this lookup's: why. */
  configuration?: string
  /** How long the call took, ms. It tells whether the call began before a hold that is over by now. */
  tookMs?: number
  /** How long the service asked us to wait, ms. */
  retryAfterMs?: number
  /** The lookup has failed by itself before, so its failing again says nothing about the service. */
  ofTroubled?: boolean
}

/** The kind of an empty answer. */
export const NOT_FOUND = 'not-found' as const

/** Whether the answer could not be read. If everybody's cannot, in the same way, that is the service's fault. */
export function isUnread({ kind }: Pick<CallReport, 'kind'>): boolean {
  return kind?.startsWith('read:') ?? false
}
