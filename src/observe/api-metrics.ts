/** The metrics of the HTTP API, by their public names. A route stands there as its pattern, a token as its name. */

import { Counter, Gauge, Histogram } from 'prom-client'
import type { LookupEvent, Observe } from '../domain/event.ts'
import { createFleetMetrics } from './fleet-metrics.ts'
import { type Build, processMetrics } from './process-metrics.ts'

const REQUEST_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
/** Whoever enqueues without a token of that name. */
const OTHER = 'other'

export type ApiMetrics = ReturnType<typeof createApiMetrics>

export function createApiMetrics(build: Build) {
  const process = processMetrics(build)
  const { shared, of } = process
  const metrics = {
    ...shared,
    ...createFleetMetrics(process),
    requests: new Counter(
      of(
        'http_requests_total',
        'Requests that have ended. Status 499: the client left before its answer.',
        'route',
        'status',
      ),
    ),
    duration: new Histogram({
      ...of('http_request_duration_seconds', 'From the first line of a request to the end of its answer.', 'route'),
      buckets: REQUEST_BUCKETS,
    }),
    accepted: new Counter(of('lookups_accepted_total', 'Lookups put on a queue, repeats included.', 'producer')),
    refusedTokens: new Counter(of('tokens_refused_total', 'Requests with a token that is not known.')),
    staleTokens: new Gauge(
      of(
        'tokens_stale',
        '1: the file of API_TOKENS holds a mistake, or nothing, so the tokens that it held before count.',
      ),
    ),
    streams: new Gauge(of('streams_open', 'Streams that are open: events, and bulk intakes.')),
  }
  metrics.accepted.inc({ producer: OTHER }, 0)
  return metrics
}

/** Series that are there before the first request: rates begin at 0. */
export function startSeries(
  metrics: ApiMetrics,
  routes: ReadonlyMap<string, readonly number[]>,
  producers: string[],
): void {
  for (const [route, statuses] of routes) {
    for (const status of statuses) metrics.requests.inc({ route, status: String(status) }, 0)
    metrics.duration.zero({ route })
  }
  for (const producer of producers) metrics.accepted.inc({ producer }, 0)
}

export function countRequests(metrics: ApiMetrics): Observe {
  return (event: LookupEvent) => {
    if (event.type === 'request-finished') {
      metrics.requests.inc({ route: event.route, status: String(event.status) })
      metrics.duration.observe({ route: event.route }, event.durationMs / 1000)
    }
    if (event.type === 'lookups-accepted') metrics.accepted.inc({ producer: event.producer ?? OTHER }, event.count)
    if (event.type === 'token-refused') metrics.refusedTokens.inc()
    if (event.type === 'tokens-stale') metrics.staleTokens.set(event.why === null ? 0 : 1)
    if (event.type === 'stream-opened') metrics.streams.inc()
    if (event.type === 'stream-closed') metrics.streams.dec()
    if (event.type === 'redis-error') metrics.redisErrors.inc({ kind: event.kind })
  }
}
