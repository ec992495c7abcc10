import { Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import type { Selection } from '../../src/domain/selection.ts'
import { type FoundLookup, Selected } from '../../src/fleet/selected.ts'
import { LookupQueues } from '../../src/queues/lookup-queue.ts'
import { JOB_MAX_BYTES } from '../../src/queues/stored-jobs.ts'
import { Walk } from '../../src/queues/walk.ts'
import { HISTORY_FIELD } from '../../src/redis/names.ts'
import { connect } from '../support/queues.ts'
import { NAMES } from '../support/world.ts'

const WAIT = `bull:${NAMES.lookupQueue}:wait`
const jobKey = (id: string) => `bull:${NAMES.lookupQueue}:${id}`

let embedded: EmbeddedRedis
let redis: Redis
let queues: LookupQueues

beforeAll(async () => {
  embedded = await startEmbeddedRedis()
  redis = connect(embedded.url)
  queues = new LookupQueues(redis, NAMES)
})
afterAll(async () => {
  redis.disconnect()
  await embedded.stop()
})
beforeEach(() => redis.flushall())

async function found(selection: Selection): Promise<FoundLookup[]> {
  const all: FoundLookup[] = []
  for await (const { lookups } of new Selected(redis, NAMES, selection).all()) all.push(...lookups)
  return all
}

const idsOf = (lookups: readonly FoundLookup[]) => lookups.map(({ lookupId }) => lookupId)
const idOf = (index: number) => `lk-${String(index).padStart(6, '0')}`

async function enqueue(count: number, from = 0): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => idOf(from + index))
  await queues.add(
    'batch',
    ids.map((lookupId) => ({ lookupId, connectionId: `c-${lookupId}` })),
  )
  return ids
}

/** One lookup in each state, ended ones as BullMQ ends them. */
async function oneOfEach(): Promise<void> {
  await queues.add('batch', [{ lookupId: 'to-fail', connectionId: 'c1', correlationId: 'order 1' }])
  await queues.add('batch', [{ lookupId: 'to-complete', connectionId: 'c2' }])
  await queues.add('batch', [{ lookupId: 'to-run', connectionId: 'c3' }])
  const worker = new Worker(NAMES.lookupQueue, null, { connection: redis, autorun: false, skipVersionCheck: true })
  const take = async () => (await worker.getNextJob('token')) ?? expect.fail('expected a job')
  await (await take()).moveToFailed(new Error('timeout: late (calls: 3, attempts: 2)'), 'token', false)
  await (await take()).moveToCompleted({ status: 'not-found', code: 'response-code' }, 'token', false)
  await take()
  await worker.close(true)
  await queues.add('batch', [{ lookupId: 'due-later', connectionId: 'c4', delayMs: 3_600_000 }])
  await queues.add('batch', [{ lookupId: 'behind', connectionId: 'c5', priority: 7 }])
  await queues.add('batch', [{ lookupId: 'first', connectionId: 'c6' }])
  await queues.add('interactive', [{ lookupId: 'asked', connectionId: 'c7' }])
}

