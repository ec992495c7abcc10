/** What each part of a worker is told, out of the Config: what it needs, and no secret. */

import type { Config } from '../config/config.ts'
import { jobLockMs } from '../domain/job-lock.ts'
import type { Lane } from '../domain/lane.ts'
import type { SharedCallsSettings } from '../queues/shared-calls.ts'
import type { QueueNames } from '../redis/names.ts'
import type { EnrichSettings } from '../worker/enrich.ts'
import type { RunSettings } from '../worker/lookup-run.ts'
import type { LookupWorkerSettings } from '../worker/lookup-worker.ts'

/** A leader that died is missed after this at most, or after one call. */
const SHARING_LEASE_MS = 5000

export function queueNames({ prefix, lookupQueue, interactiveQueue, resultQueue }: QueueNames): QueueNames {
  return { prefix, lookupQueue, interactiveQueue, resultQueue }
}

export function enrichSettings(config: Config): EnrichSettings {
  const { callRetries, lookupBackoffMinMs, lookupBackoffMaxMs, lookupDeadlineMs } = config
  return { callRetries, lookupBackoffMinMs, lookupBackoffMaxMs, lookupDeadlineMs }
}

export function runSettings(config: Config): RunSettings {
  const { lookupAttempts, lookupExpiryMs, lookupBackoffMinMs, lookupBackoffMaxMs, notFoundRecheck } = config
  return { lookupAttempts, lookupExpiryMs, lookupBackoffMinMs, lookupBackoffMaxMs, notFoundRecheck }
}

export function sharingSettings({ cacheTtlMs, soapCallTimeoutMs }: Config): SharedCallsSettings {
  return { cacheTtlMs, leaseMs: Math.min(SHARING_LEASE_MS, soapCallTimeoutMs) }
}

/** One for each lane that this process serves, interactive first. */
export function workerSettings(config: Config): LookupWorkerSettings[] {
  const { concurrency: batch, interactiveConcurrency: interactive, lookupDeadlineMs } = config
  const of = (lane: Lane, concurrency: number) => ({ lane, concurrency, lockMs: jobLockMs(lookupDeadlineMs) })
  return [of('interactive', interactive), of('batch', batch)].filter(({ concurrency }) => concurrency > 0)
}
