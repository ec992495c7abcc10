/** "Is it well, how far behind is it, when will it be done, where does the time go, who waits?" */

import { boardOf } from './board.ts'
import { seriesPanel, statPanel } from './panels.ts'
import { fleet, LOOKUP_QUEUES, ofQueues, own, perSecond, quantile, waiting } from './queries.ts'

const NO_MATTER: [string, number | null][] = [['blue', null]]
const LATE = `1 - sum(rate(${own('lookup_own_wait_seconds_bucket', 'le=~"30(\\\\.0)?"')}[1h])) / (sum(rate(${own('lookup_own_wait_seconds_count')}[1h])) > 0)`
const BAD_CALLS = `1 - sum(rate(${own('soap_call_duration_seconds_bucket', 'outcome="answer", le=~"5(\\\\.0)?"')}[1h])) / (sum(rate(${own('soap_call_duration_seconds_count')}[1h])) > 0)`
const ARRIVALS = `sum(max by (role, queue) (rate(${fleet('queue_jobs_added_total', LOOKUP_QUEUES)}[$__rate_interval])))`

const numbers = [
  statPanel({
    id: 1,
    title: 'Fleet',
    description:
      'Whether the fleet makes calls. Held: it has stopped them, by itself or by hand, and no lookup is lost. chat-enricher status says why, and what to do.',
    unit: 'short',
    runbook: 'ChatEnricherHeldForService',
    expr: `max(${fleet('hold_active')})`,
    thresholds: [
      ['green', null],
      ['red', 1],
    ],
    texts: { 0: 'goes', 1: 'HELD' },
    noValue: 'no worker',
  }),
  statPanel({
    id: 2,
    title: 'Lookups per second',
    description:
      'Lookups that got their result. Good: they follow the arrivals. None while lookups wait: chat-enricher status says why.',
    unit: 'suffix:/s',
    runbook: 'ChatEnricherNoProgress',
    expr: perSecond('lookups_total'),
    thresholds: NO_MATTER,
  }),
  statPanel({
    id: 3,
    title: 'Late lookups, 1 h',
    description:
      'Share of the lookups that waited longer than 30 s for a slot and their turn; time under a hold is not in it. Good: below 5 % (the objective). Higher: more workers while calls are below their limit, else a higher limit.',
    unit: 'percentunit',
    runbook: 'ChatEnricherWaitingBudgetBurn',
    expr: LATE,
    thresholds: [
      ['green', null],
      ['orange', 0.05],
      ['red', 0.3],
    ],
    noValue: 'no lookups',
  }),
  statPanel({
    id: 4,
    title: 'Bad calls, 1 h',
    description:
      'Share of the calls that failed or took longer than 5 s. Good: below 1 % (the service’s objective). Higher: see the dashboard Service, and tell those who run it.',
    unit: 'percentunit',
    runbook: 'ChatEnricherCallsBudgetBurn',
    expr: BAD_CALLS,
    thresholds: [
      ['green', null],
      ['orange', 0.01],
      ['red', 0.06],
    ],
    noValue: 'no calls',
  }),
  statPanel({
    id: 5,
    title: 'Backlog',
    description:
      'Lookups that wait for a worker. No number is bad by itself; people feel the age beside it. Growing for long: see arrivals against departures.',
    unit: 'short',
    runbook: 'ChatEnricherQueueTooOld',
    expr: waiting('', LOOKUP_QUEUES),
    thresholds: NO_MATTER,
  }),
  statPanel({
    id: 6,
    title: 'Oldest lookup waits',
    description:
      'Age of the oldest waiting lookup. Good: seconds. Over 5 minutes it is an alert: raise the limit if calls are at it, else add workers if all slots are in use, else look at the service.',
    unit: 's',
    runbook: 'ChatEnricherQueueTooOld',
    expr: `max(${fleet('queue_oldest_job_age_seconds', LOOKUP_QUEUES)})`,
    thresholds: [
      ['green', null],
      ['orange', 60],
      ['red', 300],
    ],
  }),
  statPanel({
    id: 7,
    title: 'Backlog is gone in',
    description:
      'At the rate at which it shrinks now. Good: soon enough for whoever waits. "Not draining" with a backlog: arrivals are as quick as results, or nothing moves.',
    unit: 's',
    runbook: 'ChatEnricherLimitReached',
    expr: `${waiting('', LOOKUP_QUEUES)} / (${perSecond('lookups_total')} - ${ARRIVALS} > 0)`,
    thresholds: NO_MATTER,
    noValue: 'not draining',
  }),
  statPanel({
    id: 8,
    title: 'Workers up',
    description:
      'Worker processes that Prometheus reaches. Good: as many as were started. Fewer: the state and the last log lines of the missing ones; exit code 78 is a configuration error.',
    unit: 'short',
    runbook: 'ChatEnricherDown',
    expr: `count(${own('concurrency')}) or vector(0)`,
    thresholds: [
      ['red', null],
      ['green', 1],
    ],
  }),
]

