/** What somebody has changed by hand, and is still so: for whoever wonders at night why the fleet does what it does. */

import type { Hold } from '../domain/hold.ts'
import type { AcceptedCode, PaceSet } from '../gate/holds.ts'
import type { LimitSet } from '../gate/limits.ts'
import type { QueueState } from '../queues/queue-state.ts'

/** `queue-paused`: by a tool of others, as a board of BullMQ; nobody knows by whom. */
export type ByHandKind = 'hold' | 'pace' | 'limit' | 'accept-code' | 'queue-paused'

export interface ByHandSet {
  what: ByHandKind
  /** Which limit, code or queue; of a hold its reason in words; of a pace, which part. */
  which: string
  /** Of a limit, null: none; of all others null. */
  value: number | null
  /** Null: nobody knows. */
  who: string | null
  /** Redis' time, ms; null: nobody knows. */
  since: number | null
  /** What ends it; null: there is no command for that. */
  cure: string | null
}

const RELEASE = 'chat-enricher release'

export function gateByHand(
  holds: readonly Hold[],
  pace: PaceSet | null,
  limits: readonly LimitSet[],
  accepted: readonly AcceptedCode[],
): ByHandSet[] {
  const none = { value: null, cure: RELEASE }
  return [
    ...holds
      .filter(({ reason }) => reason === 'manual')
      .map(({ why, by, since }) => ({ what: 'hold' as const, which: why, who: by, since, ...none })),
    ...(pace ? [{ what: 'pace' as const, which: `${pace.share}`, who: pace.who, since: pace.since, ...none }] : []),
    ...limits.map(({ name, value, who, since }) => {
      return { what: 'limit' as const, which: name, value, who, since, cure: 'chat-enricher limit --reset' }
    }),
    ...accepted.map(({ code, who, since }) => {
      return { what: 'accept-code' as const, which: `${code}`, value: null, who, since, cure: null }
    }),
  ]
}

export function queuesByHand(queues: readonly Pick<QueueState, 'queue' | 'isPaused'>[]): ByHandSet[] {
  return queues
    .filter(({ isPaused }) => isPaused)
    .map(({ queue }) => {
      return { what: 'queue-paused', which: queue, value: null, who: null, since: null, cure: "BullMQ's Queue#resume" }
    })
}
