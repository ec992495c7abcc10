import { once } from 'node:events'
import { Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { resultOf } from '../../src/domain/result.ts'
import { LookupQueues } from '../../src/queues/lookup-queue.ts'
import { readMarkers, removeMarker } from '../../src/queues/marker.ts'
import { bullKey, END_FIELD, formerMarkerKeys, markersKey, resultChannel } from '../../src/redis/names.ts'
import { connect, identityOf, type Publisher, publisher, resultFor, subjectFor } from '../support/queues.ts'
import { type Consumer, consume, NAMES } from '../support/world.ts'

let embedded: EmbeddedRedis
let redis: Redis
let here: Publisher
let there: Publisher

beforeAll(async () => {
  embedded = await startEmbeddedRedis()
  redis = connect(embedded.url)
  here = publisher(embedded.url)
  there = publisher(embedded.url)
})
afterAll(async () => {
  for (const connection of [redis, here.redis, there.redis]) connection.disconnect()
  await embedded.stop()
})
beforeEach(async () => {
  await redis.flushall()
})

const fail = () => {
  throw new Error('the CRM is down')
}
const publish = (of: Publisher, identity = identityOf('a')) => of.results.publish(resultFor(identity), identity)
const marked = async (identity = identityOf('a')) => (await readMarkers(redis, NAMES, [identity]))[0]
const listed = () => redis.lrange(`bull:${NAMES.resultQueue}:wait`, 0, -1)
const consumers: Consumer[] = []
afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.close()))
})
function consuming(): Consumer {
  const consumer = consume({ redisUrl: embedded.url })
  consumers.push(consumer)
  return consumer
}

describe('a lookup whose marker was set by an earlier version', () => {
  it.each([0, 1])('has had its result, and leaves nothing behind (form %s)', async (form) => {
    await redis.set(formerMarkerKeys(NAMES, identityOf('a'))[form] ?? '', 'enriched')
    expect(await marked()).toBe('enriched')
    expect(await publish(here)).toBe('suppressed')
    expect(await listed()).toEqual([])
    expect(await redis.keys('*rs-a*')).toEqual([])
  })
})

describe('the result of a lookup', () => {
  it('is published once, together with its marker', async () => {
    expect(await publish(here)).toBe('published')
    expect(await marked()).toBe('enriched')
    for (const key of await redis.keys(`${markersKey(NAMES)}*`)) expect(await redis.pttl(key)).toBeGreaterThan(60_000)
    expect(await publish(here)).toBe('suppressed')
    expect(await publish(there)).toBe('suppressed')
    expect(await listed()).toEqual(['rs-a'])
  })

  it('is the job that the contract says', async () => {
    await publish(here)
    const job = await here.queue.getJob('rs-a')
    expect(job).toMatchObject({ name: 'enriched', id: 'rs-a' })
    expect(job?.data).toEqual({ ...resultFor(identityOf('a')), finishedAt: expect.any(String) })
  })

  it('comes again to a consumer that failed to take it', async () => {
    await publish(here)
    let times = 0
    const worker = new Worker(NAMES.resultQueue, async () => void (times++ === 0 && fail()), {
      connection: connect(embedded.url),
    })
    worker.on('error', () => {})
    await expect.poll(() => times, { timeout: 20_000 }).toBe(2)
    await expect.poll(() => here.queue.getCompletedCount()).toBe(1)
    await worker.close()
  })

  it('is not published again after the consumer has removed it, and leaves nothing behind', async () => {
    const consumer = consuming()
    await publish(here)
    await consumer.have(1)
    await expect.poll(() => redis.exists(`bull:${NAMES.resultQueue}:rs-a`)).toBe(0)
    expect(await publish(there)).toBe('suppressed')
    expect(await redis.exists(`bull:${NAMES.resultQueue}:rs-a`)).toBe(0)
    await publish(here, identityOf('b'))
    await consumer.have(2)
    expect(consumer.results.map(({ lookupId }) => lookupId)).toEqual(['a', 'b'])
  })

  it('is told to whoever waits for this one lookup, once', async () => {
    const waiter = connect(embedded.url)
    try {
      await waiter.subscribe(resultChannel(NAMES, identityOf('a')), resultChannel(NAMES, identityOf('b')))
      const messages: [string, string][] = []
      waiter.on('message', (channel, message) => messages.push([channel, message]))
      await publish(here)
      await publish(there)
      const last = once(waiter, 'message')
      await publish(here, identityOf('b'))
      await last
      await expect.poll(() => messages.length).toBe(2)
      expect(messages.map(([channel]) => channel)).toEqual(['a', 'b'].map((id) => resultChannel(NAMES, identityOf(id))))
      expect(JSON.parse(messages[0]?.[1] ?? '')).toMatchObject({ lookupId: 'a', status: 'enriched' })
    } finally {
      waiter.disconnect()
    }
  })

  it('is one, and not none, of two workers that publish at the same moment while a consumer removes at once', async () => {
    const consumer = consuming()
    const identities = Array.from({ length: 500 }, (_, index) => identityOf(`r${index}`))
    const answers = await Promise.all(identities.map((of) => Promise.all([publish(here, of), publish(there, of)])))
    expect(answers.every((pair) => [...pair].sort().join() === 'published,suppressed')).toBe(true)
    await consumer.have(500)
    await publish(here, identityOf('the last'))
    await consumer.have(501)
    expect(new Set(consumer.results.map(({ lookupId }) => lookupId)).size).toBe(501)
    expect(consumer.results).toHaveLength(501)
  })
})

