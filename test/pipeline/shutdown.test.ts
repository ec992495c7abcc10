import { describe, expect, it } from 'vitest'
import { leaseKey, membersKey } from '../../src/redis/names.ts'
import { pastOf } from '../support/finished.ts'
import { startWorker, type WorkerProcess } from '../support/processes.ts'
import { useConsumer, useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'

const world = useWorld()
const consumer = useConsumer(world)

const SHUTDOWN_TIMEOUT_MS = 1000
/** The second that is promised is measured by the bar `stop`; beside other tests a process takes longer to end. */
const MARGIN_MS = 8000
const start = (env: Record<string, string> = {}): Promise<WorkerProcess> =>
  startWorker({
    ...world.env,
    RATE_LIMIT_PER_SECOND: 'none',
    SHUTDOWN_TIMEOUT_MS: String(SHUTDOWN_TIMEOUT_MS),
    ...env,
  })

async function add(count: number): Promise<string[]> {
  const jobs = Array.from({ length: count }, (_, index) => ({ name: 'lookup', data: { connectionId: `c${index}` } }))
  return (await world.queue(NAMES.lookupQueue).addBulk(jobs)).map((job) => job.id ?? '')
}

const counts = () => world.queue(NAMES.lookupQueue).getJobCounts('waiting', 'active', 'failed', 'delayed')

/** Each of these has one result, which is a good one, and no stall or charge. */
async function expectAllWell(ids: string[]): Promise<void> {
  await consumer.have(ids.length)
  expect(consumer.results.map(({ lookupId }) => lookupId).sort()).toEqual([...ids].sort())
  expect(consumer.results.every(({ status }) => status === 'enriched')).toBe(true)
  for (const id of ids) {
    expect(await pastOf(world.redis, id)).toEqual({ charged: 0, stalls: 0 })
  }
}

describe('SIGTERM', () => {
  it('lets the lookups in flight finish, hands back those that wait for a permit at once, and exits with 0', async () => {
    world.standIn.set({ latencyMs: 600 })
    const worker = await start({ RATE_LIMIT_PER_SECOND: '5', CONCURRENCY: '20' })
    const ids = await add(20)
    await until('some calls are in flight', () => world.standIn.requests.stats().inFlight > 0)
    await until('all others wait for a permit', async () => (await counts()).active === 20 - consumer.results.length)
    const ended = await worker.kill('SIGTERM')
    expect(ended).toMatchObject({ code: 0, signal: null })
    expect(ended.ms).toBeLessThan(SHUTDOWN_TIMEOUT_MS + MARGIN_MS)
    const left = await counts()
    expect(left).toMatchObject({ active: 0, failed: 0 })
    expect(left.waiting).toBeGreaterThan(10)
    const callsBefore = world.standIn.requests.count()
    world.standIn.set({ latencyMs: 0 })
    await start()
    await expectAllWell(ids)
    expect(world.standIn.requests.count()).toBe(20) // no call was thrown away
    expect(callsBefore).toBe(20 - (left.waiting ?? 0))
  })

  it('hands back what takes longer than SHUTDOWN_TIMEOUT_MS, with its calls counted', async () => {
    world.standIn.set({ latencyMs: 9000 })
    const worker = await start()
    const ids = await add(5)
    await until('all calls are in flight', () => world.standIn.requests.stats().inFlight === 5)
    const ended = await worker.kill('SIGTERM')
    expect(ended).toMatchObject({ code: 0, signal: null })
    expect(ended.ms).toBeGreaterThan(SHUTDOWN_TIMEOUT_MS - 50)
    expect(ended.ms).toBeLessThan(SHUTDOWN_TIMEOUT_MS + MARGIN_MS)
    expect(await counts()).toMatchObject({ waiting: 5, active: 0, failed: 0 })
    world.standIn.set({ latencyMs: 0 })
    await start()
    await expectAllWell(ids)
    expect(consumer.results.map(({ calls }) => calls)).toEqual([2, 2, 2, 2, 2])
  })

  it('twice hands everything back now', async () => {
    world.standIn.set({ latencyMs: 9000 })
    const worker = await start({ SHUTDOWN_TIMEOUT_MS: '20000' })
    const ids = await add(5)
    await until('all calls are in flight', () => world.standIn.requests.stats().inFlight === 5)
    const ending = worker.kill('SIGTERM')
    await until('it says that it stops', () => worker.log().includes('stopping: SIGTERM'))
    worker.child.kill('SIGTERM')
    const ended = await ending
    expect(ended).toMatchObject({ code: 0, signal: null })
    expect(ended.ms).toBeLessThan(8000) // the calls take longer
    expect(await counts()).toMatchObject({ waiting: 5, active: 0 })
    world.standIn.set({ latencyMs: 0 })
    await start()
    await expectAllWell(ids)
  })

  it('with nothing to do ends at once, takes its line out of the fleet, and gives up what it did for all', async () => {
    const lease = () => world.redis.exists(leaseKey(NAMES, 'upkeep'))
    const worker = await start({ SHUTDOWN_TIMEOUT_MS: '20000' })
    expect(await world.redis.zcard(membersKey(NAMES))).toBe(1)
    await until('it does upkeep', async () => (await lease()) === 1)
    const ended = await worker.kill('SIGTERM')
    expect(ended).toMatchObject({ code: 0, signal: null })
    expect(ended.ms).toBeLessThan(10_000)
    expect(await world.redis.zcard(membersKey(NAMES))).toBe(0)
    expect(await lease()).toBe(0)
    expect(worker.log()).not.toMatch(/"level":[56]0/)
  })

  it('is not ready from then on', async () => {
    world.standIn.set({ latencyMs: 600 })
    const worker = await start()
    await add(1)
    await until('the call is in flight', () => world.standIn.requests.stats().inFlight === 1)
    const ready = async () => (await fetch(`${worker.url}/readyz`)).status
    await until('it is ready', async () => (await ready()) === 200)
    const ending = worker.kill('SIGTERM')
    await until('it says that it stops', () => worker.log().includes('stopping: SIGTERM'))
    expect(await ready()).toBe(503)
    expect((await fetch(`${worker.url}/livez`)).status).toBe(200)
    await ending
  })
})

describe('SIGTERM while Redis does not answer', () => {
  const redisPid = async () => Number(/process_id:(\d+)/.exec(await world.redis.info('server'))?.[1])

  it('ends soon after SHUTDOWN_TIMEOUT_MS, and nothing is lost', async () => {
    world.standIn.set({ latencyMs: 800 }) // so that all are in flight at one time, however busy the machine is
    const worker = await start()
    const ids = await add(10)
    await until('all calls are in flight', () => world.standIn.requests.stats().inFlight === 10)
    const pid = await redisPid()
    process.kill(pid, 'SIGSTOP')
    let ended: Awaited<ReturnType<WorkerProcess['kill']>>
    try {
      ended = await worker.kill('SIGTERM')
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    expect(ended.signal).toBeNull()
    expect(ended.ms).toBeLessThan(SHUTDOWN_TIMEOUT_MS + MARGIN_MS)
    world.standIn.set({ latencyMs: 0 })
    // What its locks still hold is taken up when they end; that takes 40 s, so here they end by hand.
    for (const id of ids) await world.redis.del(`bull:${NAMES.lookupQueue}:${id}:lock`)
    await start()
    await consumer.have(10)
    expect(consumer.results.every(({ status }) => status === 'enriched')).toBe(true)
    expect(new Set(consumer.results.map(({ lookupId }) => lookupId)).size).toBe(10)
    expect(consumer.results).toHaveLength(10)
  })

  it('says so on /readyz before', async () => {
    const worker = await start()
    const ready = async () => (await fetch(`${worker.url}/readyz`)).status
    await until('it is ready', async () => (await ready()) === 200)
    const pid = await redisPid()
    process.kill(pid, 'SIGSTOP')
    try {
      await until('it is not ready', async () => (await ready()) === 503)
      const askedAt = performance.now()
      expect(await (await fetch(`${worker.url}/metrics`)).text()).toContain('chat_enricher_redis_up 0')
      expect(performance.now() - askedAt).toBeLessThan(5000)
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    await until('it is ready again', async () => (await ready()) === 200)
  })
})
