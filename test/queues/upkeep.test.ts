import type { Queue } from 'bullmq'
import { Queue as BullQueue, FlowProducer, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { NO_HISTORY } from '../../src/domain/history.ts'
import { Fleet, type Member } from '../../src/fleet/members.ts'
import { EndedLookups } from '../../src/queues/ended-lookups.ts'
import { LookupHistories } from '../../src/queues/lookup-history.ts'
import { Markers } from '../../src/queues/marker.ts'
import { Leases } from '../../src/redis/lease.ts'
import {
  actionKey,
  END_FIELD,
  formerMarkerKeys,
  leaseKey,
  memberKey,
  membersKey,
  REDRIVE_FIELD,
} from '../../src/redis/names.ts'
import { Orphans } from '../../src/upkeep/orphans.ts'
import { Reconciler } from '../../src/upkeep/reconciler.ts'
import { removeOld } from '../../src/upkeep/retention.ts'
import { connect, identityOf } from '../support/queues.ts'
import { NAMES, until } from '../support/world.ts'

let embedded: EmbeddedRedis
let redis: Redis
let queue: Queue

beforeAll(async () => {
  embedded = await startEmbeddedRedis()
  redis = connect(embedded.url)
  queue = new BullQueue(NAMES.lookupQueue, { connection: redis })
})
afterAll(async () => {
  redis.disconnect()
  await embedded.stop()
})
beforeEach(async () => {
  await redis.flushall()
})

const takingOf = (id: string, stalls = 0) => ({ ...identityOf(id), stalls })

/** Adds these and has them end as BullMQ ends them: `failed` fail, the others complete. */
async function finish(ids: string[], failed = true): Promise<void> {
  await queue.addBulk(ids.map((jobId) => ({ name: 'lookup', data: { connectionId: 'c' }, opts: { jobId } })))
  const worker = new Worker(
    NAMES.lookupQueue,
    async () => {
      if (failed) throw new Error('x')
    },
    { connection: connect(embedded.url), concurrency: 50 },
  )
  worker.on('error', () => {})
  const state = failed ? 'failed' : 'completed'
  await until('all are finished', async () => (await queue.getJobCounts(state))[state] === ids.length)
  await worker.close()
}

/** The finished lookup ended so many milliseconds earlier. */
async function makeOlder(id: string, ms: number, state = 'failed'): Promise<void> {
  const finishedOn = Date.now() - ms
  await redis.hset(`bull:${NAMES.lookupQueue}:${id}`, 'finishedOn', finishedOn)
  await redis.zadd(`bull:${NAMES.lookupQueue}:${state}`, finishedOn, id)
}

const mark = (...ids: string[]) =>
  Promise.all(ids.map((id) => redis.set(formerMarkerKeys(NAMES, identityOf(id))[0], 'failed', 'PX', 60_000)))

describe('a lookup that gave up without a result', () => {
  const DAY_MS = 86_400_000
  const reconciler = () => new Reconciler(redis, NAMES, new LookupHistories(redis, NAMES), { markerTtlMs: DAY_MS })
  async function found(of: Reconciler): Promise<string[]> {
    const ids: string[] = []
    await of.run(queue.name, async (job) => void ids.push(job.id))
    return ids
  }

  it('is found, and those that have one are not', async () => {
    await finish(['a', 'b', 'c'])
    await mark('a', 'c')
    expect(await found(reconciler())).toEqual(['b'])
  })

  it('has one, too, if a worker of an earlier version marked it so; not if another fleet did', async () => {
    await finish(['a', 'b', 'c'])
    const [, before] = formerMarkerKeys(NAMES, identityOf('a'))
    await redis.set(before, 'failed')
    await redis.set(formerMarkerKeys({ ...NAMES, lookupQueue: 'other-lookups' }, identityOf('b'))[0], 'failed')
    expect((await found(reconciler())).sort()).toEqual(['b', 'c'])
    const markers = new Markers(redis, NAMES)
    const published = ['a', 'b'].map((id) => markers.statusOf(identityOf(id)))
    expect(await Promise.all(published)).toEqual(['failed', null])
  })

  it('is found among 2,000, wherever it lies', async () => {
    const ids = Array.from({ length: 2000 }, (_, index) => `l${index}`)
    await finish(ids)
    const lost = ['l0', 'l777', 'l1999']
    await mark(...ids.filter((id) => !lost.includes(id)))
    expect((await found(reconciler())).sort()).toEqual([...lost].sort())
  })

  it('is found by one that has looked before, at once or within two minutes of differing clocks', async () => {
    const one = reconciler()
    await finish(['a'])
    await mark('a')
    expect(await found(one)).toEqual([])
    await finish(['b', 'a'])
    await makeOlder('b', 100_000)
    expect(await found(one)).toEqual(['b'])
  })

  // Fails without: src/upkeep/reconciler.ts: stillFailed
  it('is not what a dead letter is that somebody puts back at that moment', async () => {
    await finish(['a', 'b'])
    await mark('a')
    await redis.hset(`bull:${NAMES.lookupQueue}:a`, END_FIELD, '{"status":"failed"}')
    const steps = { stepsKey: actionKey(NAMES, 'ac-1'), since: Date.now() }
    const own = redis.zrevrange.bind(redis) as (...args: unknown[]) => Promise<string[]>
    Object.assign(redis, {
      zrevrange: async (...args: unknown[]) => {
        const page = await own(...args)
        await new EndedLookups(redis, NAMES).redrive(NAMES.lookupQueue, ['a'], steps, false)
        return page
      },
    })
    try {
      expect(await found(reconciler())).toEqual(['b'])
    } finally {
      Reflect.deleteProperty(redis, 'zrevrange')
    }
    expect(await redis.hget(`bull:${NAMES.lookupQueue}:a`, REDRIVE_FIELD)).toBe('1')
  })

  it('is found again, however much later, if its result could not be published', async () => {
    await finish(['a', 'b'])
    const one = reconciler()
    const refused = one.run(queue.name, () => Promise.reject(new Error('OOM')))
    await expect(refused).rejects.toThrow('OOM')
    for (const id of ['a', 'b']) await makeOlder(id, 3_600_000)
    expect((await found(one)).sort()).toEqual(['a', 'b'])
  })

  it('is not what a dead letter is whose marker has come to its end', async () => {
    await finish(['old', 'new'])
    await makeOlder('old', DAY_MS + 1000)
    expect(await found(reconciler())).toEqual(['new'])
  })

  it('is found though others were removed in the meantime, also from among many newer ones', async () => {
    const newer = Array.from({ length: 1200 }, (_, index) => `l${index}`)
    await finish(['a', ...newer])
    await mark(...newer)
    await makeOlder('a', 60_000)
    for (const id of ['l1199', 'l600', 'l0']) await redis.del(`bull:${NAMES.lookupQueue}:${id}`)
    expect(await found(reconciler())).toEqual(['a'])
  })

  it('is looked for no further back than a quarter of an hour before the last look, however few fail', async () => {
    const one = reconciler()
    expect(await found(one)).toEqual([])
    await finish(['older', 'newer'])
    await makeOlder('older', 1_000_000)
    await makeOlder('newer', 800_000)
    expect(await found(one)).toEqual(['newer'])
  })
})

describe('a lookup that lies in no list', () => {
  const key = (part: string) => `bull:${NAMES.lookupQueue}:${part}`
  const adopt = () => new Orphans(redis, NAMES).adopt(NAMES.lookupQueue)

  it('is put back once, however many look, and however many others there are', async () => {
    await finish(['done'], false)
    await finish(['dead'])
    const ids = Array.from({ length: 1500 }, (_, index) => `l${index}`)
    await queue.addBulk(ids.map((jobId) => ({ name: 'lookup', data: {}, opts: { jobId } })))
    const lost = ['l3', 'l700', 'l1499']
    for (const id of lost) await redis.lrem(key('wait'), 1, id)
    for (const [state, id] of [
      ['completed', 'done'],
      ['failed', 'dead'],
    ] as const)
      await redis.zrem(key(state), id)
    const found = (await Promise.all([adopt(), adopt(), adopt()])).flat()
    expect(found.map(({ id, place }) => `${id} ${place}`).sort()).toEqual(
      [...lost.map((id) => `${id} wait`), 'dead failed', 'done completed'].sort(),
    )
    expect((await redis.lrange(key('wait'), '0', '-1')).sort()).toEqual([...ids].sort())
    expect(await queue.getJobCounts('completed', 'failed')).toEqual({ completed: 1, failed: 1 })
    expect(await adopt()).toEqual([])
  })

  // Fails without: src/queues/unlisted.ts: readLists()
  it('is put back with 20,000 others whose list somebody removed, and for all of a page the lists are read once', async () => {
    const ids = Array.from({ length: 20_000 }, (_, index) => `l${index}`)
    await queue.addBulk(ids.map((jobId) => ({ name: 'lookup', data: {}, opts: { jobId } })))
    await redis.del(key('wait'))
    await redis.config('RESETSTAT')
    expect((await adopt()).length).toBe(ids.length)
    expect((await redis.lrange(key('wait'), '0', '-1')).sort()).toEqual(ids.sort())
    const stats = await redis.info('commandstats')
    const calls = (command: string) => Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1])
    expect(calls('lpos')).toBeLessThan(0.01 * ids.length)
    expect(calls('lrange')).toBeLessThan(0.01 * ids.length)
  })

  // Fails without: src/queues/unlisted.ts: isListed(): inLists
  it('is not what one is that came into a list when its ids had been read, wherever in it', async () => {
    const ids = Array.from({ length: 5000 }, (_, index) => `l${index}`)
    await queue.addBulk(ids.map((jobId) => ({ name: 'lookup', data: {}, opts: { jobId } })))
    Object.assign(redis, { lrange: async () => [] })
    try {
      expect(await adopt()).toEqual([])
    } finally {
      Reflect.deleteProperty(redis, 'lrange')
    }
  })

  it('is not what one is that is delayed, has a priority, waits for others, or runs', async () => {
    await queue.add('lookup', {}, { jobId: 'later', delay: 1e9 })
    await queue.add('lookup', {}, { jobId: 'urgent', priority: 3 })
    await new FlowProducer({ connection: redis }).add({
      name: 'lookup',
      queueName: NAMES.lookupQueue,
      opts: { jobId: 'parent' },
      children: [{ name: 'other', queueName: 'others' }],
    })
    await queue.add('lookup', {}, { jobId: 'running' })
    await redis.lrem(key('wait'), 1, 'running')
    await redis.set(key('running:lock'), 'x')
    expect(await adopt()).toEqual([])
  })

  it('is not what one is that lies where a client of BullMQ 5 paused the queue', async () => {
    await queue.add('lookup', {}, { jobId: 'one' })
    await redis.rename(key('wait'), key('paused'))
    expect(await adopt()).toEqual([])
  })

  it('is put where BullMQ takes it, also if its id looks like a mark of BullMQ’s own', async () => {
    await queue.addBulk([{ name: 'lookup', data: {}, opts: { jobId: '0:12:7' } }])
    const worker = new Worker(NAMES.lookupQueue, undefined, { connection: redis, autorun: false })
    expect(await worker.getNextJob('a', { block: false })).toBeUndefined() // it is gone now
    expect(await adopt()).toEqual([{ id: '0:12:7', place: 'wait' }])
    expect(await worker.getNextJob('a', { block: false })).toMatchObject({ id: '0:12:7' })
    await worker.close(true)
  })

  it('is found in the end among more keys than are looked at in one go', async () => {
    const orphans = new Orphans(redis, NAMES)
    for (let start = 0; start < 60_000; start += 10_000) {
      const pairs = Array.from({ length: 10_000 }, (_, index) => [`other:${start + index}`, 'x']).flat()
      await redis.mset(...pairs)
    }
    await queue.add('lookup', {}, { jobId: 'a' })
    await redis.del(key('wait'))
    const found = [await orphans.adopt(NAMES.lookupQueue), await orphans.adopt(NAMES.lookupQueue)].flat()
    expect(found).toEqual([{ id: 'a', place: 'wait' }])
  })
})

