/** "What does the service do to us, and what do we do to it?" */

import { boardOf } from './board.ts'
import { heatmapPanel, seriesPanel, statePanel } from './panels.ts'
import { finite, fleet, increase, own, perSecond, quantile, shareOf } from './queries.ts'

const NO_MATTER: [string, number | null][] = [['blue', null]]

const calls = [
  heatmapPanel({
    id: 301,
    title: 'Time of a SOAP call',
    description:
      'How many calls took how long. Good: one narrow band, low. A second band near the call timeout: part of the service hangs. The band climbs with the pace: the service is at its limit, lower the rate.',
    unit: 's',
    span: 12,
    runbook: 'ChatEnricherCallsBudgetBurn',
    thresholds: NO_MATTER,
    expr: increase('soap_call_duration_seconds_bucket', 'le'),
  }),
  seriesPanel({
    id: 302,
    title: 'SOAP calls by outcome',
    description:
      'Good: answers only. Faults and http_error: the service refuses or breaks. Timeout and network: it is slow or cannot be reached. Unreadable: a proxy or login page answers in its place.',
    unit: 'suffix:/s',
    span: 12,
    runbook: 'ChatEnricherCallsBudgetBurn',
    thresholds: NO_MATTER,
    queries: { '{{outcome}}': perSecond('soap_call_duration_seconds_count', 'outcome') },
    colours: {
      answer: 'green',
      fault: 'orange',
      http_error: 'red',
      timeout: 'purple',
      network: 'dark-red',
      unreadable: 'yellow',
    },
    stacked: true,
  }),
]

const holds = [
  statePanel({
    id: 501,
    title: 'Held, by reason',
    description:
      'The whole fleet makes no call while one of these is on. Good: none. service ends by itself. configuration needs credentials, certificates or address mended, results a consumer, quota time, manual a release. chat-enricher status says why, and what to do.',
    unit: 'short',
    runbook: 'ChatEnricherHeldForService',
    thresholds: [
      ['green', null],
      ['red', 1],
    ],
    queries: { '{{reason}}': `max by (reason) (${fleet('hold_active')})` },
    texts: { 0: ['goes', 'green'], 1: ['HELD', 'red'] },
  }),
]

const pace = [
  seriesPanel({
    id: 303,
    title: 'Pace: limit against use',
    description:
      'Calls of the whole fleet per second, and the limit in force. Use at the limit while lookups wait: only a higher limit helps, more workers do not. Use below it while lookups wait: add workers. No line for the limit: there is none.',
    unit: 'suffix:/s',
    runbook: 'ChatEnricherLimitReached',
    thresholds: NO_MATTER,
    queries: {
      limit: finite(`max(${fleet('rate_limit_per_second')})`),
      use: perSecond('soap_call_duration_seconds_count'),
    },
    colours: { limit: 'red', use: 'blue' },
  }),
  seriesPanel({
    id: 304,
    title: 'Wait for a turn to call',
    description:
      'How long calls waited for the rate limit. Good: near zero, or steady while a backlog is worked off at the limit. Rising without end: there are more slots than the limit can feed; fewer workers are enough.',
    unit: 's',
    runbook: 'ChatEnricherLimitReached',
    thresholds: [
      ['green', null],
      ['orange', 10],
    ],
    queries: {
      p50: quantile(0.5, 'rate_limit_wait_seconds'),
      p95: quantile(0.95, 'rate_limit_wait_seconds'),
    },
  }),
  seriesPanel({
    id: 305,
    title: 'Calls in flight',
    description:
      'Calls on the wire now, and how many may be. Good: well below the limit. At the limit: the service answers too slowly for the pace. No line for the limit: there is none.',
    unit: 'short',
    runbook: 'ChatEnricherLimitReached',
    thresholds: NO_MATTER,
    queries: {
      limit: finite(`max(${fleet('calls_in_flight_limit')})`),
      'in flight': `sum(${own('soap_calls_in_flight')})`,
    },
    colours: { limit: 'red', 'in flight': 'blue' },
  }),
  seriesPanel({
    id: 306,
    title: 'Retries’ share of the calls',
    description:
      'Each retry is one more call to the service. Good: next to none. They never take more than a tenth of the pace while first calls wait; more than that here: nothing else waits, and the service fails.',
    unit: 'percentunit',
    runbook: 'ChatEnricherCallsBudgetBurn',
    thresholds: [
      ['green', null],
      ['orange', 0.05],
      ['red', 0.2],
    ],
    queries: {
      retries: shareOf(perSecond('lookup_retries_total'), perSecond('soap_call_duration_seconds_count')),
    },
    colours: { retries: 'orange' },
  }),
  seriesPanel({
    id: 307,
    title: 'Retries by reason',
    description:
      'Good: next to none. If one reason goes on: timeout, connect, dns and reset mean the service or the network to it; http_status and fault mean that the service answers with errors.',
    unit: 'suffix:/s',
    runbook: 'ChatEnricherCallsBudgetBurn',
    thresholds: NO_MATTER,
    queries: { '{{reason}}': perSecond('lookup_retries_total', 'reason') },
    stacked: true,
  }),
  seriesPanel({
    id: 308,
    title: 'Not found, share of the lookups',
    description:
      'Good: as always. A step up: producers send other ids, or the service has lost data; ask for an id that is known to be right (chat-enricher lookup). Not found is a final result.',
    unit: 'percentunit',
    runbook: 'ChatEnricherNotFoundShare',
    thresholds: [
      ['green', null],
      ['red', 0.5],
    ],
    queries: {
      'not found': shareOf(perSecond('lookups_total', '', 'status="not-found"'), perSecond('lookups_total')),
    },
    colours: { 'not found': 'blue' },
  }),
]

