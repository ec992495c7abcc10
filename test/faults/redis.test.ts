import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { run } from '../support/processes.ts'
import { allAreReady, endure, expectFewLines, expectNothingLost, noneIsReady, statusOf } from './redis-outage.ts'
import { idle, isShort, type Rig, startRig, until } from './rig.ts'

let rig: Rig
afterEach(() => rig.close())

describe('a Redis that is restarted', () => {
  // Fails without: src/redis/connections.ts: `backoff` of patientConnection (a worker that gives up)
  it('with 500 lookups in flight costs none of them anything', async () => {
    const env = { CONCURRENCY: '200', SOAP_CALL_TIMEOUT_MS: '20000' }
    rig = await startRig({ workers: 3, latencyMs: 12_000, env })
    await rig.enqueue(600)
    await until('500 are in flight', () => rig.service.inFlight >= 500, 60_000)
    await rig.redisServer.shutdown()
    await rig.redisServer.start()
    await expectNothingLost(rig)
    expect(rig.service.calls).toHaveLength(600)
    expect(await rig.metric('lookups_recovered_total')).toBe(0)
    expectFewLines(rig)
  })
})

/** Adds some 500 lookups a second until Redis is gone. Resolves to when each was said to be there. */
async function addSteadily(until: { gone: boolean }): Promise<Map<string, number>> {
  const acknowledged = new Map<string, number>()
  while (!until.gone) {
    const ids = await Promise.race([rig.enqueue(25), sleep(2000).then(() => [])])
    for (const id of ids) acknowledged.set(id, performance.now())
    await sleep(50)
  }
  return acknowledged
}

describe('a Redis that is killed while lookups are added', () => {
  // Fails without: the appendonly of the Redis (all are lost)
  it('with appendfsync always loses none of them', async () => {
    const { lost } = await killWhileAdding('always')
    expect(lost).toBe(0)
  })

  it.skipIf(isShort)('with appendfsync everysec loses two seconds of them at most', async () => {
    const { oldestS } = await killWhileAdding('everysec')
    expect(oldestS).toBeLessThanOrEqual(2)
  })

  /** How many lookups were lost of those that Redis said it had, and how long before the kill it said so. */
  async function killWhileAdding(fsync: 'always' | 'everysec'): Promise<{ lost: number; oldestS: number }> {
    rig = await startRig({ workers: 2, redisArguments: ['--appendfsync', fsync], env: { CONCURRENCY: '100' } })
    rig.auditor.paused = true // what it has taken would be lost as well
    const state = { gone: false }
    const adding = addSteadily(state)
    await until('many are there', () => rig.auditor.accepted.size >= 1500, 60_000)
    state.gone = true
    const killedAt = performance.now()
    await rig.redisServer.kill()
    const acknowledged = await adding
    await rig.redisServer.start()
    rig.auditor.paused = false
    await until('all that is known is done', () => isDone(), 120_000)
    const { lost, duplicates, notEnriched } = rig.auditor.audit()
    expect({ duplicates, notEnriched }).toEqual({ duplicates: [], notEnriched: [] })
    expect(await rig.charged()).toBe(0)
    const oldestS = Math.max(0, ...lost.map((id) => (killedAt - (acknowledged.get(id) ?? killedAt)) / 1000))
    console.log(
      `appendfsync ${fsync}: ${lost.length} of ${acknowledged.size} acknowledged lookups lost, ` +
        `the oldest acknowledged ${oldestS.toFixed(3)} s before the kill`,
    )
    return { lost: lost.length, oldestS }
  }

  /** Nothing is on the lookup queue, and every result has been taken. */
  async function isDone(): Promise<boolean> {
    const lookups = await rig.queue().getJobCounts('waiting', 'active', 'delayed', 'prioritized')
    const results = await rig.queue('chat-results').getJobCounts('waiting')
    const left = [...Object.values(lookups), ...Object.values(results)]
    return left.every((count) => count === 0) && rig.auditor.results.length === (await rig.redis.llen('auditor:taken'))
  }
})

