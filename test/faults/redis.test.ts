import { setTimeout as sleep } from 'node:timers/promises'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, it } from 'vitest'
import { run } from '../support/processes.ts'
import { idle, isReady, isShort, type Rig, type RigWorker, startRig, until } from './rig.ts'

let rig: Rig
afterEach(() => rig.close())

const readyAgain = () =>
  until('all workers are ready', async () => (await Promise.all(rig.workers.map(isReady))).every(Boolean), 60_000)
const notReady = () =>
  until('no worker is ready', async () => !(await Promise.all(rig.workers.map(isReady))).some(Boolean), 60_000)
const calledAtMost = () => {
  const calls = new Map<string, number>()
  for (const { id } of rig.service.calls) calls.set(id, (calls.get(id) ?? 0) + 1)
  return Math.max(...calls.values())
}

/** Each accepted lookup has one result, an enriched one; none was charged. */
async function expectAllWell(withinMs = 120_000): Promise<void> {
  const audit = await rig.auditor.complete(withinMs)
  await idle(rig)
  expect(audit).toMatchObject({ lost: [], duplicates: [], notEnriched: [] })
  expect(await rig.charged()).toBe(0)
}

/** Lookups that lost their worker, as BullMQ counts them. */
async function stalled(): Promise<number> {
  const keys = await rig.redis.keys('bull:chat-lookups:lk-*')
  const counts = await Promise.all(keys.map((key) => rig.redis.hget(key, 'stc')))
  return counts.reduce((sum, count) => sum + Number(count ?? 0), 0)
}

/** What was said of Redis in this span, by kind, of each worker: at most a line in ten seconds. */
function expectFewLines(seconds: number): void {
  for (const worker of rig.workers) {
    const kinds = new Map<string, number>()
    for (const kind of said(worker)) kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    for (const [kind, lines] of kinds) expect([kind, lines]).toEqual([kind, Math.min(lines, seconds / 10 + 2)])
  }
}

const said = (worker: RigWorker): string[] =>
  worker
    .log()
    .split('\n')
    .filter((line) => line.includes('"msg":"Redis: '))
    .map((line) => (JSON.parse(line) as { kind: string }).kind)

describe('a Redis that is restarted', () => {
  it('costs nothing with 500 lookups in hand: no stall, no charge, no second result', async () => {
    rig = await startRig({ workers: 2, latencyMs: 4000, env: { CONCURRENCY: '250' } })
    await rig.enqueue(800)
    await until('500 are in hand', async () => (await rig.queue().getJobCounts('active')).active === 500)
    await rig.redisServer.shutdown()
    await sleep(3000)
    await rig.redisServer.start()
    await expectAllWell()
    expect(await stalled()).toBe(0)
    expect(calledAtMost()).toBe(1)
    await readyAgain()
  })

  it.skipIf(isShort)(
    'after a minute finds workers that have waited for it, quietly, and that go on by themselves',
    async () => {
      rig = await startRig({ workers: 2, latencyMs: 500 })
      await rig.enqueue(300)
      await until('some are answered', () => rig.auditor.results.length > 50)
      const connections = () => rig.workers.reduce((sum, { proxy }) => sum + proxy.connections, 0)
      await rig.redisServer.shutdown()
      await notReady()
      expect(await rig.metric('redis_up')).toBe(0)
      const tries = connections()
      await sleep(60_000)
      // Each worker has several connections, and each of those tries again by itself.
      expect((connections() - tries) / 60 / rig.workers.length).toBeLessThan(5)
      await rig.redisServer.start()
      await expectAllWell()
      await readyAgain()
      expect(await rig.metric('redis_up')).toBe(rig.workers.length)
      expect(rig.workers.map(({ child }) => child.exitCode)).toEqual([null, null])
      expect(calledAtMost()).toBeLessThanOrEqual(2)
      expectFewLines(60)
    },
  )
})

