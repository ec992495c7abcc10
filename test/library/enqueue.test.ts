import { afterEach, describe, expect, it } from 'vitest'
import {
  type Ack,
  ChatEnricher,
  Closed,
  ConfigError,
  InvalidLookup,
  KeyConflict,
  type LookupRequest,
} from '../../src/index.ts'
import { useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'

const world = useWorld()
const opened: ChatEnricher[] = []
const open = () => {
  const enricher = new ChatEnricher({ redisUrl: world.redisUrl })
  opened.push(enricher)
  return enricher
}
afterEach(() => Promise.all(opened.splice(0).map((one) => one.close())))

const waiting = async (queue = NAMES.lookupQueue) => (await world.redis.lrange(`bull:${queue}:wait`, 0, -1)).reverse()
const idsIn = (acks: Ack[]) => acks.flatMap((ack) => ('lookupId' in ack ? ack.lookupId : []))

describe('enqueue', () => {
  it('puts a lookup on the queue as any producer would', async () => {
    const ack = await open().enqueue({ connectionId: ' 007 ', correlationId: 'order-7', metadata: { a: [1] } })
    expect(ack).toEqual({ lookupId: expect.stringMatching(/^lk-[0-9a-f]{32}$/), connectionId: ' 007 ', isNew: true })
    const job = await world.queue(NAMES.lookupQueue).getJob(ack.lookupId)
    expect([job?.name, job?.data]).toEqual([
      'lookup',
      { connectionId: ' 007 ', correlationId: 'order-7', metadata: { a: [1] } },
    ])
  })

  it('says who asks: the lookup itself, else the enricher', async () => {
    await using enricher = new ChatEnricher({ redisUrl: world.redisUrl, producer: 'crm' })
    const ids = [
      (await enricher.enqueue({ connectionId: '1' })).lookupId,
      (await enricher.enqueue({ connectionId: '2', producer: 'night-job' })).lookupId,
    ]
    for await (const ack of enricher.enqueueMany([{ connectionId: '3' }])) ids.push(...idsIn([ack]))
    const jobs = await Promise.all(ids.map((id) => world.queue(NAMES.lookupQueue).getJob(id)))
    expect(jobs.map((job) => job?.data.producer)).toEqual(['crm', 'night-job', 'crm'])
    expect(() => new ChatEnricher({ producer: 'a b' })).toThrow(ConfigError)
  })

  it('knows delay, priority and the interactive queue', async () => {
    const enricher = open()
    const { lookupId } = await enricher.enqueue({ connectionId: '1', delayMs: 60_000 }, { interactive: true })
    expect(await world.queue(NAMES.interactiveQueue).getJobState(lookupId)).toBe('delayed')
    const urgent = await enricher.enqueue({ connectionId: '2', priority: 3 })
    expect(await world.queue(NAMES.lookupQueue).getJobState(urgent.lookupId)).toBe('prioritized')
  })

  it('takes the same idempotency key for the same lookup, and refuses it for another connection id', async () => {
    const enricher = open()
    const first = await enricher.enqueue({ connectionId: '1', idempotencyKey: 'order-7' })
    const again = await enricher.enqueue({ connectionId: '1', idempotencyKey: 'order-7' })
    expect(again).toEqual({ ...first, isNew: false })
    await expect(enricher.enqueue({ connectionId: '2', idempotencyKey: 'order-7' })).rejects.toThrow(KeyConflict)
    expect(await waiting()).toEqual([first.lookupId])
  })

  it('answers nobody with the lookup of another, when many use one key at the same moment', async () => {
    const enrichers = [open(), open()]
    const asked = Array.from({ length: 40 }, (_, index) =>
      (enrichers[index % 2] as ChatEnricher).enqueue({ connectionId: String(index % 4), idempotencyKey: 'one' }),
    )
    const ended = await Promise.allSettled(asked)
    const [lookupId, ...others] = await waiting()
    expect(others).toEqual([])
    const connectionId = (await world.queue(NAMES.lookupQueue).getJob(lookupId as string))?.data.connectionId
    for (const [index, end] of ended.entries()) {
      if (String(index % 4) === connectionId) expect(end).toMatchObject({ value: { lookupId, connectionId } })
      else expect(end).toMatchObject({ reason: { name: 'KeyConflict' } })
    }
  })

  it('refuses what is no lookup, and says which field and why', async () => {
    const wrong = open().enqueue({ connectionId: '' })
    await expect(wrong).rejects.toThrow(InvalidLookup)
    await expect(wrong).rejects.toThrow('connectionId: expected 1 to 256 characters, got a string of 0 characters')
    await expect(open().enqueue(null as never)).rejects.toThrow(InvalidLookup)
    expect(await waiting()).toEqual([])
  })
})

describe('enqueueMany', () => {
  it('acknowledges each in order, goes on past bad ones, and keeps the order on the queue', async () => {
    const requests = [
      { connectionId: '1', idempotencyKey: 'a' },
      { connectionId: 5 as unknown as string },
      { connectionId: '2', idempotencyKey: 'a' },
      null as unknown as LookupRequest,
      { connectionId: '1', idempotencyKey: 'a' },
      { connectionId: '3' },
    ]
    const acks: Ack[] = []
    for await (const ack of open().enqueueMany(requests)) acks.push(ack)
    const [first, , , , , last] = idsIn(acks).length === 3 ? acks : []
    expect(acks).toEqual([
      { lookupId: expect.any(String), connectionId: '1', isNew: true },
      { connectionId: '5', error: expect.any(InvalidLookup) },
      { connectionId: '2', error: expect.any(KeyConflict) },
      { connectionId: null, error: expect.any(InvalidLookup) },
      { ...first, isNew: false },
      { lookupId: expect.any(String), connectionId: '3', isNew: true },
    ])
    expect(await waiting()).toEqual(idsIn([first, last] as Ack[]))
  })

  it('asks the source for no more than is taken: a reader that stops stops the source', async () => {
    let brought = 0
    let isClosed = false
    async function* source() {
      try {
        for (; ; brought++) yield { connectionId: String(brought) }
      } finally {
        isClosed = true
      }
    }
    const acks = open().enqueueMany(source())
    for (let i = 0; i < 10; i++) await acks.next()
    const [asked, length] = [brought, (await waiting()).length]
    expect(asked).toBeLessThanOrEqual(1001)
    await acks.return()
    expect([brought, isClosed, (await waiting()).length]).toEqual([asked, true, length])
  })

  it('does not keep a few waiting for more', async () => {
    async function* source() {
      yield { connectionId: '1' }
      await new Promise(() => {})
    }
    const acks = open().enqueueMany(source())
    expect(await acks.next()).toMatchObject({ value: { connectionId: '1', isNew: true } })
  })

  it('passes the error of the source on, once everything before it is acknowledged', async () => {
    async function* source() {
      yield { connectionId: '1' }
      throw new Error('the disk is gone')
    }
    const acks: Ack[] = []
    const all = async () => {
      for await (const ack of open().enqueueMany(source())) acks.push(ack)
    }
    await expect(all()).rejects.toThrow('the disk is gone')
    expect(idsIn(acks)).toEqual(await waiting())
  })

  it.each([1, 1500, 4000])('aborted after %i, has acknowledged exactly what is on the queue', async (after) => {
    const abort = new AbortController()
    const why = new Error('enough')
    async function* source() {
      for (let i = 0; i < 10_000; i++) yield { connectionId: String(i) }
    }
    const acks: Ack[] = []
    const all = async () => {
      for await (const ack of open().enqueueMany(source(), { signal: abort.signal })) {
        if (acks.push(ack) === after) abort.abort(why)
      }
    }
    await expect(all()).rejects.toBe(why)
    expect(acks.length).toBeLessThan(10_000)
    expect(idsIn(acks)).toEqual(await waiting())
  })

  it('aborted while the source brings nothing, rejects at once', async () => {
    const abort = new AbortController()
    const acks = open().enqueueMany([{ connectionId: '1' }].values(), { signal: AbortSignal.abort(new Error('no')) })
    await expect(acks.next()).rejects.toThrow('no')
    const stuck = open().enqueueMany({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }, abort)
    const next = stuck.next()
    setImmediate(() => abort.abort(new Error('enough')))
    await expect(next).rejects.toThrow('enough')
  })
})

describe('find', () => {
  it('yields the lookups that are meant, of both queues', async () => {
    const enricher = open()
    for await (const _ of enricher.enqueueMany(
      Array.from({ length: 700 }, (_, i) => ({ connectionId: String(i % 7) })),
    ));
    await enricher.enqueue({ connectionId: '3', delayMs: 60_000 }, { interactive: true })
    const found = []
    for await (const lookup of enricher.find({ connectionId: '3' })) found.push(lookup)
    expect(found).toHaveLength(101)
    expect(new Set(found.map(({ state, lane }) => `${lane} ${state}`))).toEqual(
      new Set(['batch waiting', 'interactive delayed']),
    )
  })

  it('can be left, and aborted, and refuses what is no selection', async () => {
    const enricher = open()
    for await (const _ of enricher.enqueueMany(Array.from({ length: 700 }, (_, i) => ({ connectionId: String(i) }))));
    for await (const one of enricher.find({ all: true })) if (one) break
    const abort = new AbortController()
    const all = async () => {
      for await (const _ of enricher.find({ all: true }, abort)) abort.abort(new Error('enough'))
    }
    await expect(all()).rejects.toThrow('enough')
    await expect(enricher.find({} as never).next()).rejects.toThrow('expected at least one field')
    await expect(enricher.find({ state: 'lost' as never }).next()).rejects.toMatchObject({ name: 'InvalidSelection' })
  })
})

describe('a closed enricher', () => {
  it('answers Closed, and ends what still waits; closing twice is one', async () => {
    const enricher = open()
    const stuck = enricher.enqueueMany({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) })
    const [next, lookup] = [stuck.next(), enricher.lookup({ connectionId: '1' })]
    const ended = Promise.allSettled([next, lookup])
    await until('the lookup is on its queue', async () => (await waiting(NAMES.interactiveQueue)).length === 1)
    await Promise.all([enricher.close(), enricher.close()])
    expect((await ended).map((end) => end.status === 'rejected' && end.reason)).toEqual([
      expect.any(Closed),
      expect.any(Closed),
    ])
    await expect(enricher.enqueue({ connectionId: '1' })).rejects.toThrow(Closed)
    await expect(enricher.status()).rejects.toThrow(Closed)
    await expect(enricher.enqueueMany([]).next()).rejects.toThrow(Closed)
    expect(() => enricher.consumeResults(() => {})).toThrow(Closed)
  })

  it('leaves no connection behind, with await using', async () => {
    const clients = async () =>
      String(await world.redis.client('LIST')).match(/name=chat-enricher:library/g)?.length ?? 0
    {
      await using enricher = new ChatEnricher({ redisUrl: world.redisUrl })
      expect(await clients()).toBe(0)
      enricher.consumeResults(() => {})
      await enricher.status()
      expect(await clients()).toBeGreaterThan(1)
    }
    await until('its connections are gone', async () => (await clients()) === 0)
  })
})