describe('retention', () => {
  it('removes on a queue that lies idle what is too old, and only that', async () => {
    await finish(['done', 'done-old'], false)
    await finish(['dead', 'dead-old'])
    await makeOlder('done-old', 5000, 'completed')
    await makeOlder('dead-old', 50_000)
    await removeOld(queue, redis, { lookupRetentionMs: 4000, deadLetterRetentionMs: 60_000 })
    expect(await queue.getJobCounts('completed', 'failed')).toEqual({ completed: 1, failed: 2 })
    await removeOld(queue, redis, { lookupRetentionMs: 4000, deadLetterRetentionMs: 40_000 })
    const left = await Promise.all(['done', 'done-old', 'dead', 'dead-old'].map((id) => queue.getJob(id)))
    expect(left.map((job) => job?.id)).toEqual(['done', undefined, 'dead', undefined])
    expect(await redis.exists(`bull:${NAMES.lookupQueue}:dead-old`)).toBe(0)
  })

  it('removes more than one batch', async () => {
    const ids = Array.from({ length: 2500 }, (_, index) => `l${index}`)
    await finish(ids, false)
    await until('they are a little old', async () => {
      await removeOld(queue, redis, { lookupRetentionMs: 1, deadLetterRetentionMs: 1 })
      return (await queue.getJobCounts('completed')).completed === 0
    })
  })

  it('touches nothing that is not finished', async () => {
    await queue.add('lookup', { connectionId: 'c' }, { timestamp: 1 })
    await queue.add('lookup', { connectionId: 'c' }, { timestamp: 1, delay: 1e9 })
    await queue.add('lookup', { connectionId: 'c' }, { timestamp: 1, priority: 5 })
    await removeOld(queue, redis, { lookupRetentionMs: 1, deadLetterRetentionMs: 1 })
    const counts = await queue.getJobCounts('waiting', 'delayed', 'prioritized')
    expect(counts).toEqual({ waiting: 1, delayed: 1, prioritized: 1 })
  })
})

