/** What every process that looks at the queues says of the whole fleet: the same from each, so take the max, never the sum. */

import { Counter, Gauge } from 'prom-client'
import { FAILURE_CODES } from '../domain/failure.ts'
import type { processMetrics } from './process-metrics.ts'

export type FleetMetrics = ReturnType<typeof createFleetMetrics>

/** A queue by its name, and by what it is for: queries ask for the role, because anybody may name queues otherwise. */
const QUEUE = ['queue', 'role'] as const

export function createFleetMetrics({ shared, of }: ReturnType<typeof processMetrics>) {
  const { registry } = shared
  const metrics = {
    registry,
    redisUp: shared.redisUp,
    queueJobs: new Gauge(
      of(
        'queue_jobs',
        'Fleet (max): jobs in a queue by state; completed: finished lookups that are kept.',
        ...QUEUE,
        'state',
      ),
    ),
    oldestAge: new Gauge(
      of('queue_oldest_job_age_seconds', 'Fleet (max): age of the oldest waiting job; 0: none waits.', ...QUEUE),
    ),
    // Redis keeps this counter and the next one for the whole fleet. They are set, not increased, because we read them.
    jobsAdded: new Counter(
      of('queue_jobs_added_total', 'Fleet (max): jobs ever added, duplicates included.', ...QUEUE),
    ),
    cancelled: new Counter(of('cancelled_total', 'Fleet (max): lookups ever cancelled by hand.')),
    deadLetters: new Gauge(
      of('dead_letters', 'Fleet (max): dead letters by failure, counted once a minute.', 'failure'),
    ),
    redisUsed: new Gauge(of('redis_memory_used_bytes', 'Fleet (max): what the fullest Redis node uses.')),
    redisMax: new Gauge(
      of('redis_memory_max_bytes', 'Fleet (max): at which that node takes no more writes; +Inf: it says no limit.'),
    ),
    desiredWorkers: new Gauge(
      of(
        'desired_workers',
        'Fleet (max): workers that would drain the backlog in DRAIN_TARGET_MS, and no more than the limits can feed.',
      ),
    ),
    collectDuration: new Gauge(of('queue_collect_duration_seconds', 'Time it took to read the state of the queues.')),
    collectErrors: new Counter(of('queue_collect_errors_total', 'Times the state of the queues could not be read.')),
  }
  for (const failure of FAILURE_CODES) metrics.deadLetters.set({ failure }, 0)
  return metrics
}
