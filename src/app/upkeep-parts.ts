/** The parts that look after the queues from a worker process, put together. */

import type { Config } from '../config/config.ts'
import type { Observe } from '../domain/event.ts'
import { LookupQueues } from '../queues/lookup-queue.ts'
import { countUntaken, estimateWaitingBytes } from '../queues/queue-state.ts'
import type { Redis } from '../redis/connections.ts'
import { Leases } from '../redis/lease.ts'
import { maxMemory } from '../redis/preflight.ts'
import { DeadLetterCounts } from '../upkeep/dead-letter-counts.ts'
import { Orphans } from '../upkeep/orphans.ts'
import { Reconciler } from '../upkeep/reconciler.ts'
import { UnreadableJobs } from '../upkeep/unreadable.ts'
import { Upkeep } from '../upkeep/upkeep.ts'
import { BacklogHold } from '../worker/backlog-hold.ts'
import type { WorkerParts } from './worker-parts.ts'
import { queueNames } from './worker-settings.ts'

/** `holder` is the id of this process, which may take the lease. */
export function buildUpkeep(
  config: Config,
  redis: Redis,
  { histories, publisher }: Pick<WorkerParts, 'histories' | 'publisher'>,
  holder: string,
  observe: Observe,
): Upkeep {
  const names = queueNames(config)
  const { resultMarkerTtlMs: markerTtlMs, lookupRetentionMs, deadLetterRetentionMs, resultQueue } = config
  const parts = {
    leases: new Leases(redis, names, holder),
    queues: new LookupQueues(redis, names),
    publisher,
    reconciler: new Reconciler(redis, names, histories, { markerTtlMs }),
    unreadable: new UnreadableJobs(redis, names, histories.markers),
    orphans: new Orphans(redis, names),
    deadLetterCounts: new DeadLetterCounts(redis, names),
    redis,
  }
  return new Upkeep(parts, { lookupRetentionMs, deadLetterRetentionMs, resultQueue }, observe)
}

/** Null: results may pile up without limit. */
export function buildBacklogHold(
  config: Config,
  redis: Redis,
  { holds }: Pick<WorkerParts, 'holds'>,
  observe: Observe,
): BacklogHold | null {
  const { resultBacklogLimit: limit, resultQueue } = config
  if (limit === null) return null
  const names = queueNames(config)
  const measure = async () => {
    const [count, bytes, memory] = await Promise.all([
      countUntaken(redis, names, resultQueue),
      estimateWaitingBytes(redis, names, resultQueue),
      maxMemory(redis),
    ])
    return { count, bytes, maxMemory: memory }
  }
  return new BacklogHold(holds, measure, limit, observe)
}
