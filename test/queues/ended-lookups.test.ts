import { type JobsOptions, type Queue, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { resultOf } from '../../src/domain/result.ts'
import { PRIORITY_SCORE } from '../../src/queues/bull-layout.ts'
import { EndedLookups } from '../../src/queues/ended-lookups.ts'
import { openQueue } from '../../src/queues/lookup-queue.ts'
import { actionKey, END_FIELD, HISTORY_FIELD, REDRIVE_FIELD, REDRIVEN_AT_FIELD } from '../../src/redis/names.ts'
import { redisTime } from '../../src/redis/time.ts'
import { connect, identityOf, type Publisher, publisher, subjectFor } from '../support/queues.ts'
import { NAMES } from '../support/world.ts'

const FAULT = {
  code: 'soap-fault',
  class: 'transient',
  reason: 'fault',
  message: 'm',
  soapFaultCode: 'Server',
} as const
const key = (part: string) => `bull:${NAMES.lookupQueue}:${part}`
const stepsKey = actionKey(NAMES, 'ac-1')

let embedded: EmbeddedRedis
let redis: Redis
let queue: Queue
let worker: Worker
let there: Publisher
let ended: EndedLookups

beforeAll(async () => {
  embedded = await startEmbeddedRedis()
  redis = connect(embedded.url)
  queue = openQueue(NAMES.lookupQueue, redis, NAMES)
  worker = new Worker(NAMES.lookupQueue, null, { connection: connect(embedded.url), autorun: false })
  there = publisher(embedded.url)
  ended = new EndedLookups(redis, NAMES)
})
afterAll(async () => {
  await worker.close(true)
  for (const connection of [redis, there.redis]) connection.disconnect()
  await embedded.stop()
})
beforeEach(async () => {
  await redis.flushall()
})

const since = () => redisTime(redis, 'x')
const redrive = async (ids: string[], mayBeFinished = false) =>
  ended.redrive(NAMES.lookupQueue, ids, { stepsKey, since: await since() }, mayBeFinished)
const drop = async (ids: string[]) => ended.drop(NAMES.lookupQueue, ids, { stepsKey, since: await since() })
const done = async () => Number((await redis.hget(stepsKey, 'count')) ?? 0)

/** As a worker of ours leaves it. */
async function addDead(id: string, opts: JobsOptions = {}): Promise<void> {
  await queue.add('lookup', { connectionId: `of ${id}` }, { jobId: id, ...opts })
  const job = await worker.getNextJob('t')
  expect(job?.id).toBe(id)
  await redis.hset(key(id), HISTORY_FIELD, JSON.stringify({ charged: 5, calls: 15 }), 'stc', 1)
  const identity = identityOf(id)
  await there.results.publish(resultOf(subjectFor(identity), 'failed', { failure: FAULT }), identity, 'queue', FAULT)
  await job?.moveToFailed(new Error('soap-fault: m (calls: 1, attempts: 1)'), 't', false)
}

async function addFinished(id: string): Promise<void> {
  await queue.add('lookup', { connectionId: `of ${id}` }, { jobId: id })
  await (await worker.getNextJob('t'))?.moveToCompleted({ status: 'rejected' }, 't', false)
}

describe('a dead letter that is put back', () => {
  it('waits as if it had never been run, with its data, its number raised by one', async () => {
    await addDead('a')
    expect(await redrive(['a'])).toEqual(['done'])
    expect(await redis.lrange(key('wait'), 0, -1)).toEqual(['a'])
    expect(await redis.zcard(key('failed'))).toBe(0)
    const { name, data, opts, timestamp, delay, priority, ...rest } = await redis.hgetall(key('a'))
    expect({ name, data: JSON.parse(data ?? '') }).toEqual({ name: 'lookup', data: { connectionId: 'of a' } })
    expect({ opts, timestamp, delay, priority }).toMatchObject({ delay: '0', priority: '0' })
    expect(rest).toEqual({ [REDRIVE_FIELD]: '1', [REDRIVEN_AT_FIELD]: expect.stringMatching(/^\d{13}$/) })
    expect(await done()).toBe(1)
    const job = await worker.getNextJob('t')
    expect(job).toMatchObject({ id: 'a', attemptsMade: 0, attemptsStarted: 1, stalledCounter: 0 })
  })

  it('goes to its place by priority, and to the head if its producer wanted it there', async () => {
    await addDead('urgent', { priority: 7 })
    await addDead('lifo', { lifo: true })
    await addDead('a')
    await queue.add('lookup', {}, { jobId: 'b' })
    expect(await redrive(['urgent', 'a', 'lifo'])).toEqual(['done', 'done', 'done'])
    expect(await redis.lrange(key('wait'), 0, -1)).toEqual(['a', 'b', 'lifo'])
    expect(Math.floor(Number(await redis.zscore(key('prioritized'), 'urgent')) / PRIORITY_SCORE)).toBe(7)
  })

  it('wakes a worker, unless the queue is paused', async () => {
    await addDead('a')
    await addDead('b')
    await redis.del(key('marker'))
    await queue.pause()
    await redrive(['a'])
    expect(await redis.exists(key('marker'))).toBe(0)
    await queue.resume()
    await redis.del(key('marker'))
    await redrive(['b'])
    expect(await redis.zscore(key('marker'), '0')).toBe('0')
  })

  it('is put back once, however many do it at one time', async () => {
    for (const id of ['a', 'b', 'c']) await addDead(id)
    const other = new EndedLookups(there.redis, NAMES)
    const steps = { stepsKey, since: await since() }
    const both = await Promise.all(
      [ended, other].map((one) => one.redrive(NAMES.lookupQueue, ['a', 'b', 'c'], steps, false)),
    )
    expect(both.flat().filter((acted) => acted === 'done')).toHaveLength(3)
    expect(await redis.llen(key('wait'))).toBe(3)
    expect(await done()).toBe(3)
  })

  it('is not put back a second time by one action when it has ended again', async () => {
    await addDead('a')
    const steps = { stepsKey, since: await since() }
    expect(await ended.redrive(NAMES.lookupQueue, ['a'], steps, false)).toEqual(['done'])
    await (await worker.getNextJob('t'))?.moveToFailed(new Error('x: y (calls: 1, attempts: 1)'), 't', false)
    expect(await ended.redrive(NAMES.lookupQueue, ['a'], steps, false)).toEqual(['again'])
    expect(await redrive(['a'])).toEqual(['done'])
    expect(await redis.hget(key('a'), REDRIVE_FIELD)).toBe('2')
  })
})

describe('what is no dead letter', () => {
  it('is left as it is, and told apart', async () => {
    await addFinished('finished')
    await queue.add('lookup', {}, { jobId: 'waits' })
    expect(await redrive(['finished', 'waits', 'none'])).toEqual(['elsewhere', 'elsewhere', 'gone'])
    expect(await drop(['finished', 'waits', 'none'])).toEqual(['elsewhere', 'elsewhere', 'gone'])
    expect(await done()).toBe(0)
    expect(await redis.zrange(key('completed'), '0', '-1')).toEqual(['finished'])
  })

  it('can be put back if it has finished, and that is meant', async () => {
    await addFinished('finished')
    await addDead('a')
    expect(await redrive(['finished', 'a'], true)).toEqual(['done', 'done'])
    expect(await redis.lrange(key('wait'), 0, -1)).toEqual(['a', 'finished'])
    expect(await redis.hexists(key('finished'), 'returnvalue')).toBe(0)
  })

  it('is so as long as its result is still to be published, after BullMQ failed it', async () => {
    await queue.add('lookup', {}, { jobId: 'a' })
    await (await worker.getNextJob('t'))?.moveToFailed(new Error('job stalled more than allowable limit'), 't', false)
    expect(await redrive(['a'])).toEqual(['early'])
    expect(await drop(['a'])).toEqual(['early'])
    await redis.hset(key('a'), END_FIELD, '{"status":"failed"}')
    expect(await redrive(['a'])).toEqual(['done'])
  })
})

describe('a dead letter that is dropped', () => {
  it('is gone with all that BullMQ keeps of it, and its result stays', async () => {
    await addDead('a')
    await addDead('b')
    await redis.rpush(key('a:logs'), 'x')
    expect(await drop(['a'])).toEqual(['done'])
    expect(await redis.keys(key('a*'))).toEqual([])
    expect(await redis.zrange(key('failed'), '0', '-1')).toEqual(['b'])
    expect(await redis.lrange(`bull:${NAMES.resultQueue}:wait`, 0, -1)).toEqual(['rs-b', 'rs-a'])
    expect(await done()).toBe(1)
  })
})

describe('a Redis that refuses', () => {
  it('leaves nothing half done where it is full, and running again finishes it', async () => {
    for (const id of ['a', 'b']) await addDead(id)
    await redrive([]) // the script is known
    const before = await redis.hgetall(key('a'))
    await redis.config('SET', 'maxmemory', '1')
    try {
      await expect(redrive(['a', 'b'])).rejects.toThrow(/OOM/)
    } finally {
      await redis.config('SET', 'maxmemory', '0')
    }
    expect(await redis.hgetall(key('a'))).toEqual(before)
    expect(await redis.zcard(key('failed'))).toBe(2)
    expect(await redrive(['a', 'b'])).toEqual(['done', 'done'])
  })

  it.each(['wait', 'prioritized', 'marker', 'events', 'meta', 'active', 'pc', 'failed', 'completed'])(
    'leaves nothing half done where %s is of another kind',
    async (part) => {
      await addDead('a')
      const before = await redis.hgetall(key('a'))
      await redis.del(key(part))
      await redis.geoadd(key(part), 13, 38, 'x')
      if (['prioritized', 'marker', 'failed', 'completed'].includes(part)) {
        await redis.del(key(part))
        await redis.set(key(part), 'x')
      }
      await expect(redrive(['a'])).rejects.toThrow(/expected a/)
      expect(await redis.hgetall(key('a'))).toEqual(before)
    },
  )
})
