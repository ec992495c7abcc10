import type { JobsOptions } from 'bullmq'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { killAll, startWorker, type WorkerProcess } from '../support/processes.ts'
import { type Consumer, consume, NAMES, startWorld, until, type World } from '../support/world.ts'

let world: World
let consumer: Consumer
let worker: WorkerProcess

const queue = () => world.queue(NAMES.lookupQueue)
const key = (part: string) => `bull:${NAMES.lookupQueue}:${part}`

/** What its last run left on the job: its history, and the stall count with which it ran alone in its process. */
interface Left {
  history?: object
  aloneAt?: number
}
/** As of one that has died twice among others, three times alone, and was running alone once more. */
const DIED_ALONE = { history: { calls: 4, idle: 1, diedAlone: 3 }, aloneAt: 5 }

/** A lookup whose process has died that often: it lies among the active ones with no lock, as the last one left it. */
async function addDiedWith(id: string, stalls: number, opts: JobsOptions = {}, left: Left = {}): Promise<void> {
  await queue().add('lookup', { connectionId: `of ${id}`, correlationId: 'k' }, { jobId: id, ...opts })
  await world.redis.lrem(key('wait'), 1, id)
  await world.redis.lpush(key('active'), id)
  await world.redis.hset(key(id), { stc: stalls, ats: stalls + 1 })
  const { history, aloneAt } = left
  if (history) await world.redis.hset(key(id), 'ce:history', JSON.stringify(history))
  if (aloneAt) await world.redis.hset(key(id), 'ce:alone', aloneAt)
}

/** As BullMQ leaves it when the worker that found it dies at that moment: failed, and nobody alive was told. */
async function failUntold(id: string): Promise<void> {
  await world.redis.lrem(key('active'), 1, id)
  const finishedOn = Date.now()
  await world.redis.hset(key(id), { finishedOn, failedReason: 'job stalled more than allowable limit', atm: 1 })
  await world.redis.zadd(key('failed'), finishedOn, id)
}

const IDS = ['sixth', 'once-alone', 'looked-at', 'first', 'removed', 'untold']

/**
 * All of them are seen to by one worker, at the same time: the check that takes them up runs when a worker starts (it marks)
 * and five seconds later (it moves).
 */
beforeAll(async () => {
  world = await startWorld()
  consumer = consume(world)
  await addDiedWith('sixth', 5, {}, DIED_ALONE)
  await addDiedWith('once-alone', 5, {}, { history: { calls: 4, diedAlone: 0 }, aloneAt: 5 })
  await addDiedWith('looked-at', 15)
  await addDiedWith('first', 0)
  await addDiedWith('removed', 15, { removeOnFail: true })
  await addDiedWith('untold', 6)
  await failUntold('untold')
  worker = await startWorker({ ...world.env, RATE_LIMIT_PER_SECOND: 'none' })
  await queue().add('lookup', { connectionId: 'healthy' })
  await consumer.have(IDS.length + 1)
})
afterAll(async () => {
  await consumer.close()
  await killAll()
  await world.close()
})

const poisoned = (id: string) => ({
  lookupId: id,
  connectionId: `of ${id}`,
  correlationId: 'k',
  status: 'failed',
  failure: { code: 'poison' },
  chatRequest: null,
})

describe('a lookup whose process died', () => {
  it('for the sixth time gets one failed result, is a dead letter, and makes no call', async () => {
    expect(consumer.of('sixth')).toMatchObject([{ ...poisoned('sixth'), calls: 4, attempts: 5 }])
    expect(world.standIn.requests.count('of sixth')).toBe(0)
    expect(await queue().getJobState('sixth')).toBe('failed')
    await until('the log says so', () => worker.log().includes('"code":"poison"'))
  })

  // Fails without: src/worker/lookup-run.ts: the count of deaths in solitude (with one of all deaths instead)
  it('for the sixth time, and only once while it ran alone, is not given up for that', () => {
    expect(consumer.of('once-alone')).toMatchObject([{ status: 'enriched', calls: 5, attempts: 7 }])
  })

  it('each time that somebody only looked at it is given up in the end, too', () => {
    expect(consumer.of('looked-at')).toMatchObject([poisoned('looked-at')])
    expect(world.standIn.requests.count('of looked-at')).toBe(0)
  })

  it('for the first time is simply run again', () => {
    expect(consumer.of('first')).toMatchObject([{ status: 'enriched', calls: 1, attempts: 2 }])
  })

  it('gets its result even if it asked to be removed when it fails', () => {
    expect(consumer.of('removed')).toMatchObject([poisoned('removed')])
  })

  // Fails without: src/app/rounds.ts: upkeep when a worker starts (in 20 s only)
  it('gets its result also if the worker that found it died at that moment', () => {
    expect(consumer.of('untold')).toMatchObject([poisoned('untold')])
    const order = consumer.results.map(({ lookupId }) => lookupId)
    expect(order.indexOf('untold')).toBeLessThan(order.indexOf('looked-at')) // which was moved five seconds after the start
  })

  it('has no second result when others are run after it', async () => {
    await queue().add('lookup', { connectionId: 'healthy' })
    await consumer.have(IDS.length + 2)
    for (const id of IDS) expect(consumer.of(id)).toHaveLength(1)
  })
})
