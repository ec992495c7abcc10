/** What every process of ours tells of itself, whatever its work: Node, Redis as it sees it, and which build it is. */

import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { REDIS_ERROR_KINDS } from '../domain/event.ts'

/** promtool takes these three gauges of prom-client for counters, because their names end in _total. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']

export interface Build {
  version: string
  revision: string
}

/** `of` makes the settings of one more metric of the same registry, from its name without our prefix. */
export function processMetrics(build: Build) {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)
  const of = <L extends string>(name: string, help: string, ...labelNames: L[]) => ({
    name: `chat_enricher_${name}`,
    help,
    labelNames,
    registers: [registry],
  })
  const shared = {
    registry,
    redisUp: new Gauge(of('redis_up', '1 if Redis answered when it was last asked.')),
    redisErrors: new Counter(of('redis_errors_total', 'Errors of Redis by kind.', 'kind')),
    clockSkew: new Gauge(of('clock_skew_seconds', "This process's clock less that of Redis.")),
    buildInfo: new Gauge(of('build_info', 'Always 1.', 'version', 'revision', 'nodejs_version')),
  }
  for (const kind of REDIS_ERROR_KINDS) shared.redisErrors.inc({ kind }, 0)
  shared.buildInfo.set({ ...build, nodejs_version: process.version }, 1)
  return { shared, of }
}