describe('what is known of a lookup', () => {
  const histories = () => new LookupHistories(redis, NAMES)
  const history = { ...NO_HISTORY, charged: 2, calls: 7 }
  /** As a worker has it that took it up. */
  async function take(id: string): Promise<void> {
    await queue.add('lookup', {}, { jobId: id })
    await redis.set(`bull:${NAMES.lookupQueue}:${id}:lock`, 'mine')
  }

  it('is nothing at first', async () => {
    expect(await histories().recall(takingOf('a'))).toEqual({
      published: null,
      history: NO_HISTORY,
      failedAt: null,
    })
  })

  it('is what it has behind it, and when it failed by the clock of Redis, if that may be charged', async () => {
    await take('a')
    const [seconds] = await redis.time()
    await histories().remember(identityOf('a'), 'mine', history, true)
    const known = await histories().recall(takingOf('a'))
    expect(known.history).toEqual(history)
    expect(Math.abs((known.failedAt ?? 0) - Number(seconds) * 1000)).toBeLessThan(5000)
    await histories().remember(identityOf('a'), 'mine', history, false)
    expect(await histories().recall(takingOf('a'))).toEqual({ published: null, history, failedAt: null })
  })

  const stalled = (id: string, times: number) => redis.hset(`bull:${NAMES.lookupQueue}:${id}`, 'stc', times)

  it('is how often its process died while it ran there alone, and not how often it was lost otherwise', async () => {
    await take('a')
    await stalled('a', 2)
    await histories().beginAlone(takingOf('a', 2), { ...history, diedAlone: 1 })
    expect((await histories().recall(takingOf('a', 2))).history).toEqual({ ...history, diedAlone: 1 })
    const { history: died } = await histories().recall(takingOf('a', 3))
    expect(died).toEqual({ ...history, diedAlone: 2 })
    await histories().remember(identityOf('a'), 'mine', died, false)
    expect((await histories().recall(takingOf('a', 4))).history.diedAlone).toBe(2)
    await stalled('a', 4)
    await histories().beginAlone(takingOf('a', 4), died)
    await histories().endAlone(takingOf('a', 3)) // a run that was lost longer ago
    expect((await histories().recall(takingOf('a', 5))).history.diedAlone).toBe(3)
    await histories().endAlone(takingOf('a', 4))
    expect((await histories().recall(takingOf('a', 5))).history.diedAlone).toBe(2)
  })

  it('is not written over by a process that was frozen until another one took it up', async () => {
    await take('a')
    await stalled('a', 3)
    await histories().beginAlone(takingOf('a', 3), { ...history, diedAlone: 2 })
    await histories().beginAlone(takingOf('a', 2), { ...history, diedAlone: 1 })
    expect((await histories().recall(takingOf('a', 3))).history.diedAlone).toBe(2)
  })

  it('is that it has its result', async () => {
    await mark('a')
    expect(await histories().recall(takingOf('a'))).toMatchObject({ published: 'failed' })
    expect(await histories().markers.missing([identityOf('a'), identityOf('b')])).toEqual([identityOf('b')])
    expect(await histories().markers.missing([])).toEqual([])
  })

  // Fails without: src/queues/lookup-history.ts: the look at the lock
  it('is not written over by a process that has lost the lookup to another', async () => {
    await take('a')
    await histories().remember(identityOf('a'), 'mine', history, false)
    await redis.set(`bull:${NAMES.lookupQueue}:a:lock`, 'theirs')
    await histories().remember(identityOf('a'), 'mine', { ...history, charged: 3 }, true)
    expect(await histories().recall(takingOf('a'))).toEqual({ published: null, history, failedAt: null })
  })

  it('goes with its job, and does not come back with a late write', async () => {
    await histories().remember(identityOf('gone'), 'mine', history, true)
    await histories().beginAlone(takingOf('gone'), history)
    expect(await redis.keys('*gone*')).toEqual([])
  })

  it('of an older version has what that did not know at its beginning', async () => {
    await redis.hset(`bull:${NAMES.lookupQueue}:a`, 'ce:history', '{"charged":3}')
    const { history: read } = await histories().recall(takingOf('a'))
    expect(read).toEqual({ ...NO_HISTORY, charged: 3 })
  })
})

