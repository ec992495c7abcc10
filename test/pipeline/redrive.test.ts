import { beforeEach, describe, expect, it } from 'vitest'
import { type Awaited, ResultWaiter } from '../../src/intake/await-results.ts'
import { EndedLookups } from '../../src/queues/ended-lookups.ts'
import { removeMarker } from '../../src/queues/marker.ts'
import { actionKey, END_FIELD, REDRIVE_FIELD } from '../../src/redis/names.ts'
import { finishedCount } from '../support/finished.ts'
import { run } from '../support/in-process.ts'
import { killAll, startWorker } from '../support/processes.ts'
import { identityOf } from '../support/queues.ts'
import { useConsumer, useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'

const world = useWorld()
const consumer = useConsumer(world)
const queue = () => world.queue(NAMES.lookupQueue)
const key = (part: string) => `bull:${NAMES.lookupQueue}:${part}`

/** Enqueued so long ago that it expires at its first run, without a call. */
const OLD = { timestamp: Date.now() - 8 * 86_400_000 }

beforeEach(async () => {
  await startWorker({ ...world.env, RATE_LIMIT_PER_SECOND: 'none' })
})

async function addDead(...ids: string[]): Promise<void> {
  const jobs = ids.map((id) => ({ name: 'lookup', data: { connectionId: `of ${id}` }, opts: { jobId: id, ...OLD } }))
  await queue().addBulk(jobs)
  await until('they are dead letters', async () => (await queue().getFailedCount()) === ids.length)
}

const seen = (id: string) =>
  consumer.of(id).map(({ status, redrive, calls, attempts }) => [status, redrive, calls, attempts])
const completed = (count: number) =>
  until(`${count} are done`, async () => (await finishedCount(world.redis)) === count)
const TWO = [
  ['failed', 0, 0, 0],
  ['enriched', 1, 1, 1],
]

async function redrives(): Promise<unknown[]> {
  const lines = (await run(['activity', '--json'], world.env)).stdout.trim().split('\n')
  return lines.filter(Boolean).map((line) => JSON.parse(line))
}

describe('a dead letter that is put back', () => {
  it('is run as a new one: a result of its own, its age counted from then', async () => {
    await addDead('a')
    const steps = { stepsKey: actionKey(NAMES, 'ac-1'), since: Date.now() }
    expect(await new EndedLookups(world.redis, NAMES).redrive(NAMES.lookupQueue, ['a'], steps, false)).toEqual(['done'])
    await consumer.have(2)
    expect(seen('a')).toEqual(TWO)
    const [first, second] = consumer.of('a')
    expect(second?.enqueuedAt).toBe(first?.enqueuedAt)
    await completed(1)
    expect(JSON.parse((await run(['status', 'a', '--json'], world.env)).stdout)).toMatchObject({
      state: 'completed',
      redrive: 1,
      result: 'enriched',
      end: { status: 'enriched', calls: 1, attempts: 1 },
    })
    expect((await run(['status', 'a'], world.env)).stdout).toContain('put back 1 time after it had ended')
  })
})

describe('a dead letter that somebody retries by the means of BullMQ', () => {
  it('counts as put back, and the activity says so', async () => {
    await addDead('a', 'b', 'c')
    await (await queue().getJob('a'))?.retry()
    await (await queue().getJob('b'))?.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true })
    await consumer.have(5)
    await queue().retryJobs({ state: 'failed' })
    await consumer.have(6)
    for (const id of ['a', 'b', 'c']) expect(seen(id)).toEqual(TWO)
    await completed(3)
    expect(await redrives()).toMatchObject([
      {
        who: 'unknown',
        action: 'redrive',
        arguments: { by: expect.stringContaining('BullMQ') },
        count: 3,
        state: 'done',
      },
    ])
  })

  it('counts each time, and keeps its reason when it fails again', async () => {
    const answers = { faultRate: 0, rules: [{ id: '^of a$', faults: ['too-large' as const] }] }
    await addDead('a')
    world.standIn.set(answers)
    for (const times of [1, 2]) {
      await (await queue().getJob('a'))?.retry()
      await consumer.have(1 + times)
      await until('it is a dead letter again', async () => (await queue().getFailedCount()) === 1)
      expect(await world.redis.hget(key('a'), REDRIVE_FIELD)).toBe(String(times))
      expect(JSON.parse((await world.redis.hget(key('a'), END_FIELD)) ?? '')).toMatchObject({
        code: 'too-large',
        redrive: times,
      })
    }
    expect(consumer.of('a').map(({ redrive }) => redrive)).toEqual([0, 1, 2])
  })

  it('counts if it is of an earlier version, which kept less of it', async () => {
    await addDead('a')
    await world.redis.hdel(key('a'), END_FIELD)
    await (await queue().getJob('a'))?.retry()
    await consumer.have(2)
    expect(seen('a')).toEqual(TWO)
  })

  it('counts also when its marker has expired, so that no result comes twice under one id', async () => {
    await addDead('a')
    expect(await removeMarker(world.redis, NAMES, identityOf('a'))).toBe(1)
    await (await queue().getJob('a'))?.retry()
    await consumer.have(2)
    expect(seen('a')).toEqual(TWO)
  })
})