describe('the result of a lookup that failed', () => {
  const FAULT = {
    code: 'soap-fault',
    class: 'transient',
    reason: 'fault',
    message: 'm',
    soapFaultCode: 'Server',
  } as const
  const job = bullKey(NAMES, NAMES.lookupQueue, 'a')
  const failed = () =>
    here.results.publish(
      resultOf(subjectFor(identityOf('a')), 'failed', { failure: FAULT }),
      identityOf('a'),
      'queue',
      FAULT,
    )

  it('leaves its end on the lookup, as data and as a sentence for BullMQ', async () => {
    await redis.hset(job, 'data', '{}')
    expect(await failed()).toBe('published')
    const end = { status: 'failed', code: 'soap-fault', fault: 'Server', message: 'm' }
    expect(JSON.parse((await redis.hget(job, END_FIELD)) ?? '')).toEqual(end)
    expect(await redis.hget(job, 'failedReason')).toBe('soap-fault: m (calls: 1, attempts: 1)')
  })

  it('changes neither a lookup that is gone, nor what is no lookup', async () => {
    expect(await failed()).toBe('published')
    expect(await redis.exists(job)).toBe(0)
    await removeMarker(redis, NAMES, identityOf('a'))
    await redis.set(job, 'a text')
    expect(await failed()).toBe('published')
    expect(await redis.get(job)).toBe('a text')
  })

  it('changes nothing if the lookup had its result before', async () => {
    await redis.hset(job, 'data', '{}')
    await publish(here)
    expect(await failed()).toBe('suppressed')
    expect(await redis.hgetall(job)).toEqual({ data: '{}' })
  })
})

/**
 * What BullMQ was asked to add. A consumer may be given one job twice here: after SCRIPT FLUSH its BullMQ cannot always
 * complete what it has taken.
 */
const added = async () => Number(await redis.get(`bull:${NAMES.resultQueue}:id`))
const lookupsSeen = (consumer: Consumer) => new Set(consumer.results.map(({ lookupId }) => lookupId)).size

