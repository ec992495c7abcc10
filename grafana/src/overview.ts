/**
 * "Is it working, and if not, where does it hang?" From top to bottom along the way of a lookup: the answer in one row of
 * numbers, then queue, results, calls to the service, holds, and the worker processes.
 */

import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import { annotation, heatmapPanel, row, seriesPanel, statPanel } from './panels.ts'

/** The default name of the result queue; every other queue that we report is a lookup queue. */
const LOOKUP_QUEUES = 'queue!="chat-results"'
const RESULT_QUEUE = 'queue="chat-results"'

/** Every worker reports the same queues: deduplicate first, then add up. */
const BACKLOG = `sum(max by (queue, state) (chat_enricher_queue_jobs{${LOOKUP_QUEUES}, state=~"waiting|prioritized"}))`

/** Process metrics have everybody's names: these keep only the series of our own processes. */
const OURS = 'and on (job, instance) chat_enricher_build_info'

const perSecond = (counter: string, by = '') => `sum${by && ` by (${by})`} (rate(${counter}[$__rate_interval]))`

/** No value, rather than NaN, while nothing is observed. */
const quantile = (q: number, histogram: string, window = '$__rate_interval') =>
  `histogram_quantile(${q}, sum by (le) (rate(${histogram}_bucket[${window}]))) >= 0`

/** "No limit" is reported as +Inf, which has no place on an axis. */
const finite = (limit: string) => `${limit} < Inf`

const STATUS_COLOURS = {
  enriched: 'green',
  'not-found': 'blue',
  rejected: 'orange',
  invalid: 'purple',
  failed: 'red',
}

const OUTCOME_COLOURS = {
  answer: 'green',
  fault: 'orange',
  http_error: 'red',
  timeout: 'purple',
  network: 'dark-red',
  unreadable: 'yellow',
}

const REASON_COLOURS = {
  service: 'red',
  configuration: 'purple',
  results: 'blue',
  quota: 'orange',
  manual: 'yellow',
}

const numbers = [
  statPanel({
    id: 1,
    title: 'Lookups per second',
    description:
      'Lookups that got their result. Good: they follow the arrivals. None while lookups wait: chat-enricher status says why.',
    unit: 'suffix:/s',
    expr: perSecond('chat_enricher_lookups_total'),
    thresholds: [['blue', null]],
  }),
  statPanel({
    id: 2,
    title: 'Success ratio, 1 h',
    description:
      'Share of the last hour’s lookups that did not end as failed (not found and rejected are answers, too). Good: 99 % and more. If lower: the panels for results by status and SOAP calls by outcome show since when and why.',
    unit: 'percentunit',
    expr: '1 - sum(increase(chat_enricher_lookups_total{status="failed"}[1h])) / (sum(increase(chat_enricher_lookups_total[1h])) > 0)',
    thresholds: [
      ['red', null],
      ['orange', 0.95],
      ['green', 0.99],
    ],
    noValue: 'no lookups',
  }),
  statPanel({
    id: 3,
    title: 'End to end, p95',
    description:
      '95 % of the lookups have their result within this time of being enqueued (last 5 minutes). Good: 30 s and less. If higher: compare with the wait in the queue; the rest is the service.',
    unit: 's',
    expr: quantile(0.95, 'chat_enricher_lookup_end_to_end_seconds', '5m'),
    thresholds: [
      ['green', null],
      ['orange', 15],
      ['red', 30],
    ],
    noValue: 'no lookups',
  }),
  statPanel({
    id: 4,
    title: 'Backlog',
    description:
      'Lookups that wait for a worker. No number is bad by itself; people feel the age beside it. Growing for long: see arrivals against departures.',
    unit: 'short',
    expr: BACKLOG,
    thresholds: [['blue', null]],
  }),
  statPanel({
    id: 5,
    title: 'Oldest lookup waits',
    description:
      'Age of the oldest waiting lookup. Good: seconds. Over 5 minutes it is an alert: raise the rate limit if the pace is at it, else add workers if all slots are in use, else look at the service.',
    unit: 's',
    expr: `max(chat_enricher_queue_oldest_job_age_seconds{${LOOKUP_QUEUES}})`,
    thresholds: [
      ['green', null],
      ['orange', 60],
      ['red', 300],
    ],
  }),
  statPanel({
    id: 6,
    title: 'Workers up',
    description:
      'Worker processes that Prometheus reaches. Good: as many as were started. Fewer: look at the state and the last log lines of the missing ones; exit code 78 is a configuration error.',
    unit: 'short',
    expr: 'count(chat_enricher_concurrency) or vector(0)',
    thresholds: [
      ['red', null],
      ['green', 1],
    ],
  }),
  statPanel({
    id: 7,
    title: 'Retries per second',
    description:
      'Quick retries and later ones. Good: next to none. Each retry is one more call to the service; retries by reason shows what fails.',
    unit: 'suffix:/s',
    expr: perSecond('chat_enricher_lookup_retries_total'),
    thresholds: [
      ['green', null],
      ['orange', 1],
    ],
  }),
  statPanel({
    id: 8,
    title: 'Redis',
    description:
      'Whether every worker reaches Redis. Down: no lookup is taken and no result is published until Redis is back; a Redis with an AOF loses none. Look at Redis first, then at the network of the worker that reports it.',
    unit: 'short',
    expr: 'min(chat_enricher_redis_up)',
    thresholds: [
      ['red', null],
      ['green', 1],
    ],
    texts: { 0: 'down', 1: 'up' },
    noValue: 'no worker',
  }),
]

