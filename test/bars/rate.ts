/** The fleet's limit, with a share of the calls failing: never more calls in a second, and hardly fewer. */

import { startWorker } from '../support/processes.ts'
import { consume, NAMES, startWorld } from '../support/world.ts'
import { atLeast, atMost, type Figure } from './report.ts'

export async function rate({ seconds, processes }: { seconds: number; processes: number }): Promise<Figure[]> {
  const perSecond = 50
  const world = await startWorld({ standIn: { latencyMs: [20, 120], faultRate: 0.2, faults: ['503'] } })
  const queue = world.queue(NAMES.lookupQueue)
  const count = perSecond * seconds * 2
  await queue.addBulk(Array.from({ length: count }, (_, i) => ({ name: 'lookup', data: { connectionId: `c${i}` } })))
  const env = { ...world.env, RATE_LIMIT_PER_SECOND: String(perSecond) }
  const workers = await Promise.all(Array.from({ length: processes }, () => startWorker(env)))
  const consumer = consume(world)
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  const calls = world.standIn.requests.all().map(({ at }) => at)
  const length = ((calls.at(-1) ?? 0) - (calls[0] ?? 0)) / 1000
  const figures = [
    atMost('calls in any sliding second', world.standIn.requests.maxInAnySlidingSecond(), 53),
    atLeast('calls a second on average', (calls.length - 1) / length, 48),
    { what: 'calls', got: calls.length, bar: '', ok: calls.length > 0 },
    { what: 'seconds', got: Math.round(length * 10) / 10, bar: '', ok: true },
  ]
  await Promise.all(workers.map((worker) => worker.kill('SIGKILL')))
  await consumer.close()
  await world.close()
  return figures
}