describe('the job of a lookup of ours', () => {
  const lookups = () => new LookupQueues(redis, NAMES)

  it('has a producer only where one is said, in its data and nowhere else', async () => {
    await lookups().add('batch', [{ lookupId: 'a', connectionId: 'c' }])
    await lookups().add('batch', [{ lookupId: 'b', connectionId: 'c', producer: 'crm' }])
    const [plain, said] = await Promise.all(
      ['a', 'b'].map((id) => redis.hgetall(`bull:${NAMES.lookupQueue}:${id}`).then(({ timestamp: _, ...job }) => job)),
    )
    expect(plain?.data).toBe('{"connectionId":"c"}')
    expect(said).toEqual({ ...plain, data: '{"connectionId":"c","producer":"crm"}' })
  })

  it('says in its options only what is not said elsewhere', async () => {
    await lookups().add('batch', [{ lookupId: 'a', connectionId: 'c', priority: 3, delayMs: 5 }])
    const options = await redis.hget(`bull:${NAMES.lookupQueue}:a`, 'opts')
    expect(JSON.parse(options ?? '')).toEqual({ priority: 3, delay: 5 })
  })
})

describe('a result after SCRIPT FLUSH', () => {
  it('is neither lost nor doubled, however often that comes', async () => {
    const consumer = consuming()
    for (let index = 0; index < 100; index++) {
      const identity = identityOf(`f${index}`)
      if (index % 2 === 0) await redis.script('FLUSH')
      expect(await publish(here, identity)).toBe('published')
      if (index % 3 === 0) await redis.script('FLUSH')
      expect(await publish(there, identity)).toBe('suppressed')
      expect(await marked(identity)).toBe('enriched')
    }
    await publish(here, identityOf('the last'))
    await expect.poll(() => lookupsSeen(consumer), { timeout: 20_000 }).toBe(101)
    expect(await added()).toBe(101)
  })
})

describe('a result after SCRIPT FLUSH, of two workers that publish at the same moment', () => {
  it('is one while a consumer removes at once', async () => {
    const consumer = consuming()
    for (let index = 0; index < 300; index++) {
      const identity = identityOf(`f${index}`)
      await redis.script('FLUSH')
      const answers = await Promise.all([publish(here, identity), publish(there, identity)])
      expect(answers.sort()).toEqual(['published', 'suppressed'])
    }
    await publish(here, identityOf('the last'))
    await expect.poll(() => lookupsSeen(consumer), { timeout: 20_000 }).toBe(301)
    expect(await added()).toBe(301)
  })
})

describe('a result that Redis refuses', () => {
  /** Rejected, and nothing of it is there that would keep it from being published. */
  async function expectNothingDone(): Promise<void> {
    await expect(publish(here)).rejects.toThrow()
    expect(await marked()).toBeNull()
  }

  /** Published, seen by a consumer, once. */
  async function expectItWorks(): Promise<void> {
    const consumer = consuming()
    expect(await publish(here)).toBe('published')
    expect(await publish(there)).toBe('suppressed')
    await consumer.have(1)
    await publish(here, identityOf('b'))
    await consumer.have(2)
    expect(consumer.results.map(({ lookupId }) => lookupId)).toEqual(['a', 'b'])
  }

  it('for want of memory is published when there is some', async () => {
    await publish(here, identityOf('b')) // scripts are loaded
    await redis.flushall()
    await redis.config('SET', 'maxmemory', '1mb')
    try {
      await expectNothingDone()
      expect(await redis.exists(`bull:${NAMES.resultQueue}:rs-a`)).toBe(0)
    } finally {
      await redis.config('SET', 'maxmemory', '0')
    }
    await expectItWorks()
  })

  it.each([
    ['its own key', 'rs-a'],
    ['the list of the queue', 'wait'],
    ['the event stream', 'events'],
    ['the settings of the queue', 'meta'],
    ['the number of jobs', 'id'],
  ])('because %s is of the wrong type, is published when it is not any more', async (_, part) => {
    const key = `bull:${NAMES.resultQueue}:${part}`
    await (part === 'id' ? redis.lpush(key, 'x') : redis.set(key, 'x'))
    await expectNothingDone()
    await expectNothingDone()
    await redis.del(key)
    await expectItWorks()
  })

  it.each([
    'lpush',
    'hset',
    'hmset',
    'xadd',
    'set',
    'evalsha',
    'eval',
    'multi',
    'exec',
    'del',
    'exists',
    'zadd',
    'incr',
    'hget',
    'hgetall',
    'hlen',
    'pexpireat',
  ])('because the ACL lacks %s, is published when it does not any more', async (command) => {
    await publish(here, identityOf('b')) // scripts are loaded
    await redis.flushall()
    await redis.acl('SETUSER', 'default', `-${command}`)
    // Whether it can do without that command may differ; that there is one result in the end may not.
    await publish(here).catch(() => {})
    await redis.acl('SETUSER', 'default', `+${command}`)
    await publish(there)
    expect(await marked()).toBe('enriched')
    const consumer = consuming()
    await publish(here, identityOf('b'))
    await consumer.have(2)
    expect(consumer.results.map(({ lookupId }) => lookupId)).toEqual(['a', 'b'])
  })

  it('only after it lies in the queue is published, though nobody is woken up for it', async () => {
    await redis.set(`bull:${NAMES.resultQueue}:marker`, 'x')
    expect(await publish(here)).toBe('published')
    expect(await publish(there)).toBe('suppressed')
    expect(await listed()).toEqual(['rs-a'])
  })

  it('is not lost if the worker that was refused half way dies', async () => {
    await redis.set(`bull:${NAMES.resultQueue}:wait`, 'x')
    await expectNothingDone()
    await redis.del(`bull:${NAMES.resultQueue}:wait`)
    const consumer = consuming()
    expect(await publish(there)).toBe('published') // by another one
    await consumer.have(1)
  })
})

