/** SIGTERM with lookups in flight: a clean exit in time, nothing charged, nothing lost, all finish on the other worker. */

import { pastOf } from '../support/finished.ts'
import { startWorker } from '../support/processes.ts'
import { consume, NAMES, startWorld, until } from '../support/world.ts'
import { atMost, exactly, type Figure } from './report.ts'

export async function stop({ shutdownTimeoutMs }: { shutdownTimeoutMs: number }): Promise<Figure[]> {
  const world = await startWorld({ standIn: { latencyMs: shutdownTimeoutMs * 3 } })
  const env = {
    ...world.env,
    RATE_LIMIT_PER_SECOND: 'none',
    CONCURRENCY: '50',
    SHUTDOWN_TIMEOUT_MS: String(shutdownTimeoutMs),
  }
  const first = await startWorker({ ...env, SOAP_CALL_TIMEOUT_MS: '25000' })
  const consumer = consume(world)
  const queue = world.queue(NAMES.lookupQueue)
  const jobs = Array.from({ length: 50 }, (_, i) => ({ name: 'lookup', data: { connectionId: `c${i}` } }))
  const ids = (await queue.addBulk(jobs)).map((job) => job.id ?? '')
  await until('50 calls are in flight', () => world.standIn.requests.all().length === 50)
  const ended = await first.kill('SIGTERM')
  const { waiting, active, failed } = await queue.getJobCounts('waiting', 'active', 'failed')
  world.standIn.set({ latencyMs: 5 })
  const second = await startWorker(env)
  await consumer.have(50, 30_000).catch(() => {})
  const pasts = await Promise.all(ids.map((id) => pastOf(world.redis, id)))
  const figures = [
    exactly('exit code', ended.code ?? 'none', 0),
    atMost('exit after SIGTERM, ms', ended.ms, shutdownTimeoutMs + 1000),
    exactly('handed back', `${waiting} waiting, ${active} active, ${failed} failed`, '50 waiting, 0 active, 0 failed'),
    exactly('enriched by the other worker', consumer.results.filter(({ status }) => status === 'enriched').length, 50),
    exactly('results in all', consumer.results.length, 50),
    exactly('lookups charged', pasts.filter((past) => past?.charged !== 0).length, 0),
    exactly('lookups counted as stalled', pasts.filter((past) => past?.stalls !== 0).length, 0),
    exactly('calls told of in each result', [...new Set(consumer.results.map(({ calls }) => calls))].join(), '2'),
  ]
  await second.kill('SIGTERM')
  await consumer.close()
  await world.close()
  return figures
}
