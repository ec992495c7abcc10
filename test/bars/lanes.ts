/** A person's lookup is not delayed by a backfill, and a line however long costs nobody his deadline. */

import { setTimeout as sleep } from 'node:timers/promises'
import { CHAT } from '../support/scripted-service.ts'
import { NAMES, until } from '../support/world.ts'
import { type Fleet, info, startFleet } from './fleet.ts'
import { atLeast, atMost, exactly, type Figure } from './report.ts'

export interface BackfillOptions {
  lookups: number
  /** Measured; the rest of the backfill is left. */
  seconds: number
  everyMs: number
}

export async function backfill({ lookups, seconds, everyMs }: BackfillOptions): Promise<Figure[]> {
  const ratePerSecond = 50
  const latencyMs = 200
  const fleet = await startFleet({ latencyMs, env: { RATE_LIMIT_PER_SECOND: String(ratePerSecond) } })
  const { service } = fleet
  await fleet.enqueue(lookups, 'backfill-')
  await until('the backfill runs', () => service.calls.length > ratePerSecond)
  const startedAt = performance.now()
  const waits: number[] = []
  while (performance.now() - startedAt < seconds * 1000) {
    const turn = sleep(everyMs)
    waits.push(await interactive(fleet, waits.length))
    await turn
  }
  const endedAt = performance.now()
  const batch = service.calls.filter(({ id, at }) => id.startsWith('backfill-') && at >= startedAt && at < endedAt)
  const figures = [
    atMost('longest wait for an interactive result, ms', Math.max(...waits), 1000 + latencyMs),
    atLeast('calls of the backfill a second', batch.length / ((endedAt - startedAt) / 1000), ratePerSecond * 0.85),
    info('interactive lookups', waits.length),
    fleet.lateness(),
    info('their mean wait, ms', waits.reduce((sum, ms) => sum + ms, 0) / waits.length),
  ]
  await fleet.close()
  return figures
}

/** Milliseconds until its result is with the consumer. */
async function interactive({ world, consumer }: Fleet, number: number): Promise<number> {
  const connectionId = `person-${number}`
  const startedAt = performance.now()
  await world.queue(NAMES.interactiveQueue).add('lookup', { connectionId })
  await until('its result', () => consumer.results.some((result) => result.connectionId === connectionId), 60_000)
  return performance.now() - startedAt
}

export interface LineOptions {
  seconds: number
  lookupDeadlineMs: number
  /** Of the calls. */
  failing: number
}

/** Slots of 40 processes by default, in 8; far more than so slow a limit can feed. */
const SLOTS = { processes: 8, each: 160 }

export async function longLine({ seconds, lookupDeadlineMs, failing }: LineOptions): Promise<Figure[]> {
  const ratePerSecond = 5
  const fleet = await startFleet({
    processes: SLOTS.processes,
    env: {
      RATE_LIMIT_PER_SECOND: String(ratePerSecond),
      CONCURRENCY: String(SLOTS.each),
      LOOKUP_DEADLINE_MS: String(lookupDeadlineMs),
      SOAP_CALL_TIMEOUT_MS: '3000',
    },
  })
  const { service } = fleet
  service.script = () => (Math.random() < failing ? { say: 'status', status: 503 } : CHAT)
  await fleet.enqueue(SLOTS.processes * SLOTS.each * 2)
  await until('the service is asked', () => service.calls.length > 0)
  const startedAt = performance.now()
  await sleep(seconds * 1000)
  const calls = service.calls.length
  const aSecond = calls / ((performance.now() - startedAt) / 1000)
  const { active } = await fleet.world.queue(NAMES.lookupQueue).getJobCounts('active')
  // A deadline that is reached is a retry for a timeout, as is a call that gets no answer: here all get one.
  const timedOut = await fleet.metric('lookup_retries_total', 'reason="timeout"')
  const others = fleet.consumer.results.filter(({ status }) => status !== 'enriched')
  const figures = [
    info('lookups in line', active ?? 0),
    fleet.lateness(),
    exactly('lookups whose deadline ran out', timedOut, 0),
    exactly('results other than enriched', others.length, 0),
    exactly('lookups that lost their lock', await fleet.metric('lookups_recovered_total'), 0),
    atLeast('calls a second', aSecond, ratePerSecond * 0.95),
    info('retries for a 503', await fleet.metric('lookup_retries_total', 'reason="http_status"')),
  ]
  await fleet.close()
  return figures
}
