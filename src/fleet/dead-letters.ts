/** Dead letters: the lookups that gave up, in groups by cause. */

import { iso } from '../clock.ts'
import type { FoundLookup, Selected } from './selected.ts'

/** Those that gave up for one cause; null: it does not say, or had none. */
export interface DeadLetterGroup {
  failure: string | null
  fault: string | null
  httpStatus: number | null
  count: number
  /** When the first and the last of them gave up, ISO 8601, UTC. */
  firstAt: string | null
  lastAt: string | null
  /** Those of them that had been put back, and gave up again. */
  failedAgain: number
}

export interface DeadLetters {
  /** The largest first. */
  groups: DeadLetterGroup[]
  looked: number
  /** Of these: too large or broken. */
  unread: number
}

export interface LookOptions {
  signal?: AbortSignal | undefined
  onLooked?: ((looked: number) => void) | undefined
}

/** Of those that are selected. Rejects when Redis fails, and with the signal's reason. */
export async function readDeadLetters(
  selected: Selected,
  { signal, onLooked }: LookOptions = {},
): Promise<DeadLetters> {
  const groups = new Map<string, DeadLetterGroup>()
  const seen = { looked: 0, unread: 0 }
  for await (const { lookups, looked, unread } of selected.all(signal)) {
    for (const lookup of lookups) count(groups, lookup)
    seen.looked += looked
    seen.unread += unread
    onLooked?.(seen.looked)
  }
  return { groups: [...groups.values()].toSorted((a, b) => b.count - a.count), ...seen }
}

function count(
  groups: Map<string, DeadLetterGroup>,
  { failure, fault, httpStatus, endedAt, redrive }: FoundLookup,
): void {
  const cause = JSON.stringify([failure, fault, httpStatus])
  const none = { failure, fault, httpStatus, count: 0, firstAt: null, lastAt: null, failedAgain: 0 }
  const group = groups.get(cause) ?? none
  groups.set(cause, group)
  group.count++
  if (redrive > 0) group.failedAgain++
  if (endedAt === null) return
  const at = iso(endedAt)
  if (group.firstAt === null || at < group.firstAt) group.firstAt = at
  if (group.lastAt === null || at > group.lastAt) group.lastAt = at
}
