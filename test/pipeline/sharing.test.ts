import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { startWorker } from '../support/processes.ts'
import { useConsumer, useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'

const world = useWorld()
const consumer = useConsumer(world)

const start = (env: Record<string, string> = {}) => startWorker({ ...world.env, RATE_LIMIT_PER_SECOND: 'none', ...env })
const calls = (id?: string) => world.standIn.requests.count(id)

/** From so many producers at once, each lookup with a correlation id of its own. */
async function enqueue(connectionId: string, count: number, producers = 1, queue = NAMES.lookupQueue): Promise<void> {
  const perProducer = count / producers
  await Promise.all(
    Array.from({ length: producers }, async (_, producer) => {
      const connection = new Redis(world.redisUrl, { protocol: 2, maxRetriesPerRequest: null })
      const own = new Queue(queue, { connection })
      const data = (index: number) => ({ connectionId, correlationId: `${producer}-${index}` })
      await own.addBulk(Array.from({ length: perProducer }, (_each, index) => ({ name: 'lookup', data: data(index) })))
      await own.close()
      connection.disconnect()
    }),
  )
}

async function shared(url: string, source: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const line = text.split('\n').find((each) => each.startsWith(`chat_enricher_calls_shared_total{source="${source}"}`))
  return Number(line?.split(' ').at(-1))
}

describe('a thousand lookups of one connection id', () => {
  it('from four producers share at most ten calls, over processes, and each gets its own result', async () => {
    world.standIn.set({ latencyMs: 500 })
    const workers = await Promise.all([start(), start()])
    await enqueue('same', 1000, 4)
    await consumer.have(1000, 60_000)
    expect(calls()).toBeLessThanOrEqual(10)
    expect(new Set(consumer.results.map(({ correlationId }) => correlationId)).size).toBe(1000)
    expect(consumer.results.every(({ status }) => status === 'enriched')).toBe(true)
    const own = consumer.results.filter(({ source }) => source === 'service')
    expect(own.length).toBe(calls())
    expect(own.every((result) => result.calls === 1)).toBe(true)
    const others = consumer.results.filter(({ source }) => source === 'shared')
    expect(others.every((result) => result.calls === 0 && result.attempts === 1)).toBe(true)
    const counted = await Promise.all(workers.map(({ url }) => shared(url, 'shared')))
    expect(counted.reduce((sum, one) => sum + one, 0)).toBe(others.length)
  })

  it('each make their own call with COALESCE=false', async () => {
    await start({ COALESCE: 'false' })
    await enqueue('same', 30)
    await consumer.have(30)
    expect(calls()).toBe(30)
  })
})

describe('a ChatRequest', () => {
  it('is not used again for a lookup that was enqueued after it was asked for', async () => {
    await start()
    await enqueue('same', 1)
    await consumer.have(1)
    await enqueue('same', 1)
    await consumer.have(2)
    expect(calls()).toBe(2)
    expect(await world.redis.keys('bull:chat-enricher:answer:*')).toEqual([])
  })

  it('is used again for CACHE_TTL_MS where that is set, by whoever asks, and then forgotten', async () => {
    await Promise.all([start({ CACHE_TTL_MS: '3000' }), start({ CACHE_TTL_MS: '3000' })])
    await enqueue('same', 1)
    await consumer.have(1)
    await enqueue('same', 20)
    await enqueue('same', 1, 1, NAMES.interactiveQueue)
    await consumer.have(22)
    expect(calls()).toBe(1)
    expect(consumer.results.slice(1).every(({ source, calls: own }) => source === 'cache' && own === 0)).toBe(true)
    await until('it is forgotten', async () => (await world.redis.keys('bull:chat-enricher:answer:*')).length === 0)
    await enqueue('same', 1)
    await consumer.have(23)
    expect(calls()).toBe(2)
  })
})

describe('a call that fails', () => {
  it('fails for all who share it, without a call of each', async () => {
    await start({ CALL_RETRIES: '0', LOOKUP_BACKOFF_MIN_MS: '60000', LOOKUP_BACKOFF_MAX_MS: '60000' })
    world.standIn.set({ latencyMs: 300, faultRate: 1, faults: ['server-fault'] })
    await enqueue('same', 16)
    const queue = world.queue(NAMES.lookupQueue)
    await until('all went back', async () => (await queue.getJobCounts('delayed')).delayed === 16)
    expect(calls()).toBeLessThanOrEqual(3)
  })

  it('because its maker was stopped is made by the next, free of charge', async () => {
    world.standIn.set({ faultRate: 1, faults: ['hang'] })
    const long = { SOAP_CALL_TIMEOUT_MS: '30000', LOOKUP_DEADLINE_MS: '34000' }
    const first = await start({ CONCURRENCY: '1', ...long })
    await enqueue('same', 1)
    await world.standIn.requests.arrived(1)
    await start({ CONCURRENCY: '4', ...long })
    await enqueue('same', 3)
    await until('the others wait for it', async () => (await world.queue(NAMES.lookupQueue).getActiveCount()) === 4)
    world.standIn.set({ faultRate: 0 })
    first.child.kill('SIGKILL')
    await until('the others have their results', () => consumer.results.length >= 3)
    expect(consumer.results.slice(0, 3).every(({ status, attempts }) => status === 'enriched' && attempts === 1)).toBe(
      true,
    )
    expect(calls()).toBeLessThanOrEqual(3)
  })
})

describe('a lookup that is not found', () => {
  const none = { id: 'none', result: { response: null, ChatRequest: null } }

  it('is asked again after each delay of NOT_FOUND_RECHECK before it is not found', async () => {
    world.standIn.set({ answers: [none] })
    await start({ NOT_FOUND_RECHECK: '100ms,300ms' })
    await enqueue('none', 1)
    await consumer.have(1)
    expect(consumer.results[0]).toMatchObject({ status: 'not-found', calls: 3, attempts: 3, failure: null })
    const times = world.standIn.requests.all().map(({ at }) => at)
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(100)
    expect((times[2] ?? 0) - (times[1] ?? 0)).toBeGreaterThanOrEqual(300)
  })

  it('is asked again though another one of the same id was answered a moment ago', async () => {
    world.standIn.set({ answers: [none], latencyMs: 300 })
    await start({ NOT_FOUND_RECHECK: '300ms' })
    await enqueue('none', 2)
    await consumer.have(2)
    expect(world.standIn.requests.count()).toBeGreaterThan(1)
    world.standIn.set({ latencyMs: 0 })
  })

  it('and would have expired by the next time is not found, not expired', async () => {
    world.standIn.set({ answers: [none] })
    await start({ NOT_FOUND_RECHECK: '1h', LOOKUP_EXPIRY_MS: '600000' })
    await enqueue('none', 1)
    await consumer.have(1)
    expect(consumer.results[0]).toMatchObject({ status: 'not-found', calls: 1, failure: null })
  })

  it('yet is enriched when it is there meanwhile', async () => {
    world.standIn.set({ answers: [none] })
    await start({ NOT_FOUND_RECHECK: '500ms' })
    await enqueue('none', 1)
    await world.standIn.requests.arrived(1)
    world.standIn.set({ answers: [] })
    await consumer.have(1)
    expect(consumer.results[0]).toMatchObject({ status: 'enriched', calls: 2 })
  })
})

describe('the worst case of calls for one lookup', () => {
  it('is (1 + CALL_RETRIES) calls and one probe for each of LOOKUP_ATTEMPTS attempts', async () => {
    world.standIn.set({ answers: [{ id: 'broken', fault: { code: 'Server', string: 'x' } }] })
    await start({ LOOKUP_BACKOFF_MIN_MS: '10', LOOKUP_BACKOFF_MAX_MS: '50' })
    await enqueue('known', 1)
    await consumer.have(1)
    world.standIn.requests.clear()
    await enqueue('broken', 1)
    await consumer.have(2)
    expect(consumer.results[1]).toMatchObject({ status: 'failed', calls: 20, attempts: 5 })
    expect(calls('broken')).toBe(15)
    expect(calls('known')).toBe(5)
    expect(await world.redis.keys('bull:chat-enricher:fleet:*:hold')).toEqual([])
  })
})
