import { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { boundReads } from '../../src/queues/bounded-reads.ts'
import { JOB_MAX_BYTES } from '../../src/queues/stored-jobs.ts'
import { type LookupJob, LookupTaker, takerOptions } from '../../src/worker/lookup-taker.ts'
import { connect } from '../support/queues.ts'
import { NAMES } from '../support/world.ts'

let embedded: EmbeddedRedis
let redis: Redis
let queue: Queue
let taker: LookupTaker

beforeAll(async () => {
  embedded = await startEmbeddedRedis()
})
afterAll(() => embedded.stop())
beforeEach(async () => {
  redis = connect(embedded.url)
  await redis.flushall()
  queue = new Queue(NAMES.lookupQueue, { connection: redis })
  taker = new LookupTaker(NAMES.lookupQueue, null, takerOptions(redis, 'bull', { concurrency: 1, lockMs: 35_000 }))
  taker.on('error', () => {})
  await taker.waitUntilReady()
  boundReads(redis)
})
afterEach(async () => {
  await taker.close(true)
  redis.disconnect()
})

const add = (jobId: string, data: unknown = { connectionId: 'c' }) => queue.add('lookup', data, { jobId })
const take = async () => (await taker.getNextJob('token', { block: false })) as LookupJob | undefined
const large = () => add('large', { connectionId: 'c', text: 'x'.repeat(JOB_MAX_BYTES) })

it('hands out a job under the id of its key, whatever its field `id` says', async () => {
  await add('mine')
  await redis.hset(`bull:${NAMES.lookupQueue}:mine`, 'id', 'of-another')
  expect((await take())?.id).toBe('mine')
})

it('hands out how large a job is, in place of one that is too large', async () => {
  await large()
  const job = await take()
  expect(job).toMatchObject({ id: 'large', name: 'lookup' })
  expect(job?.problem).toMatch(/^job: expected at most 1048576 bytes, got 10486\d\d$/)
  expect(JSON.stringify(job?.data).length).toBeLessThan(100)
})

it('does so also where one job ends and brings the next along', async () => {
  await add('first')
  await large()
  const ended = await (await take())?.moveToCompleted({}, 'token', true)
  const [next, id] = (ended ?? []) as [{ data: string }, string]
  expect(id).toBe('large')
  expect(next.data).toMatch(/^\{"ce:bytes":\d+\}$/)
})

it('does so whichever field it is that is too large', async () => {
  await add('odd')
  await redis.hset(`bull:${NAMES.lookupQueue}:odd`, 'progress', `"${'x'.repeat(JOB_MAX_BYTES)}"`)
  expect((await take())?.problem).toMatch(/^job: expected at most/)
})

it('leaves a job of up to that size as it is', async () => {
  const data = { connectionId: 'c', text: 'x'.repeat(JOB_MAX_BYTES - 1000) }
  await add('just', data)
  expect(await take()).toMatchObject({ id: 'just', data, problem: null })
})

it('hands out a job whose scheduler cannot go on', async () => {
  await add('scheduled')
  await redis.hset(`bull:${NAMES.lookupQueue}:scheduled`, 'rjk', 'no-such-scheduler')
  expect((await take())?.id).toBe('scheduled')
})

it('says of metadata that would come back changed what is wrong with it', async () => {
  await add('exact', { connectionId: 'c', metadata: { id: '12345678901234567890' } })
  await add('changed')
  await redis.hset(
    `bull:${NAMES.lookupQueue}:changed`,
    'data',
    '{"connectionId":"c","metadata":{"id":12345678901234567890}}',
  )
  expect((await take())?.problem).toBeNull()
  expect((await take())?.problem).toMatch(/^metadata: expected numbers/)
})