const backlog = [
  seriesPanel({
    id: 101,
    title: 'Arrivals against departures',
    description:
      'Lookups added to the queues, and lookups that got their result. Good: both lines are the same. Arrivals above departures for long: the backlog grows by the difference.',
    unit: 'suffix:/s',
    runbook: 'ChatEnricherQueueTooOld',
    thresholds: NO_MATTER,
    queries: { arrivals: ARRIVALS, departures: perSecond('lookups_total') },
    colours: { arrivals: 'orange', departures: 'green' },
  }),
  seriesPanel({
    id: 102,
    title: 'Jobs by state',
    description:
      'Waiting and prioritized: to be taken by a worker. Delayed: to be tried again later, or enqueued with a delay. Active: a worker has it. Many delayed: the service fails, see retries by reason.',
    unit: 'short',
    runbook: 'ChatEnricherNoProgress',
    thresholds: NO_MATTER,
    queries: {
      '{{role}} {{state}}': `sum by (role, state) (max by (role, queue, state) (${ofQueues('queue_jobs', 'state=~"waiting|prioritized|delayed|active"')}))`,
    },
    stacked: true,
  }),
  seriesPanel({
    id: 103,
    title: 'Who waits: oldest by queue',
    description:
      'How long the oldest job of each queue has waited. Good: seconds; interactive below lookup, because people wait there. Result high: its consumer is away. Whose lookups wait no metric says, because names of producers have no bound: chat-enricher status and the console show it, from a sample.',
    unit: 's',
    runbook: 'ChatEnricherResultsNotConsumed',
    thresholds: [
      ['green', null],
      ['red', 300],
    ],
    queries: { '{{role}}': `max by (role) (${ofQueues('queue_oldest_job_age_seconds')})` },
  }),
  seriesPanel({
    id: 104,
    title: 'Who asks: accepted by the API',
    description:
      'Lookups that the API has put on a queue, by the name of the token (others: without one). One producer far above its usual rate: a backfill; slow it down, or let it have the batch queue.',
    unit: 'suffix:/s',
    runbook: 'ChatEnricherWaitingBudgetBurn',
    thresholds: NO_MATTER,
    queries: { '{{producer}}': perSecond('lookups_accepted_total', 'producer') },
    stacked: true,
  }),
  seriesPanel({
    id: 105,
    title: 'Dead letters by failure',
    description:
      'Lookups that gave up; each has had its result. Good: flat. A step up: find the cause (chat-enricher dead-letters) before you put them back.',
    unit: 'short',
    runbook: 'ChatEnricherDeadLettersGrow',
    thresholds: NO_MATTER,
    queries: { '{{failure}}': `max by (failure) (${fleet('dead_letters')})` },
    stacked: true,
  }),
  seriesPanel({
    id: 106,
    title: 'Results not taken',
    description:
      'Results that wait for their consumer. Good: near zero. Growing: look at the consumer; at RESULT_BACKLOG_LIMIT the fleet is held.',
    unit: 'short',
    runbook: 'ChatEnricherResultsNotConsumed',
    thresholds: [
      ['green', null],
      ['red', 100_000],
    ],
    queries: { 'results not taken': waiting('', 'role="result"') },
  }),
]

const time = [
  seriesPanel({
    id: 201,
    title: 'Where the time of a lookup goes',
    description:
      'Seconds of each phase, on the average of the lookups that got their result. Good: mostly called. Waited: too few slots. Paced: the limit. Held: the fleet had stopped. Delayed: the service failed, or rechecks.',
    unit: 's',
    span: 12,
    runbook: 'ChatEnricherWaitingBudgetBurn',
    thresholds: NO_MATTER,
    queries: {
      '{{phase}}': `${perSecond('lookup_phase_seconds_total', 'phase')} / on () group_left () (${perSecond('lookups_total')} > 0)`,
    },
    colours: { waited: 'yellow', paced: 'orange', held: 'purple', called: 'green', delayed: 'red' },
    stacked: true,
  }),
  seriesPanel({
    id: 202,
    title: 'Time of a lookup',
    description:
      'From being enqueued to its result, and the part that is our own wait. Good: p95 below 30 s. Mostly own wait: limits or workers. Else: the service, or a hold.',
    unit: 's',
    span: 12,
    runbook: 'ChatEnricherWaitingBudgetBurn',
    thresholds: [
      ['green', null],
      ['red', 30],
    ],
    queries: {
      'end to end, p50': quantile(0.5, 'lookup_end_to_end_seconds'),
      'end to end, p95': quantile(0.95, 'lookup_end_to_end_seconds'),
      'own wait, p95': quantile(0.95, 'lookup_own_wait_seconds'),
    },
  }),
  seriesPanel({
    id: 203,
    title: 'Results by status',
    description:
      'Results published. Good: mostly enriched. Not found: the service does not know the id. Rejected or invalid: look at what the producer sends. Failed: look at the SOAP calls.',
    unit: 'suffix:/s',
    span: 12,
    runbook: 'ChatEnricherDeadLettersGrow',
    thresholds: NO_MATTER,
    queries: { '{{status}}': perSecond('results_published_total', 'status') },
    colours: { enriched: 'green', 'not-found': 'blue', rejected: 'orange', invalid: 'purple', failed: 'red' },
    stacked: true,
  }),
  seriesPanel({
    id: 204,
    title: 'Objectives: share that missed them, and share of time held',
    description:
      'Late lookups (objective 5 %, ours), bad calls (1 %, the service’s), over five minutes, and which part of the last day the fleet was held. Good: all near zero. A hold is not counted as waiting.',
    unit: 'percentunit',
    span: 12,
    runbook: 'ChatEnricherCallsBudgetBurn',
    thresholds: [
      ['green', null],
      ['red', 0.05],
    ],
    queries: {
      'late lookups': 'fleet:chat_enricher_late_lookups:ratio_rate5m',
      'bad calls': 'fleet:chat_enricher_bad_calls:ratio_rate5m',
      'held, last day': 'fleet:chat_enricher_held:ratio_1d',
    },
    colours: { 'late lookups': 'orange', 'bad calls': 'red', 'held, last day': 'purple' },
  }),
]

export const overview = () =>
  boardOf({
    uid: 'chat-enricher-overview',
    title: 'overview',
    description: 'Is it well, how far behind, when done, where does the time go, who waits.',
    rows: [
      ['', numbers],
      ['Queues', backlog],
      ['Time and results', time],
    ],
  })