describe('a Redis that is killed', () => {
  /** Adds one after the other for a while, and ends with the kill. Returns when each was acknowledged. */
  async function addUntilKilled(seconds: number): Promise<Map<string, number>> {
    const acknowledged = new Map<string, number>()
    const connection = new Redis(rig.redisServer.url, {
      protocol: 2,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
    })
    connection.on('error', () => {})
    const queue = new Queue('chat-lookups', { connection })
    queue.on('error', () => {})
    const end = performance.now() + seconds * 1000
    let number = 0
    const producer = async () => {
      while (performance.now() < end + 5000) {
        const jobId = `lk-k${number++}`
        await queue.add('lookup', { connectionId: jobId }, { jobId })
        acknowledged.set(jobId, performance.now())
      }
    }
    const producers = Array.from({ length: 8 }, () => producer().catch(() => {}))
    await sleep(seconds * 1000)
    await rig.redisServer.kill()
    await Promise.all(producers)
    connection.disconnect()
    return acknowledged
  }

  it.each([
    ['always', 0],
    ['everysec', 2000],
  ])(
    'with appendfsync %s loses at most %i ms of what it had acknowledged, and no lookup has two results',
    async (fsync, most) => {
      rig = await startRig({ workers: 2, redisArguments: ['--appendfsync', fsync], env: { CONCURRENCY: '8' } })
      const acknowledged = await addUntilKilled(isShort ? 3 : 8)
      const killedAt = performance.now()
      await rig.redisServer.start()
      await idle(rig)
      await sleep(500)
      const have = new Set(rig.auditor.results.map(({ lookupId }) => lookupId))
      const lost = [...acknowledged].filter(([id]) => !have.has(id)).map(([, at]) => killedAt - at)
      console.log(
        `appendfsync ${fsync}: ${lost.length} of ${acknowledged.size} lost, the oldest ${Math.round(Math.max(0, ...lost))} ms old`,
      )
      expect(acknowledged.size).toBeGreaterThan(100)
      expect(Math.max(0, ...lost)).toBeLessThanOrEqual(most)
      // An upsert on lookupId sees each once; what a lost second held may be said again.
      if (fsync === 'always') expect(rig.auditor.audit().duplicates).toEqual([])
      expect(rig.auditor.audit().notEnriched).toEqual([])
    },
  )
})

describe('a Redis that hangs', () => {
  it.skipIf(isShort)('for 40 s, longer than a lock, costs at most a second call', async () => {
    rig = await startRig({ workers: 2, latencyMs: 500 })
    await rig.enqueue(300)
    await until('some are answered', () => rig.auditor.results.length > 50)
    rig.redisServer.freeze()
    await notReady()
    const [worker] = rig.workers
    const metrics = await fetch(`${worker?.url}/metrics`, { signal: AbortSignal.timeout(3000) })
    expect(await metrics.text()).toContain('chat_enricher_redis_up 0')
    expect((await fetch(`${worker?.url}/livez`)).status).toBe(200)
    const told = await run(['enqueue', '1'], rig.env)
    expect(told.code).toBe(1)
    expect(told.stderr).toMatch(
      /REDIS_URL: expected a Redis that answers at 127\.0\.0\.1:\d+, got no answer in 5 s\. Is it/,
    )
    await sleep(33_000)
    rig.redisServer.thaw()
    await expectAllWell()
    await readyAgain()
    expect(calledAtMost()).toBeLessThanOrEqual(2)
    expectFewLines(50)
  })

  it('and an enqueue that was sent again with the same key are one lookup', async () => {
    rig = await startRig({ workers: 1 })
    rig.redisServer.freeze()
    const line = '{"connectionId":"a","idempotencyKey":"k"}\n'
    const first = await run(['enqueue', '--file', '-', '--format', 'ndjson'], rig.env, line)
    expect(first.code).toBe(1)
    rig.redisServer.thaw()
    const second = await run(['enqueue', '--file', '-', '--format', 'ndjson', '--wait'], rig.env, line)
    expect(second.code).toBe(0)
    await idle(rig)
    expect(rig.service.calls).toHaveLength(1)
  })
})

describe('a Redis that is out of memory', () => {
  it('makes workers wait, few tries a second, and every answer is kept', async () => {
    rig = await startRig({ workers: 2, latencyMs: 300 })
    await rig.enqueue(400)
    await until('some are answered', () => rig.auditor.results.length > 50)
    await rig.redis.config('SET', 'maxmemory', '1mb')
    await notReady()
    const before = await fetches()
    await sleep(isShort ? 8000 : 60_000)
    const aSecond = ((await fetches()) - before) / (isShort ? 8 : 60) / rig.workers.length
    expect(aSecond).toBeLessThan(5)
    await rig.redis.config('SET', 'maxmemory', '0')
    await expectAllWell()
    await readyAgain()
    expect(calledAtMost()).toBe(1)
    expectFewLines(isShort ? 10 : 60)
  })

  /** Times that a worker asked for a job: BullMQ's blocking command. */
  async function fetches(): Promise<number> {
    return Number(/cmdstat_bzpopmin:calls=(\d+)/.exec(await rig.redis.info('commandstats'))?.[1] ?? 0)
  }
})

describe('a connection to Redis that is dead, and not closed', () => {
  it.skipIf(isShort)('is given up, and lookups flow again by a new one', async () => {
    rig = await startRig({ workers: 1, latencyMs: 100 })
    const [worker] = rig.workers
    await rig.enqueue(100)
    await until('some are answered', () => rig.auditor.results.length > 20)
    worker?.proxy.loseOnPresentLinks()
    const more = rig.enqueue(100, 'm')
    await until('it is not ready', async () => worker !== undefined && !(await isReady(worker)))
    await more
    await expectAllWell(90_000)
    await readyAgain()
  })
})
