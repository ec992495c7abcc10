/** The one call that the fleet makes while it is held. */

import { randomBytes } from 'node:crypto'
import type { Holds } from './holds.ts'

export interface ProbeSettings {
  soapCallTimeoutMs: number
  /** Stamp of the credentials that calls are made with. */
  credentials: () => string
}

/** What a probe takes beyond its call: its turn, and the way. If its process dies, another may probe after this. */
const PROBE_MARGIN_MS = 5_000

/**
 * Claims the probe, has it made, and gives it back. Giving back does nothing if the fleet was told how the probe ended.
 * Null if no probe may be made now.
 */
export async function probe<T>(
  holds: Holds,
  { soapCallTimeoutMs, credentials }: ProbeSettings,
  make: (token: string) => Promise<T>,
): Promise<{ made: T } | null> {
  const token = randomBytes(8).toString('hex')
  if (!(await holds.claimProbe(token, soapCallTimeoutMs + PROBE_MARGIN_MS, credentials()))) return null
  try {
    return { made: await make(token) }
  } finally {
    await holds.giveProbeBack(token).catch(() => {}) // its life ends by itself
  }
}
