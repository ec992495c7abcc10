import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { type ResultStatus, resultOf } from '../../src/domain/result.ts'
import { Acknowledger } from '../../src/intake/acknowledge.ts'
import { KeyConflict } from '../../src/intake/errors.ts'
import { EndedLookups } from '../../src/queues/ended-lookups.ts'
import { countFinished, readFinished, removeFinished } from '../../src/queues/finished-lookups.ts'
import { connectionIdsOf } from '../../src/queues/lookup-queue.ts'
import { type Bookmark, type Sieve, type Step, Walk } from '../../src/queues/walk.ts'
import { actionKey, finishedKey, HISTORY_FIELD, markersKey } from '../../src/redis/names.ts'
import { redisTime } from '../../src/redis/time.ts'
import { connect, identityOf, type Publisher, publisher, subjectFor } from '../support/queues.ts'
import { NAMES, until } from '../support/world.ts'

const QUEUE = NAMES.lookupQueue
const RETENTION_MS = 600_000
const key = (part: string) => `bull:${QUEUE}:${part}`
const stepsKey = actionKey(NAMES, 'ac-1')

let embedded: EmbeddedRedis
let redis: Redis
let there: Publisher
let brief: Publisher

beforeAll(async () => {
  embedded = await startEmbeddedRedis()
  redis = connect(embedded.url)
  there = publisher(embedded.url, 60_000, 30_000, null, RETENTION_MS)
  brief = publisher(embedded.url, 60_000, 30_000, null, 300)
})
afterAll(async () => {
  for (const connection of [redis, there.redis, brief.redis]) connection.disconnect()
  await embedded.stop()
})
beforeEach(async () => {
  await redis.flushall()
})

/** As a worker leaves it: the result is published, and the job goes if it may. */
async function finish(
  id: string,
  fields: Record<string, string | number> = {},
  by = there,
  status: ResultStatus = 'enriched',
) {
  const identity = identityOf(id)
  const job = { name: 'lookup', data: JSON.stringify({ connectionId: `of ${id}` }), opts: '{}', priority: 0, ats: 1 }
  await redis.hset(key(id), { ...job, timestamp: identity.enqueuedAt, ...fields })
  const published = await by.results.publish(resultOf(subjectFor(identity), status), identity)
  if (published === 'kept') await redis.del(key(id))
  return published
}

async function walked(sieve: Partial<Sieve> = {}, send = 200, look = 200) {
  const ids: string[] = []
  const walk = new Walk(redis, NAMES)
  const all = { inData: [], inEnd: [], after: null, before: null, ...sieve }
  for (let from: Bookmark | null = null, isFirst = true; isFirst || from; isFirst = false) {
    const step: Step = await walk.finishedStep(QUEUE, from, all, { look, send })
    expect(step.jobs.length).toBeLessThanOrEqual(send)
    ids.push(...step.jobs.map(({ id }) => id))
    from = step.next
  }
  return ids
}

const count = () => countFinished(redis, NAMES, 'batch')
const many = (from: number, till: number) => Array.from({ length: till - from }, (_, i) => `lk-${from + i}`)

