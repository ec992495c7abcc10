/** What a query may ask for: every metric that exists, with its labels. Dashboards and rules are held to it. */

import { collectDefaultMetrics, Registry } from 'prom-client'

interface Metric {
  type: 'counter' | 'gauge' | 'histogram'
  labels: readonly string[]
}

const counter = (...labels: string[]): Metric => ({ type: 'counter', labels })
const gauge = (...labels: string[]): Metric => ({ type: 'gauge', labels })
const histogram = (...labels: string[]): Metric => ({ type: 'histogram', labels })

/** Without the prefix `chat_enricher_`. */
export const OWN_METRICS: Readonly<Record<string, Metric>> = {
  lookups_total: counter('status'),
  lookup_retries_total: counter('reason'),
  lookups_recovered_total: counter(),
  lookups_handed_back_total: counter(),
  lookup_duration_seconds: histogram('status'),
  lookup_wait_seconds: histogram(),
  lookup_end_to_end_seconds: histogram(),
  lookups_in_progress: gauge(),
  concurrency: gauge(),
  last_success_timestamp_seconds: gauge(),
  results_published_total: counter('status'),
  results_suppressed_total: counter(),
  soap_call_duration_seconds: histogram('outcome'),
  soap_calls_in_flight: gauge(),
  soap_response_bytes: histogram(),
  rate_limit_wait_seconds: histogram(),
  rate_limit_per_second: gauge(),
  calls_in_flight_limit: gauge(),
  queue_jobs: gauge('queue', 'state'),
  queue_oldest_job_age_seconds: gauge('queue'),
  queue_jobs_added_total: counter('queue'),
  queue_collect_duration_seconds: gauge(),
  queue_collect_errors_total: counter(),
  redis_up: gauge(),
  redis_errors_total: counter('kind'),
  clock_skew_seconds: gauge(),
  tls_certificate_expiry_timestamp_seconds: gauge(),
  build_info: gauge('version', 'revision', 'nodejs_version'),
}

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
  for (const [name, { type, labels }] of Object.entries(OWN_METRICS)) {
    const full = `chat_enricher_${name}`
    if (type !== 'histogram') {
      add(full, labels)
    } else {
      add(`${full}_bucket`, [...labels, 'le'])
      add(`${full}_sum`, labels)
      add(`${full}_count`, labels)
    }
  }
  for (const [name, labels] of Object.entries(PROMETHEUS_OWN)) add(name, labels)
  for (const name of defaultMetricNames()) add(name, [])
  return series
}

function defaultMetricNames(): string[] {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry.getMetricsAsArray().map((metric) => metric.name)
}
