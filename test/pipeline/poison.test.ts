import type { JobsOptions } from 'bullmq'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { killAll, startWorker } from '../support/processes.ts'
import { type Consumer, consume, NAMES, startWorld, until, type World } from '../support/world.ts'

let world: World
let consumer: Consumer

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
beforeEach(async () => {
  await world.redis.flushall()
  world.standIn.set({ latencyMs: 0, faultRate: 0 })
  world.standIn.requests.clear()
  consumer = consume(world)
})
afterEach(async () => {
  await consumer.close()
  await killAll()
})

const fast = () => ({ ...world.env, RATE_LIMIT_PER_SECOND: 'none' })
const queue = () => world.queue(NAMES.lookupQueue)
const key = (part: string) => `bull:${NAMES.lookupQueue}:${part}`

/** What its last run left on the job: its history, and the stall count with which it ran alone in its process. */
interface Left {
  history?: object
  aloneAt?: number
}
/** As of one that has died twice among others, three times alone, and was running alone once more. */
const DIED_ALONE = { history: { calls: 4, idle: 1, diedAlone: 3 }, aloneAt: 5 }

/**
 * A lookup whose process has died that often: it lies among the active ones with no lock, as the last one left it. The
 * check that takes it up runs when a worker starts (it marks) and five seconds later (it moves).
 */
async function addDiedWith(stalls: number, opts: JobsOptions = {}, left: Left = {}): Promise<string> {
  await queue().add('lookup', { connectionId: 'p', correlationId: 'k' }, { jobId: 'poison', ...opts })
  await world.redis.lrem(key('wait'), 1, 'poison')
  await world.redis.lpush(key('active'), 'poison')
  await world.redis.hset(key('poison'), { stc: stalls, ats: stalls + 1 })
  const { history, aloneAt } = left
  if (history) await world.redis.hset(key('poison'), 'ce:history', JSON.stringify(history))
  if (aloneAt) await world.redis.hset(key('poison'), 'ce:alone', aloneAt)
  return 'poison'
}

const POISONED = {
  lookupId: 'poison',
  connectionId: 'p',
  correlationId: 'k',
  status: 'failed',
  failure: { code: 'poison' },
  chatRequest: null,
}

describe('a lookup whose process died', () => {
  it('for the sixth time gets one failed result, is a dead letter, and is not run again', async () => {
    await addDiedWith(5, {}, DIED_ALONE)
    const worker = await startWorker(fast())
    await queue().add('lookup', { connectionId: 'healthy' })
    await consumer.have(2)
    expect(consumer.of('poison')).toMatchObject([{ ...POISONED, calls: 4, attempts: 5 }])
    expect(world.standIn.requests.count('p')).toBe(0)
    expect(await queue().getJobState('poison')).toBe('failed')
    await until('the log says so', () => worker.log().includes('"code":"poison"'))
    await queue().add('lookup', { connectionId: 'healthy' })
    await consumer.have(3)
    expect(consumer.of('poison')).toHaveLength(1)
  })

  // Fails without: src/worker/lookup-run.ts: the count of deaths in solitude (with one of all deaths instead)
  it('for the sixth time, and only once while it ran alone, is not given up for that', async () => {
    await addDiedWith(5, {}, { history: { calls: 4, diedAlone: 0 }, aloneAt: 5 })
    await startWorker(fast())
    await consumer.have(1)
    expect(consumer.of('poison')).toMatchObject([{ status: 'enriched', calls: 5, attempts: 7 }])
  })

  it('each time that somebody only looked at it is given up in the end, too', async () => {
    await addDiedWith(15)
    await startWorker(fast())
    await consumer.have(1)
    expect(consumer.of('poison')).toMatchObject([POISONED])
    expect(world.standIn.requests.count('p')).toBe(0)
  })

  it('for the first time is simply run again', async () => {
    await addDiedWith(0)
    await startWorker(fast())
    await consumer.have(1)
    expect(consumer.of('poison')).toMatchObject([{ status: 'enriched', calls: 1, attempts: 2 }])
  })

  it('gets its result even if it asked to be removed when it fails', async () => {
    await addDiedWith(15, { removeOnFail: true })
    await startWorker(fast())
    await consumer.have(1)
    expect(consumer.of('poison')).toMatchObject([POISONED])
  })

  it('gets its result also if the worker that found it died at that moment', async () => {
    // As BullMQ leaves it: failed, and nobody alive was told.
    const id = await addDiedWith(6)
    await world.redis.lrem(key('active'), 1, id)
    const finishedOn = Date.now()
    await world.redis.hset(key(id), { finishedOn, failedReason: 'job stalled more than allowable limit', atm: 1 })
    await world.redis.zadd(key('failed'), finishedOn, id)
    await startWorker(fast())
    await consumer.have(1, 45_000)
    expect(consumer.of('poison')).toMatchObject([POISONED])
    await queue().add('lookup', { connectionId: 'healthy' })
    await consumer.have(2)
    expect(consumer.of('poison')).toHaveLength(1)
  })
})