const backlog = [
  seriesPanel({
    id: 101,
    title: 'Arrivals against departures',
    description:
      'Lookups added to the queues, and lookups that got their result. Good: both lines are the same. Arrivals above departures for long: the backlog grows by the difference.',
    unit: 'suffix:/s',
    queries: {
      arrivals: `sum(max by (queue) (rate(chat_enricher_queue_jobs_added_total{${LOOKUP_QUEUES}}[$__rate_interval])))`,
      departures: perSecond('chat_enricher_lookups_total'),
    },
    colours: { arrivals: 'orange', departures: 'green' },
  }),
  seriesPanel({
    id: 102,
    title: 'Lookups by state',
    description:
      'Waiting and prioritized: to be taken by a worker. Delayed: to be tried again later, or enqueued with a delay. Active: a worker has it. Many delayed: the service fails, see retries by reason.',
    unit: 'short',
    queries: {
      '{{state}}': `sum by (state) (max by (queue, state) (chat_enricher_queue_jobs{${LOOKUP_QUEUES}, state=~"waiting|prioritized|delayed|active"}))`,
    },
    stacked: true,
  }),
  seriesPanel({
    id: 103,
    title: 'Results not taken, and dead letters',
    description:
      'Results that wait for their consumer: good when near zero; growing: look at the consumer. Dead letters are lookups that gave up: good when flat; a step up: find the cause before you put them back.',
    unit: 'short',
    queries: {
      'results not taken': `sum(max by (queue, state) (chat_enricher_queue_jobs{${RESULT_QUEUE}, state=~"waiting|prioritized"}))`,
      'dead letters': `sum(max by (queue) (chat_enricher_queue_jobs{${LOOKUP_QUEUES}, state="failed"}))`,
    },
    colours: { 'results not taken': 'blue', 'dead letters': 'red' },
  }),
]

const results = [
  seriesPanel({
    id: 201,
    title: 'Results by status',
    description:
      'Results published. Good: mostly enriched. Not found: the service does not know the id. Rejected or invalid: look at what the producer sends. Failed: look at the SOAP calls.',
    unit: 'suffix:/s',
    queries: { '{{status}}': perSecond('chat_enricher_results_published_total', 'status') },
    colours: STATUS_COLOURS,
    stacked: true,
  }),
  seriesPanel({
    id: 202,
    title: 'Time of a lookup',
    description:
      'From being enqueued to its result, and the part of it spent waiting in the queue. Good: p95 below 30 s. If most of it is the wait in the queue: too little capacity (limits, workers). If little of it is: the service is slow.',
    unit: 's',
    queries: {
      'end to end, p50': quantile(0.5, 'chat_enricher_lookup_end_to_end_seconds'),
      'end to end, p95': quantile(0.95, 'chat_enricher_lookup_end_to_end_seconds'),
      'wait in the queue, p95': quantile(0.95, 'chat_enricher_lookup_wait_seconds'),
    },
  }),
  seriesPanel({
    id: 203,
    title: 'Retries by reason',
    description:
      'Good: next to none. If one reason goes on: timeout, connect, dns and reset mean the service or the network to it; http_status and fault mean that the service answers with errors.',
    unit: 'suffix:/s',
    queries: { '{{reason}}': perSecond('chat_enricher_lookup_retries_total', 'reason') },
    stacked: true,
  }),
]