const more = [
  seriesPanel({
    id: 502,
    title: 'Holds begun, by reason',
    description:
      'Good: none. One after another for service: the service comes back and breaks again at our pace, so lower the limit. Holds begun by hand are not counted here.',
    unit: 'short',
    runbook: 'ChatEnricherHoldsFlap',
    thresholds: [
      ['green', null],
      ['red', 6],
    ],
    queries: { '{{reason}}': increase('holds_total', 'reason', 'reason!="manual"') },
    stacked: true,
  }),
  seriesPanel({
    id: 503,
    title: 'Attempts by verdict',
    description:
      'How attempts ended. Good: answered. retry-later: may pass, tried again with backoff. hold: our configuration is refused. recheck: not found yet. give-up: rejected, or failed for good; retries by reason says why.',
    unit: 'suffix:/s',
    runbook: 'ChatEnricherDeadLettersGrow',
    thresholds: NO_MATTER,
    queries: { '{{verdict}}': perSecond('attempt_verdicts_total', 'verdict') },
    colours: { answered: 'green', 'retry-later': 'orange', hold: 'purple', recheck: 'blue', 'give-up': 'red' },
    stacked: true,
  }),
  seriesPanel({
    id: 504,
    title: 'Calls saved by sharing',
    description:
      'Lookups that were answered without a call of their own: shared with another one of the same connection id, or from the cache (CACHE_TTL_MS). Many shared ones: the producer enqueues the same id again and again.',
    unit: 'suffix:/s',
    runbook: 'ChatEnricherLimitReached',
    thresholds: NO_MATTER,
    queries: { '{{source}}': perSecond('calls_shared_total', 'source') },
    colours: { shared: 'green', cache: 'blue' },
    stacked: true,
  }),
  seriesPanel({
    id: 505,
    title: 'Certificate ends in',
    description:
      'Time until the certificate that the service shows ends. Good: weeks. Below two weeks it is an alert: tell those who run the service. No line: it is asked over plain HTTP.',
    unit: 's',
    runbook: 'ChatEnricherCertificateEnds',
    thresholds: [
      ['red', null],
      ['green', 1_209_600],
    ],
    queries: { 'ends in': `min(${own('tls_certificate_expiry_timestamp_seconds')} > 0) - time()` },
  }),
]

export const service = () =>
  boardOf({
    uid: 'chat-enricher-service',
    title: 'service',
    description:
      'The SOAP service as the fleet meets it: how long calls take, what comes of them, holds, and our pace.',
    rows: [
      ['', calls],
      ['Holds', holds],
      ['Pace, retries, not found', pace],
      ['More', more],
    ],
  })