describe('a finished lookup', () => {
  it('is kept without its job, with what a story, a selection and a redrive need', async () => {
    const history = JSON.stringify({ charged: 1, calls: 3 })
    const fields = {
      [HISTORY_FIELD]: history,
      priority: 7,
      ats: 2,
      'ce:redrive': 1,
      'ce:redriven-at': 1_700_000_000_001,
    }
    expect(await finish('a', fields)).toBe('kept')
    const [record] = (await readFinished(redis, NAMES, QUEUE, ['a', 'b'])).values()
    expect(record).toMatchObject({
      ...{
        data: '{"connectionId":"of a"}',
        timestamp: '1700000000000',
        returnvalue: '{"status":"enriched"}',
        ats: '2',
      },
      ...{ stc: null, priority: '7', [HISTORY_FIELD]: history, 'ce:redrive': '1', 'ce:redriven-at': '1700000000001' },
    })
    expect(Math.abs(Number(record?.finishedOn) - Date.now())).toBeLessThan(60_000)
    expect(await count()).toBe(1)
    expect(await countFinished(redis, NAMES, 'interactive')).toBe(0)
  })

  // Fails without: src/queues/result-queue.ts: the longer of both lives in livesOf
  it('has a marker that lives as long, though RESULT_MARKER_TTL_MS is shorter', async () => {
    await finish('a')
    const left = async (start: string) => Promise.all((await redis.keys(`${start}:*:*`)).map((one) => redis.pttl(one)))
    const [record = 0] = await left(finishedKey(NAMES, 'batch'))
    const [marker = 0] = await left(markersKey(NAMES))
    expect(record).toBeGreaterThan(RETENTION_MS / 2)
    expect(marker).toBeGreaterThan(record)
  })

  it('stays a job if it is more than a lookup, or invalid, or has no job', async () => {
    expect(await finish('child', { opts: '{"parent":{"id":"p"}}', parentKey: 'p' })).toBe('published')
    expect(await finish('scheduled', { rjk: 'x' })).toBe('published')
    expect(await finish('other', { name: 'other' })).toBe('published')
    expect(await finish('large', { data: JSON.stringify({ connectionId: 'c', more: 'x'.repeat(9000) }) })).toBe(
      'published',
    )
    expect(await finish('invalid', {}, there, 'invalid')).toBe('published')
    expect(await there.results.publish(resultOf(subjectFor(identityOf('none')), 'enriched'), identityOf('none'))).toBe(
      'published',
    )
    expect(await count()).toBe(0)
  })

  it('is published all the same if something else lies where it is to be kept', async () => {
    await redis.set(finishedKey(NAMES, 'batch'), 'x')
    expect(await finish('a')).toBe('published')
    expect(await redis.exists('bull:chat-results:rs-a')).toBe(1)
  })

  it('is known by its idempotency key', async () => {
    await finish('a')
    expect(await connectionIdsOf(redis, NAMES, ['a', 'b'])).toEqual(new Map([['a', 'of a']]))
  })

  it('is the same lookup for whoever asks with its idempotency key, and is not run again', async () => {
    const acknowledger = new Acknowledger(redis, NAMES, (error) => error as Error, 5000)
    const asked = { connectionId: 'c', idempotencyKey: 'k' }
    const { lookupId, isNew } = await acknowledger.one('batch', asked)
    expect(isNew).toBe(true)
    const identity = identityOf(lookupId)
    expect(await there.results.publish(resultOf(subjectFor(identity), 'enriched'), identity)).toBe('kept')
    await redis.del(key(lookupId), key('wait'))
    expect(await acknowledger.one('batch', asked)).toMatchObject({ lookupId, isNew: false })
    await expect(acknowledger.one('batch', { ...asked, connectionId: 'd' })).rejects.toBeInstanceOf(KeyConflict)
    expect([await redis.exists(key(lookupId)), await redis.llen(key('wait'))]).toEqual([0, 0])
  })

  it('is gone as a whole after its time, and not before', async () => {
    await finish('a', {}, brief)
    expect((await readFinished(redis, NAMES, QUEUE, ['a'])).size).toBe(1)
    await until('it has gone', async () => (await redis.keys('*:finished:*')).length === 0)
    expect(await count()).toBe(0)
    expect(await walked()).toEqual([])
  })
})

