import { FlowProducer, type Queue, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import type { Result } from '../../src/domain/result.ts'
import { Cancelling, mayBeCancelled } from '../../src/fleet/cancel.ts'
import { actOnSelected } from '../../src/fleet/paced.ts'
import { Selected } from '../../src/fleet/selected.ts'
import { LookupQueues, openQueue } from '../../src/queues/lookup-queue.ts'
import { readMarkers } from '../../src/queues/marker.ts'
import { JOB_MAX_BYTES } from '../../src/queues/stored-jobs.ts'
import { readCancelled } from '../../src/queues/totals.ts'
import { END_FIELD, HISTORY_FIELD } from '../../src/redis/names.ts'
import { connect, identityOf, publisher } from '../support/queues.ts'
import { NAMES } from '../support/world.ts'

const key = (part: string) => `bull:${NAMES.lookupQueue}:${part}`
const STEPS = 'bull:chat-enricher:action:test'

let embedded: EmbeddedRedis
let redis: Redis
let queues: LookupQueues
let results: Queue
let cancelling: Cancelling

beforeAll(async () => {
  embedded = await startEmbeddedRedis()
  redis = connect(embedded.url)
  queues = new LookupQueues(redis, NAMES)
  results = openQueue(NAMES.resultQueue, redis, NAMES)
  cancelling = new Cancelling(redis, NAMES, {
    markerTtlMs: 60_000,
    lookupRetentionMs: 60_000,
    keepMs: 60_000,
    stream: null,
    resultBacklogLimit: 100_000,
  })
})
afterAll(async () => {
  redis.disconnect()
  await embedded.stop()
})
beforeEach(() => redis.flushall())

const cancel = (...ids: string[]) => cancelling.named(ids, STEPS)
const add = (lookupId: string, more: object = {}) => queues.add('batch', [{ lookupId, connectionId: 'c1', ...more }])

async function resultOf(lookupId: string): Promise<Result | undefined> {
  return (await results.getJob(`rs-${lookupId}`))?.data
}

/** In which places it lies. */
async function placesOf(id: string): Promise<string[]> {
  const scores = ['failed', 'completed', 'delayed', 'prioritized', 'waiting-children'].map(async (place) =>
    (await redis.zscore(key(place), id)) === null ? [] : [place],
  )
  const lists = ['wait', 'active', 'paused'].map(async (place) =>
    (await redis.lpos(key(place), id)) === null ? [] : [place],
  )
  return (await Promise.all([...scores, ...lists])).flat()
}

async function worker(): Promise<Worker> {
  const made = new Worker(NAMES.lookupQueue, null, { connection: redis, autorun: false, skipVersionCheck: true })
  made.on('error', () => {})
  return made
}

describe('cancel', () => {
  it.each([
    ['waits', {}],
    ['is delayed', { delayMs: 60_000 }],
    ['has a priority', { priority: 3 }],
  ])('ends a lookup that %s, with its one result', async (_, more) => {
    await add('lk-1', { ...more, correlationId: 'order 1', metadata: { a: 1 } })
    await add('lk-2', more)
    expect(await cancel('lk-1')).toEqual({ done: 1, refused: [] })
    expect(await placesOf('lk-1')).toEqual(['failed'])
    expect(await placesOf('lk-2')).not.toEqual(['failed'])
    expect(await resultOf('lk-1')).toMatchObject({
      lookupId: 'lk-1',
      connectionId: 'c1',
      correlationId: 'order 1',
      metadata: { a: 1 },
      status: 'failed',
      failure: { code: 'cancelled' },
      calls: 0,
      attempts: 0,
    })
    expect(JSON.parse((await redis.hget(key('lk-1'), END_FIELD)) ?? '')).toMatchObject({ code: 'cancelled', calls: 0 })
    expect(await redis.hget(key('lk-1'), 'failedReason')).toMatch(/^cancelled: .* \(calls: 0, attempts: 0\)$/)
    expect(await readMarkers(redis, NAMES, [identityOf('lk-1'), identityOf('lk-2')])).toEqual(['failed', null])
    expect(await redis.hget(STEPS, 'count')).toBe('1')
    expect(await readCancelled(redis, NAMES)).toBe(1)
    expect(await results.count()).toBe(1)
  })

  it('says which ones it left as they are, and why', async () => {
    await add('lk-active')
    const taker = await worker()
    await taker.getNextJob('token')
    await add('lk-ended')
    await cancel('lk-ended')
    expect(await cancel('lk-active', 'lk-ended', 'lk-unknown')).toEqual({
      done: 0,
      refused: [
        { lookupId: 'lk-active', why: 'active' },
        { lookupId: 'lk-ended', why: 'ended' },
        { lookupId: 'lk-unknown', why: 'gone' },
      ],
    })
    await taker.close(true)
  })

  it('leaves one that has had its result to the worker that will end it', async () => {
    await add('lk-1')
    const { results: queue } = publisher(embedded.url)
    const stored = await redis.hget(key('lk-1'), 'timestamp')
    const identity = { lookupId: 'lk-1', queue: NAMES.lookupQueue, enqueuedAt: Number(stored), redrive: 0 }
    const { resultFor } = await import('../support/queues.ts')
    await queue.publish(resultFor(identity), identity)
    expect(await cancel('lk-1')).toEqual({ done: 0, refused: [{ lookupId: 'lk-1', why: 'ended' }] })
    expect(await placesOf('lk-1')).toEqual(['wait'])
  })

  it('counts the calls and attempts that there were', async () => {
    await add('lk-1', { delayMs: 60_000 })
    const history = { charged: 1, failures: 2, calls: 5, lastFailure: null }
    await redis.hset(key('lk-1'), HISTORY_FIELD, JSON.stringify(history), 'ats', 2)
    await cancel('lk-1')
    expect(await resultOf('lk-1')).toMatchObject({ calls: 5, attempts: 2 })
  })

  it('finds a counter id, one in the interactive queue, and one in a queue that is paused', async () => {
    const { id = '' } = await queues.of('batch').add('lookup', { connectionId: 'c1' })
    await queues.add('interactive', [{ lookupId: 'lk-i', connectionId: 'c2' }])
    await queues.of('batch').pause()
    expect(await cancel(id, 'lk-i')).toEqual({ done: 2, refused: [] })
    expect(await placesOf(id)).toEqual(['failed'])
    expect([(await resultOf(id))?.status, (await resultOf('lk-i'))?.status]).toEqual(['failed', 'failed'])
  })

  it('ends a lookup whose data nobody can read, or that is too large', async () => {
    await Promise.all(['lk-1', 'lk-2', 'lk-3'].map((id) => add(id)))
    await redis.hset(key('lk-1'), 'data', '{"connectionId":')
    await redis.hset(key('lk-2'), 'data', 'x'.repeat(JOB_MAX_BYTES + 1))
    await redis.hset(key('lk-3'), 'parent', '{{', 'parentKey', 'bull:nowhere:1', 'atm', 'many')
    expect(await cancel('lk-1', 'lk-2', 'lk-3')).toEqual({ done: 3, refused: [] })
    for (const id of ['lk-1', 'lk-2', 'lk-3']) expect(await placesOf(id)).toEqual(['failed'])
    expect(await resultOf('lk-2')).toMatchObject({ connectionId: null, failure: { code: 'cancelled' } })
  })

  it('frees what the lookup deduplicates', async () => {
    const options = { jobId: 'lk-1', deduplication: { id: 'd' } }
    await queues.of('batch').add('lookup', { connectionId: 'c1' }, options)
    await cancel('lk-1')
    const again = await queues.of('batch').add('lookup', { connectionId: 'c1' }, { ...options, jobId: 'lk-2' })
    expect(again.id).toBe('lk-2')
  })

  it('fails the parent of a flow that is to fail with it, and a parent itself', async () => {
    const flows = new FlowProducer({ connection: redis })
    const child = (jobId: string) => ({
      name: 'lookup',
      queueName: NAMES.lookupQueue,
      data: { connectionId: jobId },
      opts: { jobId, failParentOnFailure: true },
    })
    const parent = (jobId: string, ...children: string[]) =>
      flows.add({ ...child(jobId), opts: { jobId }, children: children.map(child) })
    await parent('parent-1', 'child-1')
    await parent('parent-2', 'child-2')
    expect(await cancel('child-1')).toEqual({ done: 1, refused: [] })
    expect(await redis.hget(key('parent-1'), 'defa')).toContain('child-1')
    expect(await cancel('parent-2')).toEqual({ done: 1, refused: [] })
    expect(await placesOf('parent-2')).toEqual(['failed'])
    expect((await resultOf('parent-2'))?.failure?.code).toBe('cancelled')
  })

  it('delivers to whoever waits for it, and not on the queue', async () => {
    await add('lk-1', { deliver: 'wait' })
    await cancel('lk-1')
    expect(await results.count()).toBe(0)
    expect((await redis.keys('bull:chat-enricher:result:*')).length).toBe(1)
  })

  it('keeps the order of those that stay in a backlog', async () => {
    const ids = Array.from({ length: 300 }, (_, index) => `lk-${index}`)
    for (const id of ids) await add(id)
    const some = ids.filter((_, index) => index % 7 === 3)
    expect(await cancel(...some)).toEqual({ done: some.length, refused: [] })
    const left = ids.filter((_, index) => index % 7 !== 3)
    expect((await redis.lrange(key('wait'), 0, -1)).reverse()).toEqual(left)
  })

  it('takes lookups out of the middle of a long list, and lets none wait longer', async () => {
    const ids = Array.from({ length: 12_000 }, (_, index) => `lk-${index}`)
    for (let i = 0; i < ids.length; i += 1000)
      await queues.add(
        'batch',
        ids.slice(i, i + 1000).map((lookupId) => ({ lookupId, connectionId: 'c' })),
      )
    const some = ['lk-5998', 'lk-5999', 'lk-6000', 'lk-6001', 'lk-10', 'lk-11990']
    expect(await cancel(...some)).toEqual({ done: 6, refused: [] })
    const left = (await redis.lrange(key('wait'), 0, -1)).reverse()
    expect(new Set(left)).toEqual(new Set(ids.filter((id) => !some.includes(id))))
    expect(left.length).toBe(ids.length - 6)
    for (const [at, id] of left.entries()) expect(at).toBeLessThanOrEqual(ids.indexOf(id))
  })
})

describe('cancel by a selection', () => {
  it('ends all that were there, while others start and more are added', async () => {
    const ids = Array.from({ length: 400 }, (_, index) => `lk-${index}`)
    await queues.add(
      'batch',
      ids.map((lookupId, index) => ({ lookupId, connectionId: index % 2 === 0 ? 'even' : 'odd' })),
    )
    const selected = new Selected(redis, NAMES, { connectionId: 'even' })
    let taken: string[] = []
    const act = async (lookups: Parameters<typeof cancelling.found>[0]) => {
      const end = await cancelling.found(lookups, STEPS)
      taken = [...taken, ...((await redis.rpop(key('wait'), 3)) ?? [])]
      return end
    }
    const end = await actOnSelected(selected, mayBeCancelled, act, { ratePerSecond: 10_000 })
    const even = ids.filter((_, index) => index % 2 === 0 && !taken.includes(ids[index] ?? ''))
    expect(end.done).toBe(even.length)
    expect(await redis.zcard(key('failed'))).toBe(even.length)
    const left = await redis.lrange(key('wait'), 0, -1)
    expect(left.every((id) => Number(id.slice(3)) % 2 === 1)).toBe(true)
  })

  it('waits while results pile up', async () => {
    const strict = new Cancelling(redis, NAMES, {
      markerTtlMs: 60_000,
      lookupRetentionMs: 60_000,
      keepMs: 60_000,
      stream: null,
      resultBacklogLimit: 1,
    })
    await add('lk-1')
    expect(await strict.waitsFor()).toBeNull()
    await cancel('lk-1')
    expect(await strict.waitsFor()).toBe(
      '1 results wait to be consumed, and RESULT_BACKLOG_LIMIT is 1: start their consumer',
    )
  })
})
