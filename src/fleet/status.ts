/** What an operator wants to know at one look; what `status --json` prints. */

import { type QueueState, readQueues } from '../queues/queue-state.ts'
import type { Redis } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'
import { Fleet, type Member } from './members.ts'

export interface FleetStatus {
  queues: QueueState[]
  members: Member[]
  /** Lookups that are yet to get their result: waiting, delayed and active. */
  backlog: number
  /** Results a second of the whole fleet, over the last ten seconds. */
  perSecond: number
  /** Seconds until the backlog is gone at that rate, if nothing is added; null when it is not draining. */
  drainSeconds: number | null
}

export async function readStatus(redis: Redis, names: QueueNames): Promise<FleetStatus> {
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