describe('a lookup of an id that had its result long ago', () => {
  const [first, again] = [identityOf('a'), identityOf('a', NAMES.lookupQueue, 1_800_000_000_000)]
  const forgetMarker = () => removeMarker(redis, NAMES, first)

  // Fails without: src/queues/result-queue.ts: the comparison with ce:of
  it('has a result of its own, though the consumer has kept the old one', async () => {
    await publish(here, first)
    await forgetMarker()
    const waiter = connect(embedded.url)
    await waiter.subscribe(resultChannel(NAMES, again))
    const told = once(waiter, 'message')
    expect(await publish(here, again)).toBe('published')
    expect(await publish(there, again)).toBe('suppressed')
    expect(JSON.parse((await told)[1])).toMatchObject({ enqueuedAt: '2027-01-15T08:00:00.000Z' })
    waiter.disconnect()
    const results = await Promise.all((await listed()).map((id) => here.queue.getJob(id)))
    expect(results.map((job) => job?.data.enqueuedAt).sort()).toEqual([
      '2023-11-14T22:13:20.000Z',
      '2027-01-15T08:00:00.000Z',
    ])
  })

  it('has none, if it is the same one, taken up again', async () => {
    await publish(here, first)
    await forgetMarker()
    expect(await publish(there, first)).toBe('published')
    expect(await listed()).toEqual(['rs-a'])
  })

  it('has one, if its result was added and nobody lived to mark it', async () => {
    await publish(here, first)
    await forgetMarker()
    await redis.hdel(`bull:${NAMES.resultQueue}:rs-a`, 'ce:of')
    expect(await publish(there, first)).toBe('published')
    expect(await listed()).toEqual(['rs-a'])
    expect(await publish(there, again)).toBe('suppressed') // the marker is of the id
  })
})

