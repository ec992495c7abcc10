/** What an operator wants to know at one look: what `status --json` prints, whole. */

import { type QueueState, readQueues } from '../queues/queue-state.ts'
import type { Redis } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'
import { FleetControl, type FleetGate } from './fleet-control.ts'
import { UnknownService } from './known-services.ts'
import { Fleet, type Member } from './members.ts'

/** Holds, limits and calls in flight are those of one service; without one that is meant, the problem says why. */
export type FleetStatus = FleetWork & (({ serviceProblem: null } & FleetGate) | { serviceProblem: string })

export interface FleetWork {
  queues: QueueState[]
  members: Member[]
  /** Lookups that are yet to get their result: waiting, delayed and active. */
  backlog: number
  /** Results a second of the whole fleet, over the last ten seconds. */
  perSecond: number
  /** Seconds until the backlog is gone at that rate, if nothing is added; null when it is not draining. */
  drainSeconds: number | null
}

/** `endpoint`: which service is meant; null: the only one that workers were set to. */
export async function readStatus(redis: Redis, names: QueueNames, endpoint: string | null): Promise<FleetStatus> {
  const [work, gate] = await Promise.all([readWork(redis, names), readGate(redis, names, endpoint)])
  if ('serviceProblem' in gate) return { ...work, ...gate }
  return { ...work, serviceProblem: null, ...gate }
}

async function readGate(redis: Redis, names: QueueNames, endpoint: string | null) {
  try {
    return await (await FleetControl.of(redis, names, endpoint)).read()
  } catch (error) {
    if (!(error instanceof UnknownService)) throw error
    return { serviceProblem: error.message }
  }
}

async function readWork(redis: Redis, names: QueueNames): Promise<FleetWork> {
  const [{ queues }, members] = await Promise.all([readQueues(redis, names), new Fleet(redis, names).members()])
  const lookups = queues.filter(({ queue }) => queue !== names.resultQueue)
  const backlog = lookups.reduce(
    (sum, { jobs }) => sum + jobs.waiting + jobs.prioritized + jobs.delayed + jobs.active,
    0,
  )
  const perSecond = members.reduce((sum, member) => sum + member.perSecond, 0)
  const drainSeconds = backlog > 0 && perSecond > 0 ? backlog / perSecond : null
  return { queues, members, backlog, perSecond, drainSeconds }
}
