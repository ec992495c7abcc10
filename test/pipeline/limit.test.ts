import { afterAll, beforeAll, expect, it } from 'vitest'
import { run } from '../support/in-process.ts'
import { startWorker } from '../support/processes.ts'
import { type ScriptedService, startScriptedService } from '../support/scripted-service.ts'
import { useConsumer, useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'

const world = useWorld()
useConsumer(world)
let service: ScriptedService
beforeAll(async () => {
  service = await startScriptedService({ latencyMs: 10 })
})
afterAll(() => service.close())

const A_SECOND = 1000
const callsAfter = (at: number) => service.calls.filter((call) => call.at > at)
/** When there are so many calls later than that: how long they took from the first to the last. */
async function timeOf(count: number, after: number): Promise<number> {
  await until(`${count} calls`, () => callsAfter(after).length >= count)
  const [first, last] = [callsAfter(after)[0], callsAfter(after)[count - 1]]
  return (last?.at ?? 0) - (first?.at ?? 0)
}

it('a limit that is set or reset is in force for all workers within a second', async () => {
  const env = { ...world.env, SOAP_ENDPOINT: service.url, RATE_LIMIT_PER_SECOND: '100' }
  await Promise.all([startWorker(env), startWorker(env)])
  const data = Array.from({ length: 3000 }, (_, id) => ({ name: 'lookup', data: { connectionId: `${id}` } }))
  await world.queue(NAMES.lookupQueue).addBulk(data)
  await until('both call', () => service.calls.length > 150)
  const limit = (...args: string[]) => run(['limit', ...args], { REDIS_URL: world.redisUrl })
  expect((await limit('--rate', '10')).code).toBe(0)
  const setAt = performance.now()
  // A tenth of that at the former limit. A slow machine takes longer, never less.
  expect(await timeOf(12, setAt + A_SECOND)).toBeGreaterThan(900)
  expect((await limit('--reset')).code).toBe(0)
  const resetAt = performance.now()
  expect(await timeOf(100, resetAt + A_SECOND)).toBeLessThan(8000) // a second, or ten at the limit that was reset
})
