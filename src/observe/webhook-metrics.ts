/** The metrics of the webhook, by their public names. */

import { Counter, Gauge, Histogram } from 'prom-client'
import { DELIVERY_OUTCOMES, type LookupEvent, type Observe } from '../domain/event.ts'
import { type Build, processMetrics } from './process-metrics.ts'

const BUCKETS = [0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15]

export type WebhookMetrics = ReturnType<typeof createWebhookMetrics>

export function createWebhookMetrics(build: Build) {
  const { shared, of } = processMetrics(build)
  const metrics = {
    ...shared,
    deliveries: new Counter(of('webhook_deliveries_total', 'Tries to post a result, by what came of them.', 'outcome')),
    duration: new Histogram({
      ...of('webhook_delivery_duration_seconds', 'One try to post a result.'),
      buckets: BUCKETS,
    }),
    held: new Gauge(of('webhook_held', '1 while one try is made every five minutes: HTTP 410, or no 2xx for hours.')),
  }
  for (const outcome of DELIVERY_OUTCOMES) metrics.deliveries.inc({ outcome }, 0)
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
