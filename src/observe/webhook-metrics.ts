/** The metrics of the webhook, by their public names. */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { DELIVERY_OUTCOMES, type LookupEvent, type Observe, REDIS_ERROR_KINDS } from '../domain/event.ts'
import { MISNAMED } from './metrics.ts'

const BUCKETS = [0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15]

export type WebhookMetrics = ReturnType<typeof createWebhookMetrics>

export function createWebhookMetrics(build: { version: string; revision: string }) {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)
  const of = <L extends string>(name: string, help: string, ...labelNames: L[]) => ({
    name: `chat_enricher_${name}`,
    help,
    labelNames,
    registers: [registry],
  })
  const metrics = {
    registry,
    deliveries: new Counter(of('webhook_deliveries_total', 'Tries to post a result, by what came of them.', 'outcome')),
    duration: new Histogram({
      ...of('webhook_delivery_duration_seconds', 'One try to post a result.'),
      buckets: BUCKETS,
    }),
    held: new Gauge(of('webhook_held', '1 while one try is made every five minutes: HTTP 410, or no 2xx for hours.')),
    redisUp: new Gauge(of('redis_up', '1 if Redis answered when it was last asked.')),
    redisErrors: new Counter(of('redis_errors_total', 'Errors of Redis by kind.', 'kind')),
    clockSkew: new Gauge(of('clock_skew_seconds', "This process's clock less that of Redis.")),
    buildInfo: new Gauge(of('build_info', 'Always 1.', 'version', 'revision', 'nodejs_version')),
  }
  for (const outcome of DELIVERY_OUTCOMES) metrics.deliveries.inc({ outcome }, 0)
  for (const kind of REDIS_ERROR_KINDS) metrics.redisErrors.inc({ kind }, 0)
  metrics.buildInfo.set({ ...build, nodejs_version: process.version }, 1)
  return metrics
}

export function countDeliveries(metrics: WebhookMetrics): Observe {
  return (event: LookupEvent) => {
    if (event.type === 'result-posted') {
      metrics.deliveries.inc({ outcome: event.outcome })
      metrics.duration.observe(event.durationMs / 1000)
    }
    if (event.type === 'webhook-held') metrics.held.set(event.why === null ? 0 : 1)
    if (event.type === 'redis-error') metrics.redisErrors.inc({ kind: event.kind })
  }
}