describe('the result of a lookup that somebody waits for', () => {
  const place = (identity = identityOf('a')) => resultChannel(NAMES, identity)
  const deliver = (of: Publisher, identity = identityOf('a')) =>
    of.results.publish(resultFor(identity), identity, 'wait')

  it('is kept for its time, with its marker, never goes on the queue, and is told at once', async () => {
    const waiter = connect(embedded.url)
    await waiter.subscribe(place())
    const told = once(waiter, 'message')
    expect(await deliver(here)).toBe('published')
    expect(await deliver(there)).toBe('suppressed')
    expect(await publish(there)).toBe('suppressed')
    const kept = (await redis.get(place())) ?? ''
    expect(JSON.parse(kept)).toMatchObject({ lookupId: 'a', status: 'enriched' })
    expect((await told)[1]).toBe(kept)
    expect(await redis.pttl(place())).toBeGreaterThan(20_000)
    expect(await marked()).toBe('enriched')
    expect(await redis.keys(`bull:${NAMES.resultQueue}:rs-*`)).toEqual([])
    waiter.disconnect()
  })

  it('does not come again when it is no longer kept', async () => {
    await deliver(here)
    await redis.del(place())
    expect(await deliver(there)).toBe('suppressed')
    expect(await redis.exists(place())).toBe(0)
  })

  it('is published among others of the same turn, each in its own way', async () => {
    const [queued, kept] = [identityOf('a'), identityOf('b')]
    expect(await Promise.all([publish(here, queued), deliver(here, kept)])).toEqual(['published', 'published'])
    expect(await listed()).toEqual(['rs-a'])
    expect(await redis.exists(place(queued))).toBe(0)
    expect(await redis.exists(place(kept))).toBe(1)
  })

  it('for which Redis has no memory has no marker either, and is published when there is some', async () => {
    await publish(here, identityOf('b')) // scripts are loaded
    await redis.flushall()
    await redis.config('SET', 'maxmemory', '1mb')
    try {
      await expect(deliver(here)).rejects.toThrow()
      expect(await marked()).toBeNull()
    } finally {
      await redis.config('SET', 'maxmemory', '0')
    }
    expect(await deliver(here)).toBe('published')
    expect(await redis.exists(place())).toBe(1)
  })

  it('is one of two workers that publish at the same moment', async () => {
    const identities = Array.from({ length: 200 }, (_, index) => identityOf(`w${index}`))
    const answers = await Promise.all(identities.map((of) => Promise.all([deliver(here, of), deliver(there, of)])))
    expect(answers.every((pair) => [...pair].sort().join() === 'published,suppressed')).toBe(true)
    expect(await redis.exists(...identities.map((of) => place(of)))).toBe(200)
    expect(await listed()).toEqual([])
  })
})

describe('metadata that Lua cannot read', () => {
  const nested = JSON.parse(`{"x":${'['.repeat(1500)}${']'.repeat(1500)}}`) as Record<string, unknown>
  const broken = { note: 'half of it: \ud83d' }

  it.each([
    ['nested deeply', nested],
    ['with half a character', broken],
  ])('(%s) comes back as it was, once, whoever numbered the lookup', async (_, metadata) => {
    for (const id of ['5', 'a']) {
      const identity = identityOf(id)
      const result = { ...resultFor(identity), metadata }
      expect(await here.results.publish(result, identity)).toBe('published')
      expect(await there.results.publish(result, identity)).toBe('suppressed')
      expect((await here.queue.getJob(`rs-${id}`))?.data.metadata).toEqual(metadata)
    }
    expect(await listed()).toHaveLength(2)
  })
})

describe('lookups that BullMQ numbered', () => {
  const [batch, interactive] = [NAMES.lookupQueue, NAMES.interactiveQueue]

  it.each([
    ['of two queues', identityOf('1', batch, 1_700_000_000_000), identityOf('1', interactive, 1_700_000_000_001)],
    ['of two queues in the same millisecond', identityOf('1', batch), identityOf('1', interactive)],
    [
      'before and after a clean slate',
      identityOf('1', batch, 1_700_000_000_000),
      identityOf('1', batch, 1_700_000_000_001),
    ],
  ])('%s have a result each', async (_, first, second) => {
    expect(await publish(here, first)).toBe('published')
    expect(await publish(here, second)).toBe('published')
    expect(await publish(there, first)).toBe('suppressed')
    expect(await publish(there, second)).toBe('suppressed')
    const consumer = consuming()
    await consumer.have(2)
    await publish(here, identityOf('b'))
    await consumer.have(3)
    expect(consumer.results.map(({ lookupId }) => lookupId)).toEqual(['1', '1', 'b'])
  })

  it('have a result each also when the first one is gone already', async () => {
    const consumer = consuming()
    for (const enqueuedAt of [1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_002]) {
      expect(await publish(here, identityOf('1', batch, enqueuedAt))).toBe('published')
      await consumer.have(enqueuedAt - 1_700_000_000_000 + 1)
    }
  })
})
