/** "Are the processes well, do they work alike, and is Redis well?" */

import { boardOf } from './board.ts'
import { seriesPanel } from './panels.ts'
import { finite, fleet, increase, ofNode, own, perSecond, quantile, shareOf } from './queries.ts'

const NO_MATTER: [string, number | null][] = [['blue', null]]

const slots = [
  seriesPanel({
    id: 401,
    title: 'Slots: in use and in all',
    description:
      'Lookups in progress against the concurrency of all workers. Good: room left. All in use while the pace is below its limit: add workers or raise CONCURRENCY.',
    unit: 'short',
    runbook: 'ChatEnricherWaitingBudgetBurn',
    thresholds: NO_MATTER,
    queries: { 'in all': `sum(${own('concurrency')})`, 'in use': `sum(${own('lookups_in_progress')})` },
    colours: { 'in all': 'green', 'in use': 'blue' },
  }),
  seriesPanel({
    id: 406,
    title: 'Workers: up and wanted',
    description:
      'Workers that Prometheus reaches, and as many as would drain the backlog in DRAIN_TARGET_MS and the limits can feed. Good: up is at least wanted. Below it for long: start more.',
    unit: 'short',
    runbook: 'ChatEnricherWorkersMissing',
    thresholds: NO_MATTER,
    queries: { up: `count(${own('concurrency')})`, wanted: `max(${fleet('desired_workers')})` },
    colours: { up: 'green', wanted: 'orange' },
  }),
  seriesPanel({
    id: 407,
    title: 'Uneven ones: lookups of each worker',
    description:
      'Lookups that each worker ends. Good: lines lie on each other. One far below while lookups wait: its event loop, its network to the service, its log.',
    unit: 'suffix:/s',
    runbook: 'ChatEnricherUnevenWorkers',
    thresholds: NO_MATTER,
    queries: { '{{instance}}': perSecond('lookups_total', 'instance') },
  }),
]

const processes = [
  seriesPanel({
    id: 402,
    title: 'Event loop lag, p99',
    description:
      'By how much the event loop of a process is late. Good: below 100 ms. Above 500 ms calls time out although the service answers: give the process more CPU, or lower CONCURRENCY.',
    unit: 's',
    runbook: 'ChatEnricherEventLoopLag',
    thresholds: [
      ['green', null],
      ['orange', 0.1],
      ['red', 0.5],
    ],
    queries: { '{{instance}}': ofNode('nodejs_eventloop_lag_p99_seconds') },
  }),
  seriesPanel({
    id: 403,
    title: 'Memory',
    description:
      'Resident memory of each process. Good: flat after the first minutes. Growing for hours: a leak; take a heap snapshot before you restart it.',
    unit: 'bytes',
    runbook: 'ChatEnricherRestarting',
    thresholds: [
      ['green', null],
      ['orange', 536_870_912],
    ],
    queries: { '{{instance}}': ofNode('process_resident_memory_bytes') },
  }),
  seriesPanel({
    id: 408,
    title: 'CPU',
    description:
      'CPU of each process, in cores. Good: well below 1, because one event loop uses one core. Near 1: start more workers, CONCURRENCY does not help.',
    unit: 'short',
    runbook: 'ChatEnricherEventLoopLag',
    thresholds: [
      ['green', null],
      ['red', 0.9],
    ],
    queries: { '{{instance}}': `rate(${ofNode('process_cpu_seconds_total')}[$__rate_interval])` },
  }),
  seriesPanel({
    id: 404,
    title: 'Lookups recovered, handed back, suppressed',
    description:
      'Handed back: given back by a worker that stopped, normal in a deployment. Recovered: taken back from a worker that died or lost Redis; look for crashes, kills by the system, and Redis’ restarts. Suppressed: results that were not published a second time.',
    unit: 'short',
    runbook: 'ChatEnricherLookupsTakenBack',
    thresholds: NO_MATTER,
    queries: {
      recovered: increase('lookups_recovered_total'),
      'handed back': increase('lookups_handed_back_total'),
      suppressed: increase('results_suppressed_total'),
    },
    colours: { recovered: 'red', 'handed back': 'blue', suppressed: 'yellow' },
  }),
  seriesPanel({
    id: 409,
    title: 'Starts in the last hour',
    description:
      'How often each process has started. Good: once in a deployment. Again and again: the last log lines before each start; exit code 78 is a configuration error, 137 a kill for memory.',
    unit: 'short',
    runbook: 'ChatEnricherRestarting',
    thresholds: [
      ['green', null],
      ['red', 3],
    ],
    queries: { '{{instance}}': `changes(${ofNode('process_start_time_seconds')}[1h])` },
  }),
  seriesPanel({
    id: 410,
    title: 'Clocks against that of Redis',
    description:
      'Good: below 0.1 s. Beyond 5 s a process is not ready, because delays and ends are by its clock. All alike: the clock of the machine of Redis is wrong.',
    unit: 's',
    runbook: 'ChatEnricherClockSkew',
    thresholds: [
      ['green', null],
      ['red', 2],
    ],
    queries: { '{{instance}}': `abs(${own('clock_skew_seconds')})` },
  }),
]

