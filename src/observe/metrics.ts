/**
 * The metrics, by their public names. Counters and histograms belong to one process (sum them); gauges marked fleet say
 * the same from every process (take the max). No id, address or message stands in a label, and every label value starts
 * at 0, so that rates exist before the first failure.
 */

import { Counter, Gauge, type Registry } from 'prom-client'
import { ATTEMPT_VERDICTS, CALL_OUTCOMES } from '../domain/event.ts'
import { FAILURE_REASONS } from '../domain/failure.ts'
import { HOLD_REASONS } from '../domain/hold.ts'
import { RESULT_STATUSES } from '../domain/result.ts'
import { noTime, PHASES, sumOf, type Timing } from '../domain/timing.ts'
import { createFleetMetrics } from './fleet-metrics.ts'
import { type Build, processMetrics } from './process-metrics.ts'
import { QuickHistogram } from './quick-histogram.ts'

const CALL_BUCKETS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30]
const WAIT_BUCKETS = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600]
const PERMIT_BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const BYTE_BUCKETS = [512, 1024, 2048, 4096, 16_384, 65_536, 262_144, 1_048_576]

/** What may be set by hand and forgotten; an accepted code is meant to stay. */
export const SET_BY_HAND = ['hold', 'pace', 'limit', 'queue-paused'] as const

export type Metrics = ReturnType<typeof createMetrics>

export function createMetrics(build: Build) {
  const process = processMetrics(build)
  const { shared } = process
  const { registry } = shared

  const counter = <L extends string>(name: string, help: string, labels: Record<L, readonly string[]>) => {
    const labelNames = Object.keys(labels) as L[]
    const made = new Counter({ name: `chat_enricher_${name}`, help, labelNames, registers: [registry] })
    for (const whole of everySet(labels)) made.inc(whole as never, 0)
    return made
  }
  const plainCounter = (name: string, help: string) =>
    counter<never>(name, help, {} as Record<never, readonly string[]>)
  const gauge = (name: string, help: string, ...labelNames: string[]) =>
    new Gauge({ name: `chat_enricher_${name}`, help, labelNames, registers: [registry] })
  const histogram = (name: string, help: string, buckets: number[], label?: string, values?: readonly string[]) =>
    new QuickHistogram({
      ...{ name: `chat_enricher_${name}`, help, registers: [registry], buckets },
      ...(label === undefined || values === undefined ? {} : { label, values }),
    })

  const metrics = {
    ...shared,
    ...createFleetMetrics(process),
    phases: new PhaseTimes(registry),
    lookups: counter('lookups_total', 'Lookups that got their result.', { status: RESULT_STATUSES }),
    retries: counter('lookup_retries_total', 'Retries, quick and later.', { reason: FAILURE_REASONS }),
    verdicts: counter('attempt_verdicts_total', 'What attempts came to, and why.', {
      verdict: ATTEMPT_VERDICTS,
      reason: ['none', ...FAILURE_REASONS],
    }),
    recovered: plainCounter('lookups_recovered_total', 'Lookups taken back from a worker that died or lost Redis.'),
    handedBack: plainCounter('lookups_handed_back_total', 'Lookups given back at shutdown.'),
    lookupDuration: histogram('lookup_duration_seconds', 'One attempt in the worker.', CALL_BUCKETS, 'status', [
      ...RESULT_STATUSES,
      'retry',
    ]),
    lookupWait: histogram('lookup_wait_seconds', 'From enqueued to first start.', WAIT_BUCKETS),
    ownWait: histogram(
      'lookup_own_wait_seconds',
      'What a lookup waited for a slot and for its turn to call: without holds, calls and delays.',
      WAIT_BUCKETS,
    ),
    endToEnd: histogram('lookup_end_to_end_seconds', 'From enqueued to result published.', WAIT_BUCKETS),
    inProgress: gauge('lookups_in_progress', 'Slots used: lookups that are being run.'),
    concurrency: gauge('concurrency', 'Slots: lookups that can be run at once.'),
    lastSuccess: gauge('last_success_timestamp_seconds', 'When a lookup was last enriched; 0 if never.'),
    published: counter('results_published_total', 'Results published.', { status: RESULT_STATUSES }),
    suppressed: plainCounter('results_suppressed_total', 'Results not published again, because they already were.'),
    redrives: plainCounter('redrives_total', 'Lookups put back after they had ended that have their next result.'),
    callsShared: counter('calls_shared_total', 'Lookups answered without a call of their own.', {
      source: ['shared', 'cache'],
    }),
    callDuration: histogram(
      'soap_call_duration_seconds',
      'One call on the wire.',
      CALL_BUCKETS,
      'outcome',
      CALL_OUTCOMES,
    ),
    callsInFlight: gauge('soap_calls_in_flight', 'Calls on their way, of this process.'),
    responseBytes: histogram('soap_response_bytes', 'Bytes read of an answer.', BYTE_BUCKETS),
    unexpectedContentType: plainCounter(
      'soap_unexpected_content_type_total',
      'Good answers that came under a wrong content type.',
    ),
    permitWait: histogram('rate_limit_wait_seconds', 'Time a call waited for its turn.', PERMIT_BUCKETS),
    rateLimit: gauge('rate_limit_per_second', 'Fleet (max): calls a second in force; +Inf for none.'),
    inFlightLimit: gauge('calls_in_flight_limit', 'Fleet (max): calls in flight in force; +Inf for none.'),
    holdActive: gauge('hold_active', 'Fleet (max): 1 while the fleet holds for this reason.', 'reason'),
    holds: counter('holds_total', 'Holds that this process began.', { reason: HOLD_REASONS }),
    byHand: gauge('by_hand', 'Fleet (max): things that somebody has set by hand and that are still so.', 'what'),
    evictionPolicyOk: gauge(
      'redis_eviction_policy_ok',
      'Fleet (min): 1 while Redis throws nothing away when its memory is full; 0: lookups may be lost.',
    ),
    certificateExpiry: gauge(
      'tls_certificate_expiry_timestamp_seconds',
      "When the service's certificate ends; 0 if it showed none.",
    ),
  }
  for (const reason of HOLD_REASONS) metrics.holdActive.set({ reason }, 0)
  for (const what of SET_BY_HAND) metrics.byHand.set({ what }, 0)
  metrics.evictionPolicyOk.set(1) // a worker does not start on any other policy
  return metrics
}

/**
 * Where the time of lookups went. A counter with labels is dear to increase, and this would be five times for each lookup:
 * so it is summed up here, and counted when somebody asks.
 */
class PhaseTimes {
  #sum = noTime()

  constructor(registry: Registry) {
    const count = (counter: Counter<'phase'>) => {
      for (const phase of PHASES) counter.inc({ phase }, this.#sum[`${phase}Ms`] / 1000)
      this.#sum = noTime()
    }
    new Counter({
      name: 'chat_enricher_lookup_phase_seconds_total',
      help: 'Where the time of lookups that got their result went.',
      labelNames: ['phase'],
      registers: [registry],
      collect() {
        count(this)
      },
    })
  }

  add(timing: Timing): void {
    this.#sum = sumOf(this.#sum, timing)
  }
}

/** Each label with each of its values: a series that starts with some of its labels would be another one. */
function everySet(labels: Record<string, readonly string[]>): Record<string, string>[] {
  return Object.entries(labels).reduce<Record<string, string>[]>(
    (sets, [label, values]) => sets.flatMap((set) => values.map((value) => ({ ...set, [label]: value }))),
    [{}],
  )
}