describe('a Redis that is gone for longer than locks last', () => {
  // Fails without: src/redis/errors.ts: SAY_AGAIN_MS
  // Fails without: src/observe/line-budget.ts: LINES_A_SECOND (64 lines in a second)
  it.skipIf(isShort)(
    'ends no worker, is told once in ten seconds, and costs no lookup more than a second call',
    async () => {
      rig = await startRig({ workers: 2, latencyMs: 2000 })
      await rig.enqueue(1000)
      await until('calls are in flight', () => rig.service.inFlight >= 20, 120_000)
      await rig.redisServer.kill()
      await until('no worker is ready', () => noneIsReady(rig))
      await endure(rig, 60_000)
      expect(await rig.metric('redis_up')).toBe(0)
      await rig.redisServer.start()
      await expectNothingLost(rig)
      await until('all are ready', () => allAreReady(rig))
      await until('the metrics say so, too', async () => (await rig.metric('redis_up')) === 2)
      expectFewLines(rig)
    },
  )
})

describe('a Redis that is frozen', () => {
  const enqueue = () =>
    run(['enqueue', '--file', '-', '--format', 'ndjson'], rig.env, '{"connectionId":"same","idempotencyKey":"same"}\n')

  // Fails without: src/redis/connections.ts: the timeouts of impatientConnection
  it.skipIf(isShort)('holds up nobody who asks, and the same idempotency key again is the same lookup', async () => {
    rig = await startRig({ workers: 2, latencyMs: 2000 })
    await rig.enqueue(1000)
    await until('calls are in flight', () => rig.service.inFlight >= 20, 120_000)
    expect(await enqueue()).toMatchObject({ code: 0 })
    rig.redisServer.freeze()
    const frozenAt = performance.now()
    await until('no worker is ready', () => noneIsReady(rig))
    const [worker] = rig.workers
    if (!worker) throw new Error('no worker')
    const askedAt = performance.now()
    expect(await statusOf(worker, '/readyz')).toBe(503)
    expect(await rig.metric('redis_up')).toBe(0)
    expect(performance.now() - askedAt).toBeLessThan(5000)
    for (const { code, stderr } of await Promise.all([enqueue(), run(['status'], rig.env)])) {
      expect(code).toBe(1)
      expect(stderr).toMatch(/expected a Redis that answers at .*, got no answer in 5 s\. Is it running there\? Set /)
    }
    await endure(rig, Math.max(0, 40_000 - (performance.now() - frozenAt)))
    rig.redisServer.thaw()
    expect(await enqueue()).toMatchObject({ code: 0 })
    await expectNothingLost(rig)
    await idle(rig)
    await until('its result is there', () => rig.auditor.results.some(({ connectionId }) => connectionId === 'same'))
    expect(rig.auditor.results.filter(({ connectionId }) => connectionId === 'same')).toHaveLength(1)
    await until('all are ready', () => allAreReady(rig))
    expectFewLines(rig)
  })
})

describe('a Redis that is out of memory', () => {
  /** Tries to take a lookup: whatever became of them. */
  async function fetches(): Promise<number> {
    const line = /^cmdstat_rpoplpush:calls=(\d+).*rejected_calls=(\d+)/m.exec(await rig.redis.info('commandstats'))
    return Number(line?.[1] ?? 0) + Number(line?.[2] ?? 0)
  }

  // Fails without: src/worker/lookup-worker.ts: #rest.take()
  it('makes the workers wait; what is in hand is asked for once more, if it lasts longer than a lock', async () => {
    rig = await startRig({ workers: 1 })
    await rig.enqueue(3000)
    await until('results are there', () => rig.auditor.results.length > 50, 120_000)
    await rig.redis.config('SET', 'maxmemory', '1mb')
    await until('it is not ready', () => noneIsReady(rig))
    const before = await fetches()
    const since = performance.now()
    await endure(rig, isShort ? 5000 : 60_000)
    const aSecond = (await fetches()) - before
    expect(aSecond / ((performance.now() - since) / 1000)).toBeLessThan(5)
    await rig.redis.config('SET', 'maxmemory', '0')
    await expectNothingLost(rig)
    await until('it is ready again', () => allAreReady(rig))
    // 36 slots: their locks could not be renewed.
    if (isShort) expect(rig.service.calls).toHaveLength(3000)
    else expect(rig.service.calls.length).toBeLessThanOrEqual(3000 + 36)
    expectFewLines(rig)
  })
})
