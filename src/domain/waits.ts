/** Why a lookup waits, as data. */

import type { HoldReason } from './hold.ts'

/**
 * turn: for those before it. time: until it is due. flow: for the jobs that it was to wait for. unpause: its queue is paused.
 * release: the fleet holds.
 */
export const WAITS_FOR = ['turn', 'time', 'flow', 'unpause', 'release'] as const

export interface Waits {
  for: (typeof WAITS_FOR)[number]
  /** What the fleet holds for. */
  holds: HoldReason[]
  /** Lookups that go before it; null: not known. */
  behind: number | null
  /** What its delay is for: a failure, an answer that was not found yet, or its producer asked for it. */
  after: 'failure' | 'recheck' | 'asked' | null
}