describe('a walk over finished lookups', () => {
  it('meets each once, also as they become so many that they need more shards', async () => {
    const ids = many(0, 3000)
    for (let at = 0; at < ids.length; at += 500) await Promise.all(ids.slice(at, at + 500).map((id) => finish(id)))
    const generations = Object.values(await redis.hgetall(finishedKey(NAMES, 'batch'))).filter((text) =>
      text.includes(' '),
    )
    expect(generations.map((text) => text.split(' ')[0]).sort()).toEqual(['128', '16'])
    expect(await count()).toBe(3000)
    expect((await walked()).sort()).toEqual([...ids].sort())
    expect((await walked({}, 7, 50)).sort()).toEqual([...ids].sort())
  })

  it('sends what is looked for, in data, end and time', async () => {
    await finish('a')
    await finish('b', { data: JSON.stringify({ connectionId: 'x', correlationId: 'é"\\' }) })
    await finish('c', {}, there, 'not-found')
    expect(await walked({ inData: [['connectionId', 'of c']] })).toEqual(['c'])
    expect(await walked({ inData: [['connectionId', 'x']] })).toEqual(['b'])
    expect(await walked({ inData: [['correlationId', 'é"']] })).toEqual(['b']) // what has escapes is read
    expect(await walked({ inData: [['connectionId', 'of nobody']] })).toEqual([])
    expect(await walked({ inEnd: ['not-found'] })).toEqual(['c'])
    const at = await redisTime(redis, 'x')
    expect(await walked({ after: at + 1000 })).toEqual([])
    expect(await walked({ before: at - 10_000 })).toEqual([])
    expect(await walked({ after: at - 10_000, before: at + 1000 })).toHaveLength(3)
  })

  it('leaves out one whose job is there, and goes over what is no record', async () => {
    await finish('a')
    await finish('b')
    await redis.hset(key('a'), 'name', 'lookup')
    const [shard = ''] = (await redis.keys('*:finished:*:*:*')).sort()
    await redis.hset(shard, 'odd', 'x')
    expect(await walked()).toEqual(['b'])
  })
})

describe('a finished lookup that is put back', () => {
  const redrive = async (ids: string[], mayBeFinished = true, since?: number) =>
    new EndedLookups(redis, NAMES).redrive(
      QUEUE,
      ids,
      { stepsKey, since: since ?? (await redisTime(redis, 'x')) },
      mayBeFinished,
    )

  it('is the job that it was, once, and counts no more among the finished', async () => {
    await finish('a', { priority: 7, stc: 1, [HISTORY_FIELD]: '{"charged":1}' })
    const both = await Promise.all([redrive(['a']), redrive(['a'])])
    expect(both.flat().sort()).toEqual(['done', 'elsewhere'])
    expect(await redis.hgetall(key('a'))).toEqual({
      ...{ name: 'lookup', data: '{"connectionId":"of a"}', opts: '{}', timestamp: '1700000000000', priority: '7' },
      ...{ 'ce:redrive': '1', 'ce:redriven-at': expect.stringMatching(/^\d{13}$/) },
    })
    expect(await redis.zrange(key('prioritized'), '0', '-1')).toEqual(['a'])
    expect(await redis.zcard(key('completed'))).toBe(0)
    expect([await count(), (await readFinished(redis, NAMES, QUEUE, ['a'])).size]).toEqual([0, 0])
  })

  it('is not put back again by the same action, nor unless finished ones are meant, nor dropped', async () => {
    const since = await redisTime(redis, 'x')
    await finish('a', { 'ce:redrive': 1, 'ce:redriven-at': Math.floor(since) + 1 })
    expect(await redrive(['a', 'none'], true, since)).toEqual(['again', 'gone'])
    expect(await redrive(['a', 'none'], false)).toEqual(['elsewhere', 'gone'])
    expect(await new EndedLookups(redis, NAMES).drop(QUEUE, ['a', 'none'], { stepsKey, since })).toEqual([
      'elsewhere',
      'gone',
    ])
    expect(await count()).toBe(1)
  })

  it('is gone for good if it was removed', async () => {
    await finish('a')
    expect([
      await removeFinished(redis, NAMES, QUEUE, 'a', stepsKey),
      await removeFinished(redis, NAMES, QUEUE, 'a', stepsKey),
    ]).toEqual([1, 0])
    expect(await redrive(['a'])).toEqual(['gone'])
    expect([await count(), await redis.hget(stepsKey, 'count')]).toEqual([0, '1'])
  })
})
