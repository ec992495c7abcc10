/** `kill -9` of a worker every few seconds: one result for each lookup, none lost, none twice, all soon after. */

import { setTimeout as sleep } from 'node:timers/promises'
import { startWorker } from '../support/processes.ts'
import { consume, NAMES, startWorld } from '../support/world.ts'
import { atMost, exactly, type Figure } from './report.ts'

export interface KillOptions {
  lookups: number
  killEveryMs: number
  ratePerSecond: number | 'none'
  latencyMs: [number, number]
}

export async function kill({ lookups, killEveryMs, ratePerSecond, latencyMs }: KillOptions): Promise<Figure[]> {
  const world = await startWorld({ standIn: { latencyMs } })
  const env = { ...world.env, RATE_LIMIT_PER_SECOND: String(ratePerSecond) }
  const workers = [await startWorker(env), await startWorker(env)]
  const consumer = consume(world)
  const arrived: number[] = []
  const seen = setInterval(() => {
    while (arrived.length < consumer.results.length) arrived.push(performance.now())
  }, 20)
  const queue = world.queue(NAMES.lookupQueue)
  const ids: string[] = []
  for (let start = 0; start < lookups; start += 1000) {
    const count = Math.min(1000, lookups - start)
    const jobs = Array.from({ length: count }, (_, i) => ({ name: 'lookup', data: { connectionId: `c${start + i}` } }))
    ids.push(...(await queue.addBulk(jobs)).map((job) => job.id ?? ''))
  }
  let kills = 0
  let lastKill = performance.now()
  let flushed = false
  for (let turn = 0; ; turn = 1 - turn) {
    await sleep(killEveryMs)
    const { waiting, active } = await queue.getJobCounts('waiting', 'active')
    if ((waiting ?? 0) + (active ?? 0) < lookups * 0.02) break
    await workers[turn]?.kill('SIGKILL')
    kills++
    lastKill = performance.now()
    workers[turn] = await startWorker(env)
    if (!flushed && consumer.results.length > lookups / 2) {
      await world.redis.script('FLUSH')
      flushed = true
    }
  }
  await consumer.have(lookups, 120_000).catch(() => {})
  await sleep(1000) // a second result, were there one, would be on its way
  clearInterval(seen)
  const counts = new Map<string, number>()
  for (const { lookupId } of consumer.results) counts.set(lookupId, (counts.get(lookupId) ?? 0) + 1)
  const last = arrived[lookups - 1] ?? arrived.at(-1) ?? 0
  const enriched = consumer.results.filter(({ status }) => status === 'enriched').length
  const figures = [
    exactly('lookups with no result', ids.filter((id) => !counts.has(id)).length, 0),
    exactly('lookups with more than one result', [...counts.values()].filter((count) => count > 1).length, 0),
    exactly('enriched', enriched, lookups),
    exactly('SCRIPT FLUSH in the middle', String(flushed), 'true'),
    atMost('last result after the last kill, s', (last - lastKill) / 1000, 60),
    { what: 'kills', got: kills, bar: '', ok: kills > 0 },
    { what: 'calls the service saw', got: world.standIn.requests.all().length, bar: '', ok: true },
  ]
  for (const worker of workers) await worker.kill('SIGTERM')
  await consumer.close()
  await world.close()
  return figures
}