describe('options', () => {
  it('that are wrong are named, with what was expected; a password is not shown', () => {
    const wrong = () =>
      new ChatEnricher({
        redisUrl: 'http://user:canary@h',
        redisSentinels: [{ host: 'h', port: 0 }],
        lookupQueue: 'a:b',
        ...({ redisURL: 'x' } as object),
      })
    expect(wrong).toThrow(ConfigError)
    expect(wrong).toThrow(/redisURL: expected no such option/)
    const { redisURL: _, ...rest } = { redisURL: 1, redisUrl: 'http://u:canary@h', lookupQueue: 'a:b' }
    expect(() => new ChatEnricher(rest)).toThrow(/^redisUrl: expected .*\nlookupQueue: expected a queue name/)
    expect(() => new ChatEnricher(rest)).not.toThrow(/canary/)
    expect(() => new ChatEnricher({ redisSentinels: [{ host: '::1', port: 1 }] })).toThrow(
      'redisSentinels: expected it together with redisSentinelMaster, got one without the other',
    )
  })

  it('give the prefix and the queues', async () => {
    const names = { prefix: '{chat}', lookupQueue: 'l', interactiveQueue: 'i', resultQueue: 'r' }
    await using enricher = new ChatEnricher({ redisUrl: world.redisUrl, ...names })
    const { lookupId } = await enricher.enqueue({ connectionId: '1' })
    expect(await world.redis.lrange('{chat}:l:wait', 0, -1)).toEqual([lookupId])
  })
})
