/** When the backlog will be gone. */

import type { QueueState } from '../queues/queue-state.ts'

type Backlog = Pick<QueueState, 'jobs' | 'isPaused' | 'limitSet'>

export function yetToEnd({ waiting, prioritized, delayed, active }: QueueState['jobs']): number {
  return waiting + prioritized + delayed + active
}

/**
 * Seconds, if nothing is added; null if nothing waits or it does not move. `perSecond`: results of the last seconds, which
 * know nothing of a pause or a limit that BullMQ itself keeps.
 */
export function drainSecondsOf(queues: readonly Backlog[], perSecond: number): number | null {
  const waiting = queues.filter(({ jobs }) => yetToEnd(jobs) > 0)
  if (waiting.length === 0 || perSecond === 0 || waiting.some(({ isPaused }) => isPaused)) return null
  const backlog = waiting.reduce((sum, { jobs }) => sum + yetToEnd(jobs), 0)
  return Math.max(backlog / perSecond, ...waiting.map(secondsAtItsLimit))
}

function secondsAtItsLimit({ jobs, limitSet }: Backlog): number {
  return limitSet ? (yetToEnd(jobs) / limitSet.jobs) * (limitSet.perMs / 1000) : 0
}