describe('a selection', () => {
  it.each<[Selection, string[]]>([
    [{ all: true }, ['due-later', 'behind', 'first', 'to-run', 'to-fail', 'to-complete', 'asked']],
    [{ state: 'waiting' }, ['behind', 'first', 'asked']],
    [{ state: 'waiting', queue: 'lookup' }, ['behind', 'first']],
    [{ queue: 'interactive' }, ['asked']],
    [{ state: 'delayed' }, ['due-later']],
    [{ state: 'active' }, ['to-run']],
    [{ state: 'dead' }, ['to-fail']],
    [{ state: 'finished' }, ['to-complete']],
    [{ connectionId: 'c4' }, ['due-later']],
    [{ correlationId: 'order 1' }, ['to-fail']],
    [{ failure: 'timeout' }, ['to-fail']],
    [{ result: 'not-found' }, ['to-complete']],
    [{ result: 'failed' }, ['to-fail']],
    [{ olderThanMs: 3_600_000 }, []],
    [{ newerThanMs: 3_600_000, state: 'dead' }, ['to-fail']],
    [{ olderThanMs: 3_600_000, state: 'dead' }, []],
    [{ connectionId: 'c4', state: 'dead' }, []],
  ])('%j finds %j', async (selection, ids) => {
    await oneOfEach()
    expect(idsOf(await found(selection))).toEqual(ids)
  })

  it('finds what is known of each', async () => {
    await oneOfEach()
    const [first] = await found({ connectionId: 'c6' })
    expect(first).toMatchObject({ state: 'waiting', place: 'wait', behind: 0, calls: 0, attempts: 0, lane: 'batch' })
    const [later] = await found({ connectionId: 'c4' })
    expect(later?.dueAt).toBeGreaterThan(Date.now() + 3_500_000)
    const [behind] = await found({ connectionId: 'c5' })
    expect(behind).toMatchObject({ priority: 7, behind: null })
    const [dead] = await found({ state: 'dead' })
    expect(dead).toMatchObject({ calls: 3, attempts: 2, failure: 'timeout', message: 'late', result: 'failed' })
    expect(dead?.endedAt).toBeGreaterThan(Date.now() - 60_000)
  })

  it('finds by the last failure of one that is to be tried again', async () => {
    await enqueue(3)
    const failure = { code: 'soap-fault', class: 'transient', reason: 'fault', message: 'm', soapFaultCode: 'Server' }
    const lastFailure = { ...failure, httpStatus: 500 }
    await redis.hset(jobKey(idOf(1)), HISTORY_FIELD, JSON.stringify({ charged: 1, failures: 2, calls: 4, lastFailure }))
    const [one, ...others] = await found({ fault: 'Server', httpStatus: 500, failure: 'soap-fault' })
    expect(others).toEqual([])
    expect(one).toMatchObject({
      lookupId: idOf(1),
      calls: 4,
      charged: 1,
      failures: 2,
      fault: 'Server',
      httpStatus: 500,
    })
    expect(await found({ fault: 'Client' })).toEqual([])
  })

  it.each([
    'plain',
    'with "quotes" and \\ backslashes',
    'ção 😀 \u2028',
    ' ',
    '0:1',
    '%s {} [*?]',
    'a'.repeat(256),
    'tab\tand\u0000nul',
  ])('finds the connection id %j, however its producer wrote it', async (connectionId) => {
    await enqueue(5)
    const escaped = JSON.stringify({ connectionId }).replace(
      /[\u0080-\uffff/]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
    await redis.hset(jobKey(idOf(1)), 'data', JSON.stringify({ connectionId }))
    await redis.hset(jobKey(idOf(3)), 'data', escaped)
    expect(idsOf(await found({ connectionId }))).toEqual([idOf(1), idOf(3)])
  })

  it('passes jobs over that are too large, broken or gone, and counts them', async () => {
    await enqueue(6)
    await redis.hset(jobKey(idOf(1)), 'data', 'x'.repeat(JOB_MAX_BYTES + 1))
    await redis.del(jobKey(idOf(2)), jobKey(idOf(3)))
    await redis.set(jobKey(idOf(3)), 'no hash')
    await redis.hset(jobKey(idOf(4)), 'data', '{"connectionId":')
    const steps = async (selection: Selection) => {
      let [unread, looked] = [0, 0]
      const ids: string[] = []
      for await (const step of new Selected(redis, NAMES, selection).all()) {
        unread += step.unread
        looked += step.looked
        ids.push(...idsOf(step.lookups))
      }
      return { unread, looked, ids }
    }
    expect(await steps({ connectionId: `c-${idOf(5)}` })).toEqual({ unread: 3, looked: 6, ids: [idOf(5)] })
    expect(await steps({ all: true })).toEqual({ unread: 3, looked: 6, ids: [idOf(0), idOf(1), idOf(4), idOf(5)] })
  })
})

describe('a walk while lookups move', () => {
  /** Walks over all that waits, and does something between the steps. */
  async function walked(selection: Selection, between: (step: number, seen: string[]) => Promise<unknown>) {
    const selected = new Selected(redis, NAMES, selection)
    const seen: string[] = []
    let number = 0
    for (let point = await selected.start(); ; ) {
      const { lookups, next } = await selected.step(point, { look: 50, send: 50 })
      seen.push(...idsOf(lookups))
      if (!next) return seen
      await between(number++, seen)
      point = next
    }
  }
  const WAITING: Selection = { state: 'waiting', queue: 'lookup' }

  it('skips none while workers take from the list', async () => {
    const ids = await enqueue(2000)
    const seen = await walked(WAITING, async (_, all) => all.length > 0 && redis.rpop(WAIT, 17))
    expect(seen).toEqual(ids)
  })

  it('skips none where workers are faster than the walk', async () => {
    const ids = await enqueue(2000)
    const taken: string[] = []
    const seen = await walked(WAITING, async () => taken.push(...((await redis.rpop(WAIT, 300)) ?? [])))
    expect([...new Set([...seen, ...taken])].sort()).toEqual(ids)
  })

  it('skips none that are put back to the head of the line, or added behind', async () => {
    const ids = await enqueue(1000)
    const seen = await walked(WAITING, async (step, all) => {
      if (all.length === 0 || step > 6) return
      await redis.rpush(WAIT, ...(await enqueue(40, 10_000 + step * 40)).map((id) => `${id}-again`))
      await enqueue(3, 5000 + step * 3)
    })
    expect(seen.filter((id) => ids.includes(id))).toEqual(ids)
    expect(new Set(seen).size).toBe(seen.length)
  })

  it('skips none while those that it finds are taken away', async () => {
    await enqueue(1000)
    const seen = await walked(WAITING, async (_, all) => {
      for (const id of all.slice(-50)) await redis.lrem(WAIT, 1, id)
    })
    expect(new Set(seen).size).toBe(1000)
  })

  it('goes on after a long time, when thousands have been taken', async () => {
    const ids = await enqueue(9000)
    let taken: string[] | null = null
    const seen = await walked(WAITING, async (_, all) => {
      if (all.length >= 4500) taken ??= await redis.rpop(WAIT, 4000)
    })
    expect(taken).toHaveLength(4000)
    expect(seen).toEqual(ids)
  })

  it('skips none of a sorted set whose jobs are rescheduled', async () => {
    const ids = Array.from({ length: 500 }, (_, index) => idOf(index))
    await queues.add(
      'batch',
      ids.map((lookupId, index) => ({ lookupId, connectionId: 'c', delayMs: 1_000_000 + index * 10 })),
    )
    const DELAYED = `bull:${NAMES.lookupQueue}:delayed`
    const seen = await walked({ state: 'delayed', queue: 'lookup' }, async (step, all) => {
      const last = all.at(-1) ?? ''
      if (step % 2 === 0) await redis.zincrby(DELAYED, 4096 * 1e9, last)
      else await redis.zrem(DELAYED, last)
    })
    expect(new Set(seen)).toEqual(new Set(ids))
  })

  it('passes a lookup on once that it meets again further on', async () => {
    await enqueue(300)
    const ids: string[] = []
    for await (const { lookups } of new Selected(redis, NAMES, { queue: 'lookup', all: true }).all()) {
      ids.push(...idsOf(lookups))
      const moved = await redis.rpop(WAIT, 20)
      if (moved) await redis.lpush(`bull:${NAMES.lookupQueue}:active`, ...moved)
    }
    expect(ids.length).toBe(300)
    expect(new Set(ids).size).toBe(300)
  })
})

describe('the steps of a walk', () => {
  it('send none whose data says another id in escapes', async () => {
    await enqueue(4)
    const said = ['\\u0063-1', '\\u0063-2', 'c-1 \\ud800', 'c-3'].map(
      (id) => `{"connectionId":"${id}","metadata":"\\n"}`,
    )
    for (const [i, data] of said.entries()) await redis.hset(jobKey(idOf(i)), 'data', data)
    const sieve = { inData: [['connectionId', 'c-1']] as const, inEnd: [], after: null, before: null }
    const place = { queue: NAMES.lookupQueue, place: 'wait' } as const
    const { jobs, looked } = await new Walk(redis, NAMES).step(place, null, sieve, { look: 10, send: 10 })
    expect(looked).toBe(4)
    // The third is for a reader that knows half a surrogate pair.
    expect(jobs.map(({ id }) => id)).toEqual([idOf(0), idOf(2)])
  })

  it('look at no more than they are told to, and send no more', async () => {
    const ids = await enqueue(120)
    const selected = new Selected(redis, NAMES, { state: 'waiting', queue: 'lookup' })
    const sizes: number[] = []
    const all: string[] = []
    let point: Awaited<ReturnType<typeof selected.start>> | null = await selected.start()
    while (point) {
      const { lookups, looked, next } = await selected.step(point, { look: 50, send: 7 })
      expect(looked).toBeLessThanOrEqual(7)
      sizes.push(lookups.length)
      all.push(...idsOf(lookups))
      point = next
    }
    expect(all).toEqual(ids)
    expect(Math.max(...sizes)).toBe(7)
  })

  it('end early where jobs are large', async () => {
    await enqueue(40)
    for (let i = 0; i < 40; i++)
      await redis.hset(jobKey(idOf(i)), 'data', JSON.stringify({ connectionId: 'x'.repeat(100_000) }))
    const selected = new Selected(redis, NAMES, { state: 'waiting', queue: 'lookup' })
    const { looked, lookups } = await selected.step({ ...(await selected.start()), stop: 2 })
    expect(looked).toBe(2)
    expect(lookups.length).toBe(2)
    expect((await found({ state: 'waiting', queue: 'lookup' })).length).toBe(40)
  })
})
