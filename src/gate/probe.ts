/** The one call that the fleet makes while it holds. */

import { randomBytes } from 'node:crypto'
import type { Holds } from './holds.ts'

export interface ProbeSettings {
  soapCallTimeoutMs: number
  /** Stamp of the credentials that calls are made with. */
  credentials: () => string
}

/** Beside the call: its turn, and the way. If its process dies, another may probe after so long. */
const PROBE_MARGIN_MS = 5_000

/**
 * Claims the probe, has it made, and gives it back; that does nothing if the fleet was told what the probe came to. Null
 * where no probe may go now.
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
