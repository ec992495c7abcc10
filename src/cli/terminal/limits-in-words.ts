/** Limits and the quota, for people. */

import type { Limits } from '../../fleet/fleet-control.ts'
import { counted, number, seconds } from './terminal.ts'

export const LIMITS = [
  ['rate', 'rate'],
  ['burst', 'burst'],
  ['inFlight', 'in flight'],
] as const

export function limitInWords(name: keyof Limits, limit: number | null | undefined): string {
  if (limit === null || limit === undefined) return 'none'
  return name === 'rate' ? `${number.format(limit)} calls/s` : counted(limit, 'call')
}

export function quotaInWords({ calls, periodMs, spent }: { calls: number; periodMs: number; spent: number }): string {
  return `${counted(calls, 'call')} in ${seconds(periodMs)}, ${number.format(spent)} spent`
}
