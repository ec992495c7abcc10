import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { CALL_OUTCOMES, REDIS_ERROR_KINDS } from '../domain/event.ts'
import { FAILURE_REASONS } from '../domain/failure.ts'
import { RESULT_STATUSES } from '../domain/result.ts'
import { noTime, PHASES } from '../domain/timing.ts'
import { countEvents } from './event-metrics.ts'
import { createMetrics } from './metrics.ts'
import { QueueCollector } from './queue-collector.ts'

const FLEET = {
  deadLetters: { expired: 3 },
  cancelled: 7,
  memory: { usedBytes: 1000, maxBytes: null },
  desiredWorkers: 2,
}
const BUILD = { version: '1.2.3', revision: 'abc' }

/** Public names, and the label values that are there from the start. */
const COUNTERS: [string, string?, (readonly string[])?][] = [
  ['lookups_total', 'status', RESULT_STATUSES],
  ['lookup_retries_total', 'reason', FAILURE_REASONS],
  ['lookups_recovered_total'],
  ['lookups_handed_back_total'],
  ['results_published_total', 'status', RESULT_STATUSES],
  ['results_suppressed_total'],
  ['redrives_total'],
  ['cancelled_total'],
  ['queue_collect_errors_total'],
  ['lookup_phase_seconds_total', 'phase', PHASES],
  ['redis_errors_total', 'kind', REDIS_ERROR_KINDS],
]
const HISTOGRAMS: [string, string?, (readonly string[])?][] = [
  ['lookup_duration_seconds', 'status', [...RESULT_STATUSES, 'retry']],
  ['lookup_wait_seconds'],
  ['lookup_own_wait_seconds'],
  ['lookup_end_to_end_seconds'],
  ['soap_call_duration_seconds', 'outcome', CALL_OUTCOMES],
  ['soap_response_bytes'],
  ['rate_limit_wait_seconds'],
]
const GAUGES = [
  'lookups_in_progress',
  'concurrency',
  'last_success_timestamp_seconds',
  'soap_calls_in_flight',
  'rate_limit_per_second',
  'calls_in_flight_limit',
  'queue_collect_duration_seconds',
  'redis_up',
  'desired_workers',
  'redis_memory_used_bytes',
  'clock_skew_seconds',
  'tls_certificate_expiry_timestamp_seconds',
]

async function linesAtStart(): Promise<string[]> {
  return (await createMetrics(BUILD).registry.metrics()).split('\n')
}

describe('a series that is there from the start', () => {
  it('has every label of its metric, because another set of labels would be another series', async () => {
    const counters = (await createMetrics(BUILD).registry.getMetricsAsJSON()).filter(
      ({ type }) => `${type}` === 'counter',
    )
    const sets = (name: string) => counters.find((one) => one.name === `chat_enricher_${name}`)?.values ?? []
    for (const { name, values } of counters) {
      const sizes = new Set(values.map(({ labels }) => Object.keys(labels).length))
      expect({ name, kinds: sizes.size <= 1 }).toEqual({ name, kinds: true })
    }
    expect(sets('attempt_verdicts_total')).toContainEqual(
      expect.objectContaining({ labels: { verdict: 'answered', reason: 'none' }, value: 0 }),
    )
    expect(sets('attempt_verdicts_total').filter(({ labels }) => Object.keys(labels).length !== 2)).toEqual([])
  })
})

describe('the metrics of a worker that has just started', () => {
  it.each(COUNTERS)('have the counter %s at 0', async (name, label, values) => {
    const lines = await linesAtStart()
    expect(lines).toContain(`# TYPE chat_enricher_${name} counter`)
    const series = label ? (values ?? []).map((value) => `${name}{${label}="${value}"}`) : [name]
    for (const one of series) expect(lines).toContain(`chat_enricher_${one} 0`)
  })

  it.each(HISTOGRAMS)('have the histogram %s at 0', async (name, label, values) => {
    const lines = await linesAtStart()
    expect(lines).toContain(`# TYPE chat_enricher_${name} histogram`)
    const series = label ? (values ?? []).map((value) => `${name}_count{${label}="${value}"}`) : [`${name}_count`]
    for (const one of series) expect(lines).toContain(`chat_enricher_${one} 0`)
  })

  it.each(GAUGES)('have the gauge %s at 0', async (name) => {
    const lines = await linesAtStart()
    expect(lines).toContain(`# TYPE chat_enricher_${name} gauge`)
    expect(lines).toContain(`chat_enricher_${name} 0`)
  })

  it('say which build it is', async () => {
    expect(await linesAtStart()).toContain(
      `chat_enricher_build_info{version="1.2.3",revision="abc",nodejs_version="${process.version}"} 1`,
    )
  })

  it('have a bucket at 30 s, which the objective is measured at', async () => {
    expect(await linesAtStart()).toContain('chat_enricher_lookup_end_to_end_seconds_bucket{le="30"} 0')
  })
})

