/** How much of the quota is spent; the script that grants permits counts it, in slices of the period. */

import type { Redis } from '../redis/connections.ts'
import type { GateKeys } from '../redis/names.ts'
import { QUOTA_SLICES } from './permit-script.ts'

/** Calls in the period that ends at `at` (Redis' time, ms). */
export async function quotaSpent(redis: Redis, keys: GateKeys, periodMs: number, at: number): Promise<number> {
  const slice = Math.floor(at / (periodMs / QUOTA_SLICES))
  const counts = Object.entries(await redis.hgetall(keys.quota))
  const inPeriod = counts.filter(([number]) => Number(number) > slice - (QUOTA_SLICES + 1))
  return inPeriod.reduce((sum, [, count]) => sum + Number(count), 0)
}
