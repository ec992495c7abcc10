/** The parts that a lookup goes through in a worker process, put together. */

import type { Config } from '../config/config.ts'
import type { Observe } from '../domain/event.ts'
import { LANES, type Lane } from '../domain/lane.ts'
import { Gate } from '../gate/gate.ts'
import { Holds } from '../gate/holds.ts'
import { ServiceMemories } from '../gate/service-memory.ts'
import { LookupHistories } from '../queues/lookup-history.ts'
import { openQueue } from '../queues/lookup-queue.ts'
import { Publisher } from '../queues/publisher.ts'
import { ResultQueue } from '../queues/result-queue.ts'
import { SharedCalls } from '../queues/shared-calls.ts'
import type { Redis } from '../redis/connections.ts'
import { redisTrouble } from '../redis/errors.ts'
import { SoapClient } from '../soap/client.ts'
import { CallSharing } from '../worker/call-sharing.ts'
import { ChargeDecision } from '../worker/charge.ts'
import { Enricher } from '../worker/enrich.ts'
import { HoldKeeper } from '../worker/hold-keeper.ts'
import { LookupRuns } from '../worker/lookup-run.ts'
import { jobLockMs } from '../worker/lookup-taker.ts'
import { LookupWorker } from '../worker/lookup-worker.ts'
import { Solitude } from '../worker/solitude.ts'
import { askerStamp, gateKeysOf, gateOptions } from './gate-settings.ts'
import { soapSettings } from './soap-settings.ts'

export interface WorkerParts {
  /** Of the lanes that this process serves, interactive first. */
  workers: LookupWorker[]
  publisher: Publisher
  results: ResultQueue
  soap: SoapClient
  gate: Gate
  holds: Holds
  keeper: HoldKeeper
  histories: LookupHistories
}

/** A leader that died is missed after this at most, or after one call. */
const SHARING_LEASE_MS = 5000

export function buildWorkerParts(config: Config, redis: Redis, observe: Observe): WorkerParts {
  const keys = gateKeysOf(config)
  const options = gateOptions(config)
  const holds = new Holds(redis, keys)
  const memory = new ServiceMemories(redis, keys)
  const gate = new Gate(redis, keys, options, observe, redisTrouble(observe, 'gate'))
  // A call of each lookup at once; more would only wait at the service.
  const calls = config.concurrency + config.interactiveConcurrency
  const settings = soapSettings(config, calls)
  const soap = new SoapClient(settings, observe)
  const { codes } = settings
  const sharing = config.coalesce
    ? new CallSharing(sharedCalls(config, redis, askerStamp(config, codes)), observe)
    : null
  const enricher = new Enricher({ client: soap, gate, codes }, sharing, config, observe)
  const histories = new LookupHistories(redis, config)
  const charges = new ChargeDecision(memory, config.soapProbeConnectionId)
  const solitude = new Solitude()
  const runs = new LookupRuns({ histories, enricher, charges, solitude }, config, observe)
  const resultQueue = openQueue(config.resultQueue, redis, config)
  const results = new ResultQueue(resultQueue, redis, config, { markerTtlMs: config.resultMarkerTtlMs })
  const publisher = new Publisher(results, histories, observe)
  const slots = { batch: config.concurrency, interactive: config.interactiveConcurrency }
  const build = (lane: Lane) => {
    const own = { lane, concurrency: Math.max(1, slots[lane]), lockMs: jobLockMs(config.lookupDeadlineMs) }
    return new LookupWorker({ runs, publisher, histories, solitude, redis }, config, own, observe)
  }
  const workers = LANES.filter((lane) => slots[lane] > 0)
    .sort((a) => (a === 'interactive' ? -1 : 1))
    .map(build)
  const keeper = new HoldKeeper({ holds, gate, memory, enricher, codes, workers }, { ...config, ...options }, observe)
  return { workers, publisher, results, soap, gate, holds, keeper, histories }
}

function sharedCalls(config: Config, redis: Redis, asker: () => string): SharedCalls {
  const leaseMs = Math.min(SHARING_LEASE_MS, config.soapCallTimeoutMs)
  return new SharedCalls(redis, config, asker, { ...config, leaseMs })
}