describe('the state of the queues', () => {
  const state = (queue: string, added: number) => ({
    queue,
    role: 'lookup',
    jobs: { waiting: 3, failed: 0 },
    oldestAgeSeconds: 1.5,
    added,
  })

  it('is shown as read, is not added up, and is read at most once a second', async () => {
    const metrics = createMetrics(BUILD)
    let reads = 0
    let clock = 0
    const read = async () => ({ ...FLEET, queues: [state('a', 100 + reads++)] })
    const collector = new QueueCollector(metrics, read, () => clock)
    for (clock of [0, 0.5, 0.9, 2]) await collector.collect()
    expect(reads).toBe(2)
    const lines = (await metrics.registry.metrics()).split('\n')
    for (const line of [
      'queue_jobs{queue="a",role="lookup",state="waiting"} 3',
      'queue_jobs{queue="a",role="lookup",state="failed"} 0',
      'queue_oldest_job_age_seconds{queue="a",role="lookup"} 1.5',
      'queue_jobs_added_total{queue="a",role="lookup"} 101',
      'redis_memory_used_bytes 1000',
      'redis_memory_max_bytes +Inf',
      'desired_workers 2',
      'dead_letters{failure="expired"} 3',
      'dead_letters{failure="poison"} 0',
      'cancelled_total 7',
      'redis_up 1',
    ]) {
      expect(lines).toContain(`chat_enricher_${line}`)
    }
  })

  it('that cannot be read is counted, and the metrics are there all the same', async () => {
    const metrics = createMetrics(BUILD)
    const collector = new QueueCollector(
      metrics,
      () => Promise.reject(new Error('x')),
      () => 5,
    )
    await collector.collect()
    const lines = (await metrics.registry.metrics()).split('\n')
    expect(lines).toContain('chat_enricher_redis_up 0')
    expect(lines).toContain('chat_enricher_queue_collect_errors_total 1')
    // What was seen last would be the highest of what all say, as long as this process is cut off.
    expect(
      lines.filter((line) => /^chat_enricher_(queue_jobs|dead_letters|desired_workers|redis_memory)/.test(line)),
    ).toEqual([])
  })
})

it('count where the time of lookups went, however often they are read', async () => {
  const metrics = createMetrics(BUILD)
  const timing = { waitedMs: 500, pacedMs: 0, calledMs: 231, delayedMs: 0, heldMs: 2000 }
  const count = countEvents(metrics, () => 1)
  for (let i = 0; i < 2; i++) {
    count({ type: 'published', lookupId: '1', status: 'enriched', sinceEnqueuedMs: 3000, timing })
    await metrics.registry.metrics()
  }
  const lines = (await metrics.registry.metrics()).split('\n').filter((line) => line.includes('lookup_phase_seconds'))
  expect(lines.slice(2)).toEqual([
    'chat_enricher_lookup_phase_seconds_total{phase="waited"} 1',
    'chat_enricher_lookup_phase_seconds_total{phase="held"} 4',
    'chat_enricher_lookup_phase_seconds_total{phase="paced"} 0',
    'chat_enricher_lookup_phase_seconds_total{phase="called"} 0.462',
    'chat_enricher_lookup_phase_seconds_total{phase="delayed"} 0',
  ])
})

describe('the metrics as Prometheus reads them', () => {
  const promtool = spawnSync('promtool', ['--version']).status === 0
  if (!promtool && process.env.CI === 'true')
    throw new Error('expected promtool on PATH (package prometheus), got none')
  if (!promtool)
    console.warn('promtool is not on PATH: its check of the metrics is skipped (package prometheus has it)')

  it.skipIf(!promtool)('pass promtool check metrics', async () => {
    const metrics = createMetrics(BUILD)
    countEvents(
      metrics,
      () => 1,
    )({ type: 'published', lookupId: '1', status: 'enriched', sinceEnqueuedMs: 1, timing: noTime() })
    const read = async () => ({
      ...FLEET,
      queues: [{ queue: 'a', role: 'result', jobs: { waiting: 1 }, oldestAgeSeconds: 1, added: 1 }],
    })
    await new QueueCollector(metrics, read, () => 1).collect()
    const input = await metrics.registry.metrics()
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' })
    expect(stdout + stderr).toBe('')
    expect(status).toBe(0)
  })
})
