import type { Config } from '../config/config.ts'
import { placeInWords } from '../redis/connections.ts'
import { VERSION } from '../version.ts'

/** The first line that anybody looks at: where this worker belongs and what it keeps to. No user, no password, no query. */
export function startedDetails(config: Config): Record<string, unknown> {
  const { lookupQueue, interactiveQueue, resultQueue, quotaCalls, quotaPeriodMs } = config
  return {
    version: VERSION,
    redis: placeInWords(config).where,
    prefix: config.prefix,
    queues: { lookupQueue, interactiveQueue, resultQueue },
    service: new URL(config.soapEndpoint ?? '').host,
    concurrency: config.concurrency,
    interactiveConcurrency: config.interactiveConcurrency,
    ratePerSecond: config.ratePerSecond,
    maxCallsInFlight: config.maxCallsInFlight,
    quota: quotaCalls === null ? null : { calls: quotaCalls, periodMs: quotaPeriodMs },
    resultBacklogLimit: config.resultBacklogLimit,
  }
}
