import { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { boundReads } from '../../src/queues/bounded-reads.ts'
import { FINISH } from '../../src/queues/bull-finish.ts'
import { keysOf } from '../../src/queues/bull-layout.ts'
import { type LookupJob, LookupTaker, takerOptions } from '../../src/worker/lookup-taker.ts'
import { connect } from '../support/queues.ts'
import { NAMES } from '../support/world.ts'

const key = keysOf(NAMES, NAMES.lookupQueue)
let embedded: EmbeddedRedis
let redis: Redis
let queue: Queue
let takers: LookupTaker[]

beforeAll(async () => {
  embedded = await startEmbeddedRedis()
})
afterAll(() => embedded.stop())
beforeEach(async () => {
  redis = connect(embedded.url)
  await redis.flushall()
  queue = new Queue(NAMES.lookupQueue, { connection: redis })
  takers = [NAMES.lookupQueue, NAMES.interactiveQueue].map(
    (name) => new LookupTaker(name, null, takerOptions(redis, 'bull', { concurrency: 1, lockMs: 35_000 })),
  )
  for (const taker of takers) {
    taker.on('error', () => {})
    await taker.waitUntilReady()
  }
  boundReads(redis)
})
afterEach(async () => {
  for (const taker of takers) await taker.close(true)
  redis.disconnect()
})

async function taken(ids: string[], of = 0): Promise<LookupJob[]> {
  const target = of === 0 ? queue : new Queue(NAMES.interactiveQueue, { connection: redis })
  for (const jobId of ids) await target.add('lookup', { connectionId: 'c' }, { jobId })
  const jobs = []
  for (const _ of ids) jobs.push((await takers[of]?.getNextJob('token', { block: false })) as LookupJob)
  return jobs
}
const end = (job: LookupJob, next = false) => job.moveToCompleted({ is: job.id }, 'token', next)
/** How many commands run a script. */
async function scriptsRun(): Promise<number> {
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0)
}

it('ends in one command all that end in one turn, each with its own end', async () => {
  await Promise.all((await taken(['a', 'b', 'c'])).map((job) => end(job))) // the first time Redis gets the script's text
  const jobs = await taken(['d', 'e', 'f'])
  const before = await scriptsRun()
  await Promise.all(jobs.map((job) => end(job)))
  expect((await scriptsRun()) - before).toBe(1)
  expect((await redis.zrange(key('completed'), '0', '-1')).sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  expect(await redis.hget(key('b'), 'returnvalue')).toBe('{"is":"b"}')
  expect(await redis.llen(key('active'))).toBe(0)
})

it('hands out a next one to each, and none twice', async () => {
  const jobs = await taken(['a', 'b', 'c'])
  for (const jobId of ['d', 'e']) await queue.add('lookup', { connectionId: 'c' }, { jobId })
  const next = await Promise.all(jobs.map((job) => end(job, true)))
  expect(next.map((one) => (Array.isArray(one) ? (one[1] ?? '') : '')).sort()).toEqual(['', 'd', 'e'])
  expect((await redis.lrange(key('active'), 0, -1)).sort()).toEqual(['d', 'e'])
})

it('refuses only the one whose lock is another’s', async () => {
  const jobs = await taken(['a', 'b', 'c'])
  await redis.set(key('b:lock'), 'another')
  const ended = await Promise.allSettled(jobs.map((job) => end(job)))
  expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(ended[1]).toMatchObject({ reason: { message: expect.stringContaining('Lock mismatch for job b') } })
  expect(await redis.lrange(key('active'), 0, -1)).toEqual(['b'])
})

it('refuses only the one at which Redis stops', async () => {
  const jobs = await taken(['a', 'b', 'c'])
  await redis.set(key('b:dependencies'), 'no set')
  const ended = await Promise.allSettled(jobs.map((job) => end(job)))
  expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(ended[1]).toMatchObject({ reason: { name: 'ReplyError', message: expect.stringContaining('WRONGTYPE') } })
})

it('keeps jobs of two queues apart', async () => {
  const [batch, interactive] = [await taken(['a']), await taken(['b'], 1)]
  await Promise.all([...batch, ...interactive].map((job) => end(job)))
  expect(await redis.zrange(key('completed'), '0', '-1')).toEqual(['a'])
  expect(await redis.zrange(keysOf(NAMES, NAMES.interactiveQueue)('completed'), '0', '-1')).toEqual(['b'])
})

it('ends those that fail beside those that do not', async () => {
  const [good, bad] = (await taken(['a', 'b'])) as [LookupJob, LookupJob]
  await Promise.all([end(good), bad.moveToFailed(new Error('why'), 'token', false)])
  expect(await redis.zrange(key('failed'), '0', '-1')).toEqual(['b'])
  expect(await redis.hget(key('b'), 'failedReason')).toBe('why')
})

it('sends alone what has more arguments than it knows', async () => {
  const jobs = await taken(['a', 'b'])
  const commands = redis as unknown as Record<string, (all: unknown[]) => Promise<unknown>>
  const name = Object.keys(redis.scriptsSet as object).find((one) => one.startsWith(`${FINISH}:`)) ?? ''
  const send = commands[name] as (all: unknown[]) => Promise<unknown>
  commands[name] = (all) => send([...all, 'one more'])
  await Promise.all(jobs.map((job) => end(job)))
  expect((await redis.zrange(key('completed'), '0', '-1')).sort()).toEqual(['a', 'b'])
})