describe('a dead letter that comes back because a worker died or lost it', () => {
  it('has had its one result, and keeps its reason', async () => {
    await addDead('a', 'b')
    // As when a worker died between its result and its end; and as when another one, frozen, published it meanwhile.
    for (const [id, stalls] of [
      ['a', 1],
      ['b', 0],
    ] as const) {
      await world.redis.hdel(key(id), 'finishedOn', 'atm')
      await world.redis.hset(key(id), 'stc', stalls)
      await world.redis.zrem(key('failed'), id)
      await world.redis.lpush(key('wait'), id)
    }
    await world.redis.zadd(key('marker'), 0, '0')
    await until('they are dead letters again', async () => (await queue().getFailedCount()) === 2)
    await queue().add('lookup', { connectionId: 'the last' }, { jobId: 'last' })
    await consumer.have(3)
    for (const id of ['a', 'b']) {
      expect(seen(id)).toEqual([['failed', 0, 0, 0]])
      expect(await world.redis.hget(key(id), 'failedReason')).toMatch(/^expired: .* \(calls: 0, attempts: 0\)$/)
      expect(await world.redis.hexists(key(id), REDRIVE_FIELD)).toBe(0)
    }
    expect(await redrives()).toEqual([])
  })

  it('as a completed one that somebody retries, has no second result', async () => {
    await queue().add('lookup', { connectionId: 7 }, { jobId: 'x' }) // an invalid one stays among the completed jobs
    await completed(1)
    await (await queue().getJob('x'))?.retry('completed')
    await until('it is done again', async () => Number(await world.redis.hget(key('x'), 'atm')) === 2)
    expect(seen('x')).toEqual([['invalid', 0, 0, 0]])
  })
})

describe('whoever waits for a lookup that was put back', () => {
  it('gets its next result, not the one before', async () => {
    await addDead('a')
    await killAll()
    const subscriber = world.redis.duplicate()
    const awaited: Awaited[] = []
    const waiter = new ResultWaiter({ redis: world.redis, subscriber }, NAMES, (one) => awaited.push(one))
    try {
      const steps = { stepsKey: actionKey(NAMES, 'ac-1'), since: Date.now() }
      await new EndedLookups(world.redis, NAMES).redrive(NAMES.lookupQueue, ['a'], steps, false)
      await waiter.expect('batch', ['a'])
      await waiter.lookFor('batch', ['a'])
      expect(awaited).toEqual([])
      await startWorker({ ...world.env, RATE_LIMIT_PER_SECOND: 'none' })
      await until('it is told', () => awaited.length > 0)
      expect(awaited).toMatchObject([{ status: 'enriched', result: { redrive: 1 } }])
    } finally {
      waiter.stop()
      subscriber.disconnect()
    }
  })
})