const calls = [
  heatmapPanel({
    id: 301,
    title: 'Time of a SOAP call',
    description:
      'How many calls took how long. Good: one narrow band, low. A second band near the call timeout: part of the service hangs. The band climbs with the pace: the service is at its limit, lower the rate.',
    unit: 's',
    span: 12,
    expr: 'sum by (le) (increase(chat_enricher_soap_call_duration_seconds_bucket[$__rate_interval]))',
  }),
  seriesPanel({
    id: 302,
    title: 'SOAP calls by outcome',
    description:
      'Good: answers only. Faults and http_error: the service refuses or breaks. Timeout and network: it is slow or cannot be reached. Unreadable: a proxy or login page answers in its place.',
    unit: 'suffix:/s',
    span: 12,
    queries: { '{{outcome}}': perSecond('chat_enricher_soap_call_duration_seconds_count', 'outcome') },
    colours: OUTCOME_COLOURS,
    stacked: true,
  }),
  seriesPanel({
    id: 303,
    title: 'Pace: limit against use',
    description:
      'Calls of the whole fleet per second, and the limit in force. Use at the limit while lookups wait: only a higher limit helps, more workers do not. Use below it while lookups wait: add workers. No line for the limit: there is none.',
    unit: 'suffix:/s',
    queries: {
      limit: finite('max(chat_enricher_rate_limit_per_second)'),
      use: perSecond('chat_enricher_soap_call_duration_seconds_count'),
    },
    colours: { limit: 'red', use: 'blue' },
  }),
  seriesPanel({
    id: 304,
    title: 'Wait for a turn to call',
    description:
      'How long calls waited for the rate limit. Good: near zero, or steady while a backlog is worked off at the limit. Rising without end: there are more slots than the limit can feed; fewer workers are enough.',
    unit: 's',
    queries: {
      p50: quantile(0.5, 'chat_enricher_rate_limit_wait_seconds'),
      p95: quantile(0.95, 'chat_enricher_rate_limit_wait_seconds'),
    },
  }),
  seriesPanel({
    id: 305,
    title: 'Calls in flight',
    description:
      'Calls on the wire now, and how many may be. Good: well below the limit. At the limit: the service answers too slowly for the pace. No line for the limit: there is none.',
    unit: 'short',
    queries: {
      limit: finite('max(chat_enricher_calls_in_flight_limit)'),
      'in flight': 'sum(chat_enricher_soap_calls_in_flight)',
    },
    colours: { limit: 'red', 'in flight': 'blue' },
  }),
]

const holds = [
  seriesPanel({
    id: 501,
    title: 'Held, by reason',
    description:
      'The whole fleet makes no call while one of these is on. Good: none. service ends by itself. configuration needs credentials, certificates or address mended, results needs a consumer, quota needs time, manual needs a release. chat-enricher status says why, and what to do.',
    unit: 'bool_on_off',
    span: 12,
    queries: { '{{reason}}': 'max by (reason) (chat_enricher_hold_active) > 0' },
    colours: REASON_COLOURS,
  }),
  seriesPanel({
    id: 502,
    title: 'Holds begun, by reason',
    description:
      'Good: none. One after another for service: the service comes back and breaks again at our pace, so lower the limit. Holds begun by hand are not counted here.',
    unit: 'short',
    span: 12,
    queries: {
      '{{reason}}': 'sum by (reason) (increase(chat_enricher_holds_total{reason!="manual"}[$__rate_interval])) > 0',
    },
    colours: REASON_COLOURS,
    stacked: true,
  }),
  seriesPanel({
    id: 503,
    title: 'Attempts by verdict',
    description:
      'How attempts ended. Good: answered. retry-later: may pass, tried again with backoff. hold: our configuration is refused. recheck: not found yet. give_up: rejected, or failed for good; retries by reason says why.',
    unit: 'suffix:/s',
    span: 12,
    queries: { '{{verdict}}': perSecond('chat_enricher_attempt_verdicts_total', 'verdict') },
    colours: { answered: 'green', 'retry-later': 'orange', hold: 'purple', recheck: 'blue', 'give-up': 'red' },
    stacked: true,
  }),
  seriesPanel({
    id: 504,
    title: 'Calls saved by sharing',
    description:
      'Lookups that were answered without a call of their own: shared with another one of the same connection id, or from the cache (CACHE_TTL_MS). Many shared ones: the producer enqueues the same id again and again.',
    unit: 'suffix:/s',
    span: 12,
    queries: { '{{source}}': perSecond('chat_enricher_calls_shared_total', 'source') },
    colours: { shared: 'green', cache: 'blue' },
    stacked: true,
  }),
]

