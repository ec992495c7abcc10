/** Whoever waits for a lookup has its result at once, and costs Redis nothing while nothing happens. */

import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { ChatEnricher, type Result } from '../../src/index.ts'
import { NAMES, until } from '../support/world.ts'
import { type Fleet, info, startFleet } from './fleet.ts'
import { atMost, exactly, type Figure } from './report.ts'

const WAITERS = 1000
const QUIET_MS = 10_000
/** An hour from now: nothing happens to these meanwhile. */
const LATER = { delayMs: 3_600_000 }

export async function waiting(load: { seconds: number; ratePerSecond: number }): Promise<Figure[]> {
  const fleet = await startFleet({ processes: 2, latencyMs: 20, env: { RATE_LIMIT_PER_SECOND: 'none' } })
  const enricher = new ChatEnricher({ redisUrl: fleet.world.redisUrl })
  const figures = [
    ...(await heard(fleet, enricher, load)),
    fleet.lateness(),
    ...(await quiet(fleet, enricher)), // last, because it ends the workers
  ]
  await enricher.close()
  await fleet.close()
  return figures
}

/** How long after its end a result is with the one that waits for it. The end is before publication, by a step of Redis. */
async function heard(
  fleet: Fleet,
  enricher: ChatEnricher,
  { seconds, ratePerSecond }: { seconds: number; ratePerSecond: number },
) {
  await enricher.lookup({ connectionId: 'the first' }) // opens the connections
  const asked: Promise<{ result: Result; lateMs: number }>[] = []
  const startedAt = performance.now()
  for (let number = 0; number < seconds * ratePerSecond; number++) {
    await sleep(startedAt + (number * 1000) / ratePerSecond - performance.now())
    asked.push(
      enricher
        .lookup({ connectionId: `person-${number}` })
        .then((result) => ({ result, lateMs: Date.now() - Date.parse(result.finishedAt) })),
    )
  }
  const all = await Promise.all(asked)
  const late = all.map(({ lateMs }) => lateMs).sort((a, b) => a - b)
  const { waiting: queued = 0 } = await fleet.world.queue(NAMES.resultQueue).getJobCounts('waiting')
  return [
    exactly('lookups enriched', all.filter(({ result }) => result.status === 'enriched').length, all.length),
    exactly('results on the result queue', queued + fleet.consumer.results.length, 0),
    atMost('published to waiter, 95th percentile, ms', late[Math.ceil(late.length * 0.95) - 1] ?? Number.NaN, 20),
    info('  median, ms', late[Math.ceil(late.length / 2) - 1] ?? Number.NaN),
    info('  most, ms', late.at(-1) ?? Number.NaN),
  ]
}

/** What many waiters ask of Redis in ten seconds, with nobody else there: what one of them asks, and not a thousand times. */
async function quiet(fleet: Fleet, enricher: ChatEnricher): Promise<Figure[]> {
  await Promise.all(fleet.workers.splice(0).map((worker) => worker.kill('SIGTERM')))
  await fleet.consumer.close()
  const one = await inQuiet(fleet, enricher, 1)
  const many = await inQuiet(fleet, enricher, WAITERS)
  return [
    // Once in five seconds each enricher looks at a hundred, by one script, and asks whether it has heard everything.
    atMost(`commands sent for ${WAITERS} waiters in ten quiet seconds`, sent(many), 12),
    info('  for one', sent(one)),
    info(
      '  with those that scripts run',
      [...many.values()].reduce((sum, count) => sum + count, 0),
    ),
    info('  which', [...many].map(([command, count]) => `${command} ${count}`).join(', ')),
  ]
}

/** Commands that Redis ran while so many wait. */
async function inQuiet({ world }: Fleet, enricher: ChatEnricher, waiters: number): Promise<Map<string, number>> {
  const end = new AbortController()
  setMaxListeners(0, end.signal) // of all of them
  const asked = Array.from({ length: waiters }, (_, number) =>
    enricher.lookup({ connectionId: `c${number}`, ...LATER }, { timeoutMs: 600_000, signal: end.signal }),
  )
  for (const one of asked) one.catch(() => {}) // it is left in the end
  const listening = async () => Number(/^pubsub_channels:(\d+)/m.exec(await world.redis.info('stats'))?.[1])
  await until('all listen', async () => (await listening()) >= waiters, 60_000)
  await sleep(1000) // the first look at them
  await world.redis.config('RESETSTAT')
  await sleep(QUIET_MS)
  const stats = await world.redis.info('commandstats')
  end.abort(new Error('enough'))
  const found = stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)
  return new Map(
    [...found]
      .map(([, command = '', calls]) => [command, Number(calls)] as const)
      .filter(([command]) => command !== 'info' && command !== 'config|resetstat'),
  )
}

/** What comes over the wire; the other commands are those of scripts. */
const BY_SCRIPTS = ['get', 'hget', 'hmget', 'exists', 'hexists', 'hgetall', 'type', 'time']
function sent(commands: Map<string, number>): number {
  return [...commands].reduce((sum, [command, count]) => (BY_SCRIPTS.includes(command) ? sum : sum + count), 0)
}
