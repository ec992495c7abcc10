/** What a query may ask for: every metric that a process of ours exports, with its labels. Dashboards and rules are held to it. */

import { createApiMetrics } from '../../src/observe/api-metrics.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import { createWebhookMetrics } from '../../src/observe/webhook-metrics.ts'

/** Series that Prometheus makes itself. */
const PROMETHEUS_OWN: Readonly<Record<string, readonly string[]>> = {
  up: [],
  ALERTS: ['alertname', 'alertstate'],
}

/** Labels that scraping adds to every series. */
const TARGET_LABELS = ['job', 'instance']

/** Labels by the name of every series that exists; recording rules are not among them. */
export function seriesNames(): Map<string, Set<string>> {
  const series = new Map<string, Set<string>>()
  const add = (name: string, labels: readonly string[]) => series.set(name, new Set([...labels, ...TARGET_LABELS]))
  const build = { version: '0', revision: '0' }
  const makers = [createMetrics, createApiMetrics, createWebhookMetrics]
  for (const metric of makers.flatMap((make) => make(build).registry.getMetricsAsArray())) {
    const { name, type, labelNames = [] } = metric as unknown as { name: string; type: string; labelNames?: string[] }
    if (type !== 'histogram') {
      add(name, labelNames)
      continue
    }
    add(`${name}_bucket`, [...labelNames, 'le'])
    add(`${name}_sum`, labelNames)
    add(`${name}_count`, labelNames)
  }
  for (const [name, labels] of Object.entries(PROMETHEUS_OWN)) add(name, labels)
  return series
}
