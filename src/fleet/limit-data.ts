/** What `limit --json` and the API say of the fleet's limits. */

import type { ByHandSet } from './by-hand.ts'
import type { Limits } from './fleet-control.ts'
import type { FleetWork, GateStatus } from './status.ts'

export interface LimitData {
  /** By hand, for every process. */
  set: Partial<Limits>
  /** What each would keep to by itself. */
  workers: ({ host: string; pid: number } & Limits)[]
  quota: GateStatus['quota']
  pace: GateStatus['pace']
  byHand: ByHandSet[]
}

export function limitData({ limitsSet, members, quota, pace, byHand }: FleetWork & GateStatus): LimitData {
  const workers = (members ?? []).map(({ host, pid, limits }) => ({ host, pid, ...limits }))
  return { set: limitsSet, workers, quota, pace, byHand: byHand.filter(isOfLimits) }
}

export function isOfLimits({ what }: ByHandSet): boolean {
  return what === 'limit' || what === 'pace'
}
