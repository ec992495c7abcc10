/** What so many calls take at the limits in force. */

import type { FleetStatus } from './status.ts'

export interface CallsCost {
  /** Calls a second of the fleet; null: no limit, or nobody knows it because no worker runs. */
  perSecond: number | null
  /** Hours at that pace, before retries; null where there is none. */
  hours: number | null
  /** Lookups that wait already, and come before. */
  backlog: number
  /** How much of the quota they are, and what is left of it now; null: there is none. */
  quota: { share: number; calls: number; left: number } | null
  /** What is kept for the interactive lane while any lookup waits there; null: not known, or none. */
  interactiveKeeps: { share: number; perSecond: number } | null
}

const HOUR_MS = 3_600_000

export function costOf(calls: number, status: FleetStatus): CallsCost {
  const perSecond = paceOf(status)
  const quota = status.serviceProblem === null ? status.quota : null
  const share = Math.min(...(status.members ?? []).map(({ interactiveShare = Infinity }) => interactiveShare))
  return {
    perSecond,
    hours: perSecond === null ? null : ((calls / perSecond) * 1000) / HOUR_MS,
    backlog: status.backlog,
    quota: quota && { share: calls / quota.calls, calls: quota.calls, left: Math.max(0, quota.calls - quota.spent) },
    interactiveKeeps:
      perSecond === null || !Number.isFinite(share) || share === 0 ? null : { share, perSecond: perSecond * share },
  }
}

/** The strictest, where workers have different ones. */
function paceOf(status: FleetStatus): number | null {
  if (status.serviceProblem !== null) return null
  const rate = Math.min(...status.limits.rate.values.map((value) => value ?? Number.POSITIVE_INFINITY))
  return Number.isFinite(rate) ? rate * (status.pace?.share ?? 1) : null
}