const redis = [
  seriesPanel({
    id: 411,
    title: 'Redis: memory used and in all',
    description:
      'Of the fullest node. Good: well below its limit, and flat after a day (LOOKUP_RETENTION_MS). At the limit Redis refuses writes and nothing moves. No line for the limit: it says none.',
    unit: 'bytes',
    runbook: 'ChatEnricherRedisFillsUp',
    thresholds: NO_MATTER,
    queries: {
      used: `max(${fleet('redis_memory_used_bytes')})`,
      limit: finite(`max(${fleet('redis_memory_max_bytes')})`),
    },
    colours: { limit: 'red', used: 'blue' },
  }),
  seriesPanel({
    id: 412,
    title: 'Redis, as each process sees it',
    description:
      'Whether each process reaches Redis. Good: all 1. All 0: Redis is away, no lookup is lost. One of them 0: its network, its password.',
    unit: 'bool_on_off',
    runbook: 'ChatEnricherRedisUnreachable',
    thresholds: [
      ['red', null],
      ['green', 1],
    ],
    queries: { '{{instance}}': own('redis_up') },
  }),
  seriesPanel({
    id: 405,
    title: 'Redis errors by kind',
    description:
      'Good: none. oom: Redis is full and refuses writes, take results off the queue, or give it memory. readonly: a failover is going on. connection and timeout: the network, or Redis is too busy.',
    unit: 'suffix:/s',
    runbook: 'ChatEnricherRedisUnreachable',
    thresholds: NO_MATTER,
    queries: { '{{kind}}': perSecond('redis_errors_total', 'kind') },
    stacked: true,
  }),
]

const faces = [
  seriesPanel({
    id: 601,
    title: 'API: requests by status',
    description:
      'Answers of the HTTP API. Good: 2xx. 503: it cannot reach Redis, or Redis is full. 429: a token asks more often than API_REQUESTS_PER_SECOND.',
    unit: 'suffix:/s',
    runbook: 'ChatEnricherApiErrors',
    thresholds: NO_MATTER,
    queries: { '{{status}}': `${perSecond('http_requests_total', 'status')} > 0` },
    stacked: true,
  }),
  seriesPanel({
    id: 602,
    title: 'API: time of a request, p95',
    description:
      'All routes together; those that wait for a result take as long as they were told to. Good: below 0.1 s otherwise. Higher: Redis is slow, or the process has too little CPU.',
    unit: 's',
    runbook: 'ChatEnricherApiErrors',
    thresholds: [
      ['green', null],
      ['orange', 1],
    ],
    queries: { p95: quantile(0.95, 'http_request_duration_seconds') },
  }),
  seriesPanel({
    id: 603,
    title: 'Webhook: share of tries delivered',
    description:
      'Tries to post a result that the receiver took with 2xx. Good: all. Fewer: the receiver; results stay on their queue and are tried again. No line: no webhook runs.',
    unit: 'percentunit',
    runbook: 'ChatEnricherWebhookHeld',
    thresholds: [
      ['red', null],
      ['green', 0.9],
    ],
    queries: {
      delivered: shareOf(
        perSecond('webhook_deliveries_total', '', 'outcome="delivered"'),
        perSecond('webhook_deliveries_total'),
      ),
    },
  }),
]

export const workers = () =>
  boardOf({
    uid: 'chat-enricher-workers',
    title: 'workers',
    description: 'The processes: slots, event loops, memory, which are uneven; Redis as they see it; API and webhook.',
    rows: [
      ['', slots],
      ['Processes', processes],
      ['Redis', redis],
      ['API and webhook', faces],
    ],
  })
