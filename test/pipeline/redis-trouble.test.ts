import { afterEach, describe, expect, it } from 'vitest'
import { finishedCount } from '../support/finished.ts'
import { run, SOAP_SECRETS, startWorker, type WorkerProcess } from '../support/processes.ts'
import { useConsumer, useWorld } from '../support/use-world.ts'
import { NAMES, startWorld, until } from '../support/world.ts'

const world = useWorld({ standIn: { latencyMs: 20 } })
const consumer = useConsumer(world)

afterEach(async () => {
  await world.redis.config('SET', 'maxmemory', '0')
  await world.redis.config('SET', 'maxmemory-policy', 'noeviction')
})

const start = () => startWorker({ ...world.env, RATE_LIMIT_PER_SECOND: 'none' })
const add = (count: number, from = 0) =>
  world
    .queue(NAMES.lookupQueue)
    .addBulk(
      Array.from({ length: count }, (_, index) => ({ name: 'lookup', data: { connectionId: `c${from + index}` } })),
    )
const isReady = async (worker: WorkerProcess) => (await fetch(`${worker.url}/readyz`)).status === 200
async function errors(worker: WorkerProcess): Promise<number> {
  const metrics = await (await fetch(`${worker.url}/metrics`)).text()
  const counts = [...metrics.matchAll(/^chat_enricher_redis_errors_total\{.*\} (\d+)$/gm)].map(([, count]) =>
    Number(count),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}
/** What was said of Redis, one entry for each line. */
const said = (worker: WorkerProcess): string[] =>
  worker
    .log()
    .split('\n')
    .filter((line) => line.includes('"msg":"Redis at '))
    .map((line) => (JSON.parse(line) as { kind: string }).kind)
const onlyJson = (worker: WorkerProcess) =>
  worker
    .log()
    .trim()
    .split('\n')
    .every((line) => line.startsWith('{'))

describe('a Redis that is out of memory', () => {
  it('makes the workers wait, not ready, saying so once, and costs no lookup anything', async () => {
    const worker = await start()
    await add(2000)
    await consumer.have(50)
    await world.redis.config('SET', 'maxmemory', '1mb')
    await until('it is not ready', async () => !(await isReady(worker)))
    const before = await errors(worker)
    const since = performance.now()
    await until('it has asked again for a while', () => performance.now() - since > 3000)
    const aSecond = ((await errors(worker)) - before) / 3
    expect(aSecond).toBeLessThan(100) // 36 lookups that wait to publish, each every 0.2 to 5 s
    expect(said(worker)).toEqual(['oom'])
    await world.redis.config('SET', 'maxmemory', '0')
    await consumer.have(2000, 90_000)
    await until('it is ready again', () => isReady(worker))
    expect(consumer.results.every(({ status }) => status === 'enriched')).toBe(true)
    expect(new Set(consumer.results.map(({ lookupId }) => lookupId)).size).toBe(2000)
    expect(consumer.results).toHaveLength(2000)
    expect(world.standIn.requests.count()).toBe(2000) // no answer was thrown away
  }, 150_000)
})

describe('a key of BullMQ that is of the wrong type', () => {
  it('does not make a worker ask thousands of times a second', async () => {
    const worker = await start()
    await add(1)
    await consumer.have(1)
    await until('nothing is active', async () => (await world.redis.exists(`bull:${NAMES.lookupQueue}:active`)) === 0)
    await world.redis.set(`bull:${NAMES.lookupQueue}:active`, 'x')
    await add(20, 100)
    await until('it is not ready', async () => !(await isReady(worker)))
    const before = await errors(worker)
    const since = performance.now()
    await until('it has asked again for a while', () => performance.now() - since > 3000)
    expect((await errors(worker)) - before).toBeLessThan(15)
    expect(said(worker)).toEqual(['other'])
    await world.redis.del(`bull:${NAMES.lookupQueue}:active`)
    await until('it is ready again', () => isReady(worker))
    await consumer.have(21)
  })
})

describe('a Redis that refuses to have a lookup completed', () => {
  // Fails without: src/worker/lookup-taker.ts: handleFailed
  it('makes no dead letter of it: it has had its result', async () => {
    const patterns = ['bull:chat-results*', 'bull:chat-lookups-*', 'bull:chat-enricher*', 'bull:chat-lookups:[^c]*']
    const user = (...more: string[]) =>
      world.redis.call('ACL', 'SETUSER', 'worker', 'reset', 'on', '>secret', '&*', '+@all', ...more)
    await user('~*')
    const url = new URL(world.redisUrl)
    Object.assign(url, { username: 'worker', password: 'secret' })
    const worker = await startWorker({ ...world.env, RATE_LIMIT_PER_SECOND: 'none', REDIS_URL: url.href })
    await user('~bull:', ...patterns.map((pattern) => `~${pattern}`)) // all but `completed`
    await add(3)
    await consumer.have(3)
    await until('it was refused', async () => (await errors(worker)) >= 3)
    expect(said(worker)).toContain('auth')
    expect(await world.queue(NAMES.lookupQueue).getFailedCount()).toBe(0)
    await user('~*')
    const keysOf = (id: string) => `bull:${NAMES.lookupQueue}:${id}:lock`
    await world.redis.del(['1', '2', '3'].map(keysOf)) // as if the 35 s of their locks were over
    await until('they are completed', async () => (await finishedCount(world.redis)) === 3, 60_000)
    expect(consumer.results).toHaveLength(3)
    expect(await world.queue(NAMES.lookupQueue).getFailedCount()).toBe(0)
  }, 120_000)
})

describe('a Redis that hangs', () => {
  it('keeps nobody from reading the metrics', async () => {
    const worker = await startWorker(world.env)
    await world.redis.client('PAUSE', 4000)
    let answers = false
    void world.redis.ping().then(() => {
      answers = true
    })
    const metrics = await (await fetch(`${worker.url}/metrics`)).text()
    expect(answers).toBe(false)
    expect(metrics).toContain('chat_enricher_redis_up 0')
    expect(metrics).not.toContain('chat_enricher_queue_jobs{')
  })
})

describe('a Redis that is not there', () => {
  it('is said once, in one line of JSON, and a worker that waits for it can be stopped', async () => {
    const own = await startWorld()
    const worker = await startWorker({ ...own.env, SHUTDOWN_TIMEOUT_MS: '1000' })
    await own.close()
    await until('it is not ready', async () => !(await isReady(worker)))
    await until('it has tried again', async () => (await errors(worker)) > 10)
    expect(said(worker)).toEqual(['connection'])
    expect(onlyJson(worker)).toBe(true)
    const metrics = await (await fetch(`${worker.url}/metrics`)).text()
    expect(metrics).toContain('chat_enricher_redis_up 0')
    // What it saw last would be the highest of what all workers say, for as long as it is cut off.
    expect(metrics).not.toMatch(/^chat_enricher_(queue_jobs|queue_oldest_job_age_seconds|hold_active)\{/m)
    const ended = await worker.kill('SIGTERM')
    expect(ended.signal).toBeNull()
    expect(ended.ms).toBeLessThan(8000)
  })
})

describe('a Redis that is not fit', () => {
  it('is refused with exit code 78 and the cure, and nothing keeps the process alive', async () => {
    await world.redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
    const env = { ...world.env, ...SOAP_SECRETS, METRICS_HOST: '127.0.0.1', METRICS_PORT: '0' }
    const { code, stderr } = await run(['worker'], env)
    expect(code).toBe(78)
    expect(stderr).toMatch(/expected maxmemory-policy noeviction .* got allkeys-lru: set /)
  })
})
