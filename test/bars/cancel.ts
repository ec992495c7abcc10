/** Very many lookups are cancelled while workers run, and the command is killed three times: one result for each. */

import { start } from '../cli/started.ts'
import { addWaiting } from '../support/many-waiting.ts'
import { NAMES, until } from '../support/world.ts'
import { type Fleet, info, startFleet } from './fleet.ts'
import { exactly, type Figure } from './report.ts'

/** It is killed when so many of all are left. */
const KILLED_AT = [0.75, 0.5, 0.25]
const WITHIN_MS = 180_000

export async function cancel({ lookups, rate }: { lookups: number; rate: number }): Promise<Figure[]> {
  const env = { RATE_LIMIT_PER_SECOND: '50', RESULT_BACKLOG_LIMIT: 'none' }
  const fleet = await startFleet({ processes: 2, latencyMs: 20, env })
  await addWaiting(fleet.world.redis, lookups)
  const cancelling = () => start(['cancel', '--state', 'waiting', '--yes', '--rate', String(rate)], fleet.env)
  const from = performance.now()
  for (const share of KILLED_AT) {
    const acting = cancelling()
    await until(`${share} are left`, async () => (await waiting(fleet)) <= lookups * share, WITHIN_MS)
    acting.child.kill('SIGKILL')
    await acting.ended
  }
  const last = cancelling()
  const { code } = await last.ended
  const seconds = (performance.now() - from) / 1000
  const figures = [
    exactly('exit of the run that was not killed', code ?? -1, 0),
    ...(await oneEach(fleet, lookups)),
    info('cancelled a second, with the starts of the command', lookups / seconds),
    info('asked for a second', rate),
    fleet.lateness(),
  ]
  await fleet.close()
  return figures
}

async function waiting({ world }: Fleet): Promise<number> {
  return (await world.queue(NAMES.lookupQueue).getWaitingCount()) ?? 0
}

async function oneEach({ world, consumer }: Fleet, lookups: number): Promise<Figure[]> {
  await consumer.have(lookups, WITHIN_MS).catch(() => {})
  const { results } = consumer
  const of = (code?: string) => results.filter(({ failure }) => failure?.code === code).length
  const { failed = 0 } = await world.queue(NAMES.lookupQueue).getJobCounts('failed')
  return [
    exactly('lookups with a result', new Set(results.map(({ lookupId }) => lookupId)).size, lookups),
    exactly('results in all', results.length, lookups),
    exactly('cancelled or enriched', of('cancelled') + of(), lookups),
    exactly('dead letters, as many as were cancelled', failed, of('cancelled')),
    info('  enriched by workers before they were cancelled', of()),
  ]
}
