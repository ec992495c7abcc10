import { Worker } from 'bullmq'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { resultSchema } from '../../src/domain/result-schema.ts'
import { ChatEnricher, LookupTimeout, type Result, ResultGone } from '../../src/index.ts'
import { parseLines } from '../cli/started.ts'
import { run } from '../support/in-process.ts'
import { startWorker } from '../support/processes.ts'
import { useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'

const world = useWorld()
let enricher: ChatEnricher
beforeEach(() => {
  enricher = new ChatEnricher({ redisUrl: world.redisUrl })
})
afterEach(() => enricher.close())

const resultsWaiting = () => world.redis.llen(`bull:${NAMES.resultQueue}:wait`)

describe('lookup', () => {
  it('resolves to the result, which nobody else gets', async () => {
    await startWorker(world.env)
    const result = await enricher.lookup({ connectionId: '12345', correlationId: 'order-7' })
    expect(result).toMatchObject({ connectionId: '12345', correlationId: 'order-7', status: 'enriched' })
    expect(resultSchema.parse(result)).toEqual(result)
    expect(await resultsWaiting()).toBe(0)
  })

  it('answers many at once, each with its own, also those that share a key', async () => {
    await startWorker(world.env)
    const ids = Array.from({ length: 30 }, (_, index) => String(100 + Math.floor(index / 2)))
    const results = await Promise.all(ids.map((id) => enricher.lookup({ connectionId: id, idempotencyKey: id })))
    expect(results.map(({ connectionId }) => connectionId)).toEqual(ids)
    expect(new Set(results.map(({ lookupId }) => lookupId)).size).toBe(15)
  })

  it('finds the result of an earlier lookup with the same key, as long as it is kept', async () => {
    await startWorker(world.env)
    const first = await enricher.lookup({ connectionId: '1', idempotencyKey: 'a' })
    expect(await enricher.lookup({ connectionId: '1', idempotencyKey: 'a' })).toEqual(first)
  })

  it('says that the result of an earlier lookup with the same key has been taken', async () => {
    await startWorker(world.env)
    const { lookupId } = await enricher.enqueue({ connectionId: '1', idempotencyKey: 'a' }, { interactive: true })
    const taken: Result[] = []
    enricher.consumeResults((result) => void taken.push(result))
    await until('its result is taken', () => taken.length === 1)
    const again = enricher.lookup({ connectionId: '1', idempotencyKey: 'a' })
    await expect(again).rejects.toMatchObject({ name: 'ResultGone', lookupId, status: 'enriched' })
    await expect(again).rejects.toThrow(ResultGone)
  })

  it('says that the lookup was removed from its queue', async () => {
    const waited = enricher.lookup({ connectionId: '1' })
    const end = expect(waited).rejects.toMatchObject({ name: 'ResultGone', status: null })
    await until('it waits', async () => (await world.queue(NAMES.interactiveQueue).count()) === 1)
    await world.queue(NAMES.interactiveQueue).drain()
    await end
  })

  it('gives up in time, and leaves the lookup on its queue', async () => {
    const late = enricher.lookup({ connectionId: '1' }, { timeoutMs: 300 })
    await expect(late).rejects.toThrow(LookupTimeout)
    const { lookupId } = (await late.catch((error) => error)) as LookupTimeout
    expect(await world.queue(NAMES.interactiveQueue).getJobState(lookupId)).toBe('waiting')
  })

  it('ends with the reason of its signal, and leaves the lookup on its queue', async () => {
    const why = new Error('the page was closed')
    const abort = new AbortController()
    const waited = enricher.lookup({ connectionId: '1' }, { signal: abort.signal })
    const end = expect(waited).rejects.toBe(why)
    await until('it waits', async () => (await world.queue(NAMES.interactiveQueue).count()) === 1)
    abort.abort(why)
    await end
    expect(await world.queue(NAMES.interactiveQueue).count()).toBe(1)
    await expect(enricher.lookup({ connectionId: '2' }, { signal: abort.signal })).rejects.toBe(why)
    expect(await world.queue(NAMES.interactiveQueue).count()).toBe(1)
  })

  it('listens no more for what nobody waits for', async () => {
    await expect(enricher.lookup({ connectionId: '1' }, { timeoutMs: 200 })).rejects.toThrow(LookupTimeout)
    await until('no channel is listened to', async () => (await world.redis.pubsub('CHANNELS')).length === 0)
  })
})

describe('cancel', () => {
  const waitsInQueue = async () => (await world.queue(NAMES.interactiveQueue).count()) === 1

  it('ends those that no worker has in hand, each with its result, and says why not the others', async () => {
    const [one, other] = [await enricher.enqueue({ connectionId: '1' }), await enricher.enqueue({ connectionId: '2' })]
    const taker = world.queue(NAMES.lookupQueue)
    const worker = new Worker(taker.name, null, { connection: world.redis, autorun: false, skipVersionCheck: true })
    await worker.getNextJob('token') // the first one
    const end = await enricher.cancel([one.lookupId, other.lookupId, other.lookupId, 'lk-none'])
    expect(end).toEqual({
      cancelled: 1,
      refused: [
        { lookupId: one.lookupId, why: 'active' },
        { lookupId: 'lk-none', why: 'gone' },
      ],
      looked: 3,
    })
    await worker.close(true)
    const results: Result[] = []
    enricher.consumeResults((result) => void results.push(result))
    await until('its result is there', () => results.length === 1)
    expect(results).toMatchObject([{ lookupId: other.lookupId, status: 'failed', failure: { code: 'cancelled' } }])
    const { stdout } = await run(['activity', '--json'], { REDIS_URL: world.redisUrl })
    expect(JSON.parse(stdout)).toMatchObject({ action: 'cancel', count: 1, who: expect.stringMatching(/^library@/) })
  })

  it('answers whoever waits for the lookup', async () => {
    const waited = enricher.lookup({ connectionId: '1', idempotencyKey: 'a' })
    await until('it waits', waitsInQueue)
    const { lookupId } = await enricher.enqueue({ connectionId: '1', idempotencyKey: 'a' }, { interactive: true })
    await enricher.cancel([lookupId])
    expect(await waited).toMatchObject({ lookupId, status: 'failed', failure: { code: 'cancelled' } })
  })

  it('is done with a lookup that comes too late, if that was asked for', async () => {
    const late = enricher.lookup({ connectionId: '1' }, { timeoutMs: 300, cancelOnTimeout: true })
    await expect(late).rejects.toMatchObject({ name: 'LookupTimeout', isCancelled: true })
    const { lookupId } = (await late.catch((error) => error)) as LookupTimeout
    expect(await world.queue(NAMES.interactiveQueue).getJobState(lookupId)).toBe('failed')
    expect(await resultsWaiting()).toBe(0)
  })

  it('leaves a late lookup that a worker has in hand, and says so', async () => {
    world.standIn.set({ latencyMs: 5000 })
    await startWorker(world.env)
    const late = enricher.lookup({ connectionId: '1' }, { timeoutMs: 1500, cancelOnTimeout: true })
    await expect(late).rejects.toMatchObject({ name: 'LookupTimeout', isCancelled: false })
  })
})

describe('find', () => {
  it('yields what the command prints', async () => {
    await enricher.enqueue({ connectionId: '1', producer: 'crm' })
    await enricher.enqueue({ connectionId: '2', producer: 'crm', delayMs: 60_000 }, { interactive: true })
    const found = []
    for await (const { ageMs: _, ...lookup } of enricher.find({ producer: 'crm' })) found.push(lookup)
    const { stdout } = await run(['find', '--producer', 'crm', '--json'], { REDIS_URL: world.redisUrl })
    const printed = parseLines(stdout).slice(0, -1)
    expect(found).toEqual(printed.map(({ ageMs: _, ...lookup }) => lookup))
    expect(found.map(({ waits }) => waits?.for)).toEqual(['turn', 'time'])
  })
})

describe('consumeResults', () => {
  it('hands over each result, so many at a time, and removes it', async () => {
    await startWorker(world.env)
    for await (const _ of enricher.enqueueMany(Array.from({ length: 60 }, (_, i) => ({ connectionId: String(i) }))));
    await until('all have their result', async () => (await resultsWaiting()) === 60)
    const results: Result[] = []
    let running = 0
    let most = 0
    const consumer = enricher.consumeResults(
      async (result) => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setTimeout(resolve, 5))
        running--
        results.push(result)
      },
      { concurrency: 7 },
    )
    await until('all are taken', () => results.length === 60)
    await consumer.close()
    expect(most).toBe(7)
    for (const result of results) expect(resultSchema.parse(result)).toEqual(result)
    expect(new Set(results.map(({ lookupId }) => lookupId)).size).toBe(60)
    const { completed, failed, active } = await world.queue(NAMES.resultQueue).getJobCounts()
    expect([completed, failed, active]).toEqual([0, 0, 0])
  })

  it('brings a result again whose handler failed', async () => {
    await startWorker(world.env)
    await enricher.enqueue({ connectionId: '1' })
    let taken = 0
    enricher.consumeResults(() => {
      if (++taken === 1) throw new Error('the database is away')
    })
    await until('it came twice', () => taken === 2)
    await until('it is gone', async () => (await world.redis.keys(`bull:${NAMES.resultQueue}:rs-*`)).length === 0)
  })

  it('lets handlers end when it is closed, and takes no more', async () => {
    await startWorker(world.env)
    for await (const _ of enricher.enqueueMany([{ connectionId: '1' }, { connectionId: '2' }]));
    await until('both have their result', async () => (await resultsWaiting()) === 2)
    let ended = 0
    const started = new Promise<void>((resolve) => {
      enricher.consumeResults(async () => {
        resolve()
        await new Promise((end) => setTimeout(end, 500))
        ended++
      })
    })
    await started
    await enricher.close()
    expect(ended).toBe(1)
    expect(await resultsWaiting()).toBe(1)
  })
})

describe('status', () => {
  it('is what the command prints', async () => {
    await startWorker(world.env)
    await enricher.enqueue({ connectionId: '1' })
    await until('it has its result', async () => (await resultsWaiting()) === 1)
    const { stdout } = await run(['status', '--json'], { REDIS_URL: world.redisUrl })
    const [ours, printed] = [await enricher.status(), JSON.parse(stdout)]
    expect(Object.keys(JSON.parse(JSON.stringify(ours)))).toEqual(Object.keys(printed))
    expect(ours).toMatchObject({ backlog: 0, members: [{ host: expect.any(String) }], serviceProblem: null })
  })
})