const workers = [
  seriesPanel({
    id: 401,
    title: 'Slots: in use and in all',
    description:
      'Lookups in progress against the concurrency of all workers. Good: room left. All in use while the pace is below its limit: add workers or raise CONCURRENCY.',
    unit: 'short',
    queries: { 'in all': 'sum(chat_enricher_concurrency)', 'in use': 'sum(chat_enricher_lookups_in_progress)' },
    colours: { 'in all': 'green', 'in use': 'blue' },
  }),
  seriesPanel({
    id: 402,
    title: 'Event loop lag, p99',
    description:
      'By how much a worker’s event loop is late. Good: below 100 ms. Above 500 ms calls time out although the service answers: give the process more CPU, or lower CONCURRENCY.',
    unit: 's',
    queries: { '{{instance}}': `nodejs_eventloop_lag_p99_seconds ${OURS}` },
  }),
  seriesPanel({
    id: 403,
    title: 'Memory',
    description:
      'Resident memory of each worker. Good: flat after the first minutes. Growing for hours: a leak; take a heap snapshot before you restart it.',
    unit: 'bytes',
    queries: { '{{instance}}': `process_resident_memory_bytes ${OURS}` },
  }),
  seriesPanel({
    id: 404,
    title: 'Lookups recovered, handed back, suppressed',
    description:
      'Handed back: given back by a worker that stopped, normal in a deployment. Recovered: taken back from a worker that died or lost Redis; look for crashes, kills by the system, and Redis’ restarts. Suppressed: results that were not published a second time.',
    unit: 'short',
    span: 12,
    queries: {
      recovered: 'sum(increase(chat_enricher_lookups_recovered_total[$__rate_interval]))',
      'handed back': 'sum(increase(chat_enricher_lookups_handed_back_total[$__rate_interval]))',
      suppressed: 'sum(increase(chat_enricher_results_suppressed_total[$__rate_interval]))',
    },
    colours: { recovered: 'red', 'handed back': 'blue', suppressed: 'yellow' },
  }),
  seriesPanel({
    id: 405,
    title: 'Redis errors by kind',
    description:
      'Good: none. oom: Redis is full and refuses writes, take results off the queue, or give it memory. readonly: a failover is going on. connection and timeout: the network, or Redis is too busy.',
    unit: 'suffix:/s',
    span: 12,
    queries: { '{{kind}}': perSecond('chat_enricher_redis_errors_total', 'kind') },
    stacked: true,
  }),
]

export function overview(): dashboard.Dashboard {
  const builder = new dashboard.DashboardBuilder('Chat Enricher - overview')
    .uid('chat-enricher-overview')
    .description('The whole fleet along the way of a lookup: queue, results, calls to the SOAP service, workers.')
    .tags(['chat-enricher'])
    .timezone('browser')
    .refresh('15s')
    .time({ from: 'now-1h', to: 'now' })
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .withVariable(new dashboard.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .annotation(
      annotation(
        'New version',
        'count by (version) (chat_enricher_build_info unless on (version) chat_enricher_build_info offset 2m)',
        'blue',
        'version {{version}}',
      ),
    )
    .annotation(annotation('Alert', 'ALERTS{alertname=~"ChatEnricher.+", alertstate="firing"}', 'red', '{{alertname}}'))
  for (const panel of numbers) builder.withPanel(panel)
  builder.withRow(row(100, 'Queues'))
  for (const panel of backlog) builder.withPanel(panel)
  builder.withRow(row(200, 'Results'))
  for (const panel of results) builder.withPanel(panel)
  builder.withRow(row(300, 'Calls to the SOAP service'))
  for (const panel of calls) builder.withPanel(panel)
  builder.withRow(row(500, 'Holds and verdicts'))
  for (const panel of holds) builder.withPanel(panel)
  builder.withRow(row(400, 'Workers'))
  for (const panel of workers) builder.withPanel(panel)
  return builder.build()
}
