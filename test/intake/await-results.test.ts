import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { type Awaited, ResultWaiter } from '../../src/intake/await-results.ts'
import { LookupQueues } from '../../src/queues/lookup-queue.ts'
import { formerMarkerKeys, resultChannel } from '../../src/redis/names.ts'
import { connect, identityOf, type Publisher, publisher, resultFor } from '../support/queues.ts'
import { NAMES, until } from '../support/world.ts'

let embedded: EmbeddedRedis
let redis: Redis
let worker: Publisher
let queues: LookupQueues
const waiters: { close(): void }[] = []

beforeAll(async () => {
  embedded = await startEmbeddedRedis()
  redis = connect(embedded.url)
  worker = publisher(embedded.url)
  queues = new LookupQueues(redis, NAMES)
})
beforeEach(async () => {
  await redis.flushall()
})
afterEach(() => {
  for (const waiter of waiters.splice(0)) waiter.close()
})
afterAll(async () => {
  for (const connection of [redis, worker.redis]) connection.disconnect()
  await embedded.stop()
})

/** Looks by itself so seldom that it does not in a test, unless the test says so. */
function waiting(lookEveryMs = 3_600_000) {
  const heard: Awaited[] = []
  const own = { redis: connect(embedded.url), subscriber: connect(embedded.url) }
  const waiter = new ResultWaiter(own, NAMES, (awaited) => heard.push(awaited), { lookEveryMs })
  const close = () => {
    waiter.stop()
    for (const connection of Object.values(own)) connection.disconnect()
  }
  waiters.push({ close })
  const ended = () => heard.map(({ lookupId, status }) => `${lookupId} ${status}`).sort()
  return { waiter, own, heard, ended }
}

const ids = (count: number) => Array.from({ length: count }, (_, index) => `lk-${index}`)
const add = (lookupIds: string[]) =>
  queues.add(
    'batch',
    lookupIds.map((lookupId) => ({ lookupId, connectionId: 'c' })),
  )
const publish = (lookupId: string, deliver: 'queue' | 'wait' = 'wait') =>
  worker.results.publish(resultFor(identityOf(lookupId)), identityOf(lookupId), deliver)

/** How often Redis was asked to do that. */
async function calls(command: string): Promise<number> {
  return callsIn(await redis.info('commandstats'), command)
}

function callsIn(stats: string, command: string): number {
  return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0)
}

it('hears each result as it is published, on the queue or not', async () => {
  const { waiter, heard } = waiting()
  await waiter.expect('batch', ids(2))
  await add(ids(2))
  await waiter.lookFor('batch', ids(2))
  await publish('lk-0', 'queue')
  await publish('lk-1', 'wait')
  await until('both are heard', () => heard.length === 2)
  expect(heard.map(({ lookupId, result }) => [lookupId, result?.lookupId])).toEqual([
    ['lk-0', 'lk-0'],
    ['lk-1', 'lk-1'],
  ])
  await expect.poll(() => calls('unsubscribe')).toBe(1)
  expect(waiter.waiting).toBe(0)
})

it('that comes late finds the result: on the queue, kept, or that it is kept no more', async () => {
  await add(ids(3))
  await publish('lk-0', 'queue')
  await publish('lk-1', 'wait')
  await publish('lk-2', 'wait')
  await redis.del(resultChannel(NAMES, identityOf('lk-2')))
  const { waiter, heard } = waiting()
  await waiter.expect('batch', ids(3))
  await waiter.lookFor('batch', ids(3))
  expect(heard.map(({ lookupId, result, status }) => [lookupId, result?.lookupId, status])).toEqual([
    ['lk-0', 'lk-0', 'enriched'],
    ['lk-1', 'lk-1', 'enriched'],
    ['lk-2', undefined, 'enriched'],
  ])
})

it('finds what was published while its connection was lost, and hears what comes after, on 1,200 channels', async () => {
  const { waiter, own, ended } = waiting()
  const all = ids(1200)
  await waiter.expect('batch', all)
  await add(all)
  await waiter.lookFor('batch', all)
  await redis.config('RESETSTAT')
  own.subscriber.disconnect(true)
  await Promise.all(all.slice(0, 600).map((id) => publish(id)))
  await until('it has heard of them', () => waiter.waiting === 600)
  await publish('lk-1199')
  await until('it hears again', () => waiter.waiting === 599)
  expect(ended()).toHaveLength(601)
  expect([3, 4]).toContain(await calls('subscribe')) // in three parts, and perhaps once to know that all is heard
})

it('costs Redis the same for 1,000 lookups as for 100, while nothing happens', async () => {
  const { waiter } = waiting(20)
  const all = ids(1000)
  await add(all)
  await waiter.expect('batch', all)
  await waiter.lookFor('batch', all)
  await redis.config('RESETSTAT')
  await expect.poll(() => calls('subscribe'), { timeout: 20_000 }).toBeGreaterThan(20) // once each time
  const stats = await redis.info('commandstats') // both from one moment, at which a look may be half done
  expect(callsIn(stats, 'get')).toBeLessThanOrEqual(300 * (callsIn(stats, 'subscribe') + 1))
})

it('finds lookups that somebody removed, however many they are', async () => {
  const { waiter, ended } = waiting(20)
  const all = ids(350)
  await waiter.expect('batch', all)
  await add(all)
  await waiter.lookFor('batch', all)
  await queues.of('batch').remove('lk-7')
  await until('it is missed', () => waiter.waiting === 349)
  expect(ended()).toEqual(['lk-7 removed'])
  await queues.of('batch').drain()
  await until('they are missed', () => waiter.waiting === 0)
})

it('does not take a lookup for removed that is not on the queue yet', async () => {
  const { waiter, heard } = waiting(20)
  await waiter.expect('batch', ids(1))
  const before = await calls('subscribe')
  await expect.poll(() => calls('subscribe')).toBeGreaterThan(before + 3)
  expect(heard).toEqual([])
})

it('looks at all of them when one was not told, because others may not have been either', async () => {
  const { waiter } = waiting(500)
  const all = ids(300)
  await waiter.expect('batch', all)
  await add(all)
  await waiter.lookFor('batch', all)
  const untold = all.flatMap((id) => {
    const [marker, place] = [formerMarkerKeys(NAMES, identityOf(id))[0], resultChannel(NAMES, identityOf(id))]
    return [marker, 'enriched', place, JSON.stringify(resultFor(identityOf(id)))]
  })
  await redis.mset(untold)
  await redis.config('RESETSTAT')
  await until('it has found them', () => waiter.waiting === 0)
  expect(await calls('subscribe')).toBeLessThanOrEqual(3) // by one look, which would else have seen a hundred
})
