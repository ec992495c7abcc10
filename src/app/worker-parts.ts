/** The parts that a lookup goes through in a worker process, put together. */

import type { Config } from '../config/config.ts'
import type { Observe } from '../domain/event.ts'
import { Gate } from '../gate/gate.ts'
import { Holds } from '../gate/holds.ts'
import { PastHolds } from '../gate/past-holds.ts'
import { ServiceMemories } from '../gate/service-memory.ts'
import { LookupHistories } from '../queues/lookup-history.ts'
import { openQueue } from '../queues/lookup-queue.ts'
import { Publisher } from '../queues/publisher.ts'
import { ResultQueue } from '../queues/result-queue.ts'
import { resultStreamOf } from '../queues/result-stream.ts'
import { SharedCalls } from '../queues/shared-calls.ts'
import type { Redis } from '../redis/connections.ts'
import { redisTrouble } from '../redis/errors.ts'
import { SoapClient } from '../soap/client.ts'
import { CallSharing } from '../worker/call-sharing.ts'
import { ChargeDecision } from '../worker/charge.ts'
import { Enricher } from '../worker/enrich.ts'
import { HoldKeeper } from '../worker/hold-keeper.ts'
import { LookupRuns } from '../worker/lookup-run.ts'
import { LookupWorker } from '../worker/lookup-worker.ts'
import { Solitude } from '../worker/solitude.ts'
import { askerStamp, gateKeysOf, gateOptions } from './gate-settings.ts'
import { soapSettings } from './soap-settings.ts'
import { enrichSettings, queueNames, runSettings, sharingSettings, workerSettings } from './worker-settings.ts'

export interface WorkerParts {
  /** The workers of the lanes that this process serves, interactive first. */
  workers: LookupWorker[]
  publisher: Publisher
  results: ResultQueue
  soap: SoapClient
  gate: Gate
  holds: Holds
  keeper: HoldKeeper
  histories: LookupHistories
}

/**
 * `forCalls`: the connection on which lookups ask what comes before a call, and tell how it ended; in one order: what
 * the fleet answers to a report is here before a permit that was asked for later. On `redis` these short questions would
 * stand behind the results and ended jobs of all other lookups, and fewer calls would be on the way meanwhile.
 */
export function buildWorkerParts(config: Config, redis: Redis, forCalls: Redis, observe: Observe): WorkerParts {
  const names = queueNames(config)
  const keys = gateKeysOf(config)
  const options = gateOptions(config)
  const holds = new Holds(redis, keys)
  const pastHolds = new PastHolds(redis, keys)
  const memory = new ServiceMemories(redis, keys)
  const gate = new Gate(forCalls, keys, options, observe, redisTrouble(observe, 'gate'))
  // One socket for a call of each lookup; more would only wait at the service.
  const calls = config.concurrency + config.interactiveConcurrency
  const settings = soapSettings(config, calls)
  const { codes } = settings
  const soap = new SoapClient(settings, observe)
  const asker = askerStamp(config, codes)
  const shared = config.coalesce ? new SharedCalls(forCalls, names, asker, sharingSettings(config)) : null
  const sharing = shared && new CallSharing(shared, observe)
  const enricher = new Enricher({ client: soap, gate, codes }, sharing, enrichSettings(config), observe)
  const histories = new LookupHistories(redis, names)
  const { soapProbeConnectionId, resultMarkerTtlMs: markerTtlMs, resultKeepMs: keepMs, lookupRetentionMs } = config
  const charges = new ChargeDecision(memory, soapProbeConnectionId)
  const solitude = new Solitude()
  const runs = new LookupRuns({ histories, enricher, charges, solitude, pastHolds }, runSettings(config), observe)
  const publishing = { markerTtlMs, keepMs, lookupRetentionMs, stream: resultStreamOf(config) }
  const results = new ResultQueue(openQueue(names.resultQueue, redis, names), redis, names, publishing)
  const publisher = new Publisher(results, histories, observe)
  const parts = { runs, publisher, histories, solitude, redis }
  const workers = workerSettings(config).map((own) => new LookupWorker(parts, names, own, observe))
  const keeperParts = { holds, pastHolds, gate, memory, enricher, codes, workers }
  const keeper = new HoldKeeper(keeperParts, { ...options, soapProbeConnectionId }, observe)
  return { workers, publisher, results, soap, gate, holds, keeper, histories }
}
