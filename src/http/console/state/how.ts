/** How the fleet is, in one word: what the first look is for. */

import { delayedOf } from '../../../fleet/sentence.ts'
import type { FleetStatus } from '../../../fleet/status.ts'

export type How = 'full' | 'held' | 'nobody' | 'paused' | 'slow' | 'works' | 'idle'

export const GOOD: Readonly<Record<How, 'good' | 'warn' | 'bad'>> = {
  ...{ full: 'bad', nobody: 'bad', held: 'warn', paused: 'warn', slow: 'warn' },
  ...{ works: 'good', idle: 'good' },
}

/** Lookups that gave up. */
export function deadOf({ queues: [lookups, interactive] }: FleetStatus): number {
  return (lookups?.jobs.failed ?? 0) + (interactive?.jobs.failed ?? 0)
}

export function howIs(status: FleetStatus): How {
  if (status.redis?.isFull) return 'full'
  if (status.members?.length === 0) return 'nobody'
  if (status.serviceProblem === null && status.holds.length > 0) return 'held'
  if (status.queues.some(({ isPaused }) => isPaused)) return 'paused'
  return howItGoes(status)
}

/** Where nothing is known that stops it. */
export function howItGoes(status: FleetStatus): 'idle' | 'slow' | 'works' {
  if (status.backlog === delayedOf(status)) return 'idle'
  return status.drainSeconds === null ? 'slow' : 'works'
}