describe('the fleet', () => {
  const member = (id: string): Member => ({
    id,
    host: 'h',
    pid: 1,
    version: '1',
    startedAt: '',
    concurrency: 1,
    inProgress: 0,
    perSecond: 0,
    limits: { rate: 50, burst: 1, inFlight: null },
    quota: null,
    stopping: false,
  })

  it('has the members that say so, and loses those that leave or fall silent', async () => {
    const fleet = new Fleet(redis, NAMES)
    expect(await fleet.members()).toEqual([])
    for (const id of ['a', 'b', 'c']) await fleet.beat(member(id))
    const ids = async () => (await fleet.members()).map(({ id }) => id)
    expect(await fleet.members()).toEqual(
      ['a', 'b', 'c'].map((id) => ({ ...member(id), seenMsAgo: expect.any(Number) })),
    )
    await fleet.leave('a')
    const line = memberKey(NAMES, 'b')
    const lives = await redis.pttl(line)
    expect(lives).toBeGreaterThan(2000) // a beat may be late
    expect(lives).toBeLessThanOrEqual(80_000) // long enough to say what became of its lookups
    await redis.del(line) // as when its time is up
    expect(await ids()).toEqual(['c'])
    await fleet.beat({ ...member('d'), inProgress: 3 })
    await redis.zincrby(membersKey(NAMES), -11_000, 'd')
    expect(await ids()).toEqual(['c'])
    const { lost } = await fleet.read()
    expect(lost).toEqual([expect.objectContaining({ id: 'd', inProgress: 3 })])
    expect(lost[0]?.seenMsAgo).toBeGreaterThanOrEqual(11_000)
  })

  it('has its own members and its own leases, beside another fleet under the same prefix', async () => {
    const other = { ...NAMES, lookupQueue: 'other-lookups' }
    await new Fleet(redis, NAMES).beat(member('a'))
    await new Fleet(redis, other).beat(member('b'))
    expect(await new Fleet(redis, NAMES).members()).toEqual([expect.objectContaining(member('a'))])
    expect(await new Fleet(redis, other).members()).toEqual([expect.objectContaining(member('b'))])
    expect(await new Leases(redis, NAMES, 'a').take('task', 60_000)).toBe(true)
    expect(await new Leases(redis, other, 'b').take('task', 60_000)).toBe(true)
  })

  it('does not keep the names of those that fell silent', async () => {
    await redis.zadd(membersKey(NAMES), '1', 'long-gone')
    await new Fleet(redis, NAMES).beat(member('a'))
    expect(await redis.zrange(membersKey(NAMES), '0', '-1')).toEqual(['a'])
  })

  it('lets one member at a time do a task, which keeps it until its lease ends', async () => {
    const [a, b] = ['a', 'b'].map((id) => new Leases(redis, NAMES, id)) as [Leases, Leases]
    expect(await a.take('task', 60_000)).toBe(true)
    expect(await b.take('task', 60_000)).toBe(false)
    expect(await b.take('other', 60_000)).toBe(true)
    await redis.pexpire(leaseKey(NAMES, 'task'), 1000)
    expect(await a.take('task', 60_000)).toBe(true)
    expect(await redis.pttl(leaseKey(NAMES, 'task'))).toBeGreaterThan(50_000)
    await redis.pexpire(leaseKey(NAMES, 'task'), 1)
    await until('the lease has ended', () => b.take('task', 60_000))
    expect(await a.take('task', 60_000)).toBe(false)
  })
})
