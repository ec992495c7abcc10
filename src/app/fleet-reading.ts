/** What `/metrics` says of the whole fleet, read from Redis. */

import { desiredWorkers, type ScalingFacts } from '../fleet/desired-workers.ts'
import { Fleet } from '../fleet/members.ts'
import { readMemory } from '../fleet/redis-memory.ts'
import type { FleetReading } from '../observe/queue-collector.ts'
import { type QueueState, readQueues } from '../queues/queue-state.ts'
import { readCancelled } from '../queues/totals.ts'
import type { Redis, RedisPlace } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'
import { readDeadLetterCounts } from '../upkeep/dead-letter-counts.ts'

/** In the order in which the queues are read. */
const QUEUE_ROLES = ['lookup', 'interactive', 'result'] as const

/** What the process that is asked knows by itself. */
export type Scaling = Pick<ScalingFacts, 'limits' | 'isHeld' | 'targetMs'>

export interface FleetRead extends FleetReading {
  /** Queues that somebody has paused. */
  paused: number
}

/**
 * Rejects when Redis fails. Without `scaling` (a process that knows no limits) the wanted workers are told only as long as there
 * is none that knows better: one, if anything waits.
 */
export async function readFleet(
  redis: Redis,
  place: RedisPlace & QueueNames,
  scaling: () => Promise<Scaling | null>,
): Promise<FleetRead> {
  const [{ queues }, deadLetters, cancelled, memory, members, scale] = await Promise.all([
    readQueues(redis, place),
    readDeadLetterCounts(redis, place),
    readCancelled(redis, place),
    readMemory(redis, place),
    new Fleet(redis, place).members(),
    scaling(),
  ])
  const [lookups, interactive] = queues
  const backlog = takeable(lookups) + takeable(interactive)
  const alone = members.length === 0 && backlog > 0 ? 1 : 0
  return {
    deadLetters,
    cancelled,
    memory,
    desiredWorkers: scale ? desiredWorkers({ backlog, members, ...scale }) : alone,
    paused: queues.filter(({ isPaused }) => isPaused).length,
    queues: queues.map(({ queue, jobs, added, oldestAgeMs }, index) => {
      return { queue, role: QUEUE_ROLES[index] ?? '', jobs, added, oldestAgeSeconds: oldestAgeMs / 1000 }
    }),
  }
}

function takeable(state: QueueState | undefined): number {
  return state ? state.jobs.waiting + state.jobs.prioritized + state.jobs.active : 0
}
