import { Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { describe, expect, it, vi } from 'vitest'
import * as z from 'zod/mini'
import { Forget } from '../../src/fleet/forget.ts'
import { removeFinished } from '../../src/queues/finished-lookups.ts'
import { finishedCount } from '../support/finished.ts'
import { run } from '../support/in-process.ts'
import { startWorker } from '../support/processes.ts'
import { connect, identityOf, publisher, resultFor } from '../support/queues.ts'
import { useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'
import { forgottenSchema } from './schemas.ts'

const world = useWorld({ redisArguments: ['--list-compress-depth', '0', '--rdbcompression', 'no'] })

/** The connection id that is to be forgotten; no other word in Redis has it as its part. */
const MARKED = 'zq-4711-marked'
const OTHER = 'somebody-else'

/** Keys whose name, or whose bytes as Redis keeps them, have the text in them. */
async function keysWith(redis: Redis, text: string): Promise<string[]> {
  const found: string[] = []
  for (const key of await redis.keys('*')) {
    const bytes = await redis.dumpBuffer(key)
    if (key.includes(text) || bytes?.includes(text)) found.push(key)
  }
  return found.sort()
}

/** All but the keys of BullMQ that are about a queue as a whole. */
async function everythingOf(redis: Redis, text: string): Promise<Record<string, unknown>> {
  const kept: Record<string, unknown> = {}
  for (const key of await keysWith(redis, text)) {
    if ((await redis.type(key)) === 'hash') kept[key] = await redis.hgetall(key)
  }
  return kept
}

/** Takes single jobs, on the connection of the test. */
function takerOf(queue: string): Worker {
  const worker = new Worker(queue, undefined, { connection: world.redis, autorun: false })
  worker.on('error', () => {})
  return worker
}

const lookups = () => world.queue(NAMES.lookupQueue)

async function addEverywhere(connectionId: string): Promise<void> {
  const data = { connectionId, correlationId: `of-${connectionId}` }
  const interactive = world.queue(NAMES.interactiveQueue)
  await lookups().add('lookup', data)
  await lookups().add('lookup', data, { jobId: `crm:${connectionId}:7` })
  await lookups().add('lookup', data, { delay: 1e8, deduplication: { id: `one-of-${connectionId}` } })
  await interactive.add('lookup', data, { priority: 7 })
  await lookups().add('lookup', { connectionID: connectionId }, { jobId: `mistyped-${connectionId}` })
  await world.redis.hset(`bull:${NAMES.lookupQueue}:broken-${connectionId}`, 'data', `{"connectionId":"${connectionId}`)
  await world.redis.lpush(`bull:${NAMES.lookupQueue}:wait`, `broken-${connectionId}`)
  await finish(connectionId)
  const { queue, results, redis } = publisher(world.redisUrl)
  for (const id of ['waits', 'was-read']) {
    const identity = identityOf(`${id}-${connectionId}`)
    await results.publish(resultFor(identity, connectionId), identity)
  }
  await queue.close()
  redis.disconnect()
  await read(`rs-was-read-${connectionId}`)
}

/** A lookup that is done and one that is a dead letter, with what a producer's consumer would leave on them. */
async function finish(connectionId: string): Promise<void> {
  const queue = world.queue(NAMES.lookupQueue)
  const data = { connectionId }
  for (const id of ['done', 'dead']) await queue.add('lookup', data, { jobId: `${id}-${connectionId}`, lifo: true })
  const worker = takerOf(NAMES.lookupQueue)
  for (let i = 0; i < 2; i++) {
    const job = await worker.getNextJob('token')
    if (job?.id?.startsWith('dead')) await job.moveToFailed(new Error(`for ${connectionId}`), 'token', false)
    else await job?.moveToCompleted(`of ${connectionId}`, 'token', false)
  }
  await worker.close()
}

async function read(id: string): Promise<void> {
  const worker = takerOf(NAMES.resultQueue)
  const others: (() => Promise<unknown>)[] = []
  for (;;) {
    const job = await worker.getNextJob('token')
    if (!job) break
    if (job.id === id) await job.moveToCompleted(null, 'token', false)
    else others.push(() => job.moveToWait('token'))
    if (job.id === id) break
  }
  for (const back of others) await back()
  await worker.close()
}

async function markers(): Promise<number> {
  const shards = await world.redis.keys('*:marked:*:*:*')
  const held = await Promise.all(shards.map((key) => world.redis.hlen(key)))
  return held.reduce((sum, count) => sum + count, 0)
}

const forget = (...args: string[]) => run(['forget', ...args], world.env)
const told = (stdout: string) => z.parse(forgottenSchema, JSON.parse(stdout))

describe('forget', () => {
  it('leaves no byte of a connection id in Redis, in whatever state its lookups and results are, and all of others', async () => {
    await addEverywhere(OTHER)
    await addEverywhere(MARKED)
    const before = await everythingOf(world.redis, OTHER)
    expect(Object.keys(before)).toHaveLength(10)
    const { code, stdout, stderr } = await forget(MARKED, '--json')
    expect(code).toBe(0)
    expect(await keysWith(world.redis, MARKED)).toEqual([])
    const { removed, active } = told(stdout)
    expect(removed).toMatchObject({ lookups: 8, results: 2, markers: 2 })
    expect(removed.events).toBeGreaterThan(8)
    expect(active).toEqual([])
    expect(stderr).not.toContain(MARKED)
    expect(await everythingOf(world.redis, OTHER)).toEqual(before)
    const counts = await lookups().getJobCounts('waiting', 'delayed', 'failed', 'completed')
    expect(counts).toEqual({ waiting: 4, delayed: 1, failed: 1, completed: 1 })
  })

  it('erases results that are kept for whoever waits, also when their lookup is gone', async () => {
    await startWorker(world.env)
    for (const connectionId of [OTHER, MARKED])
      for (const jobId of ['w-1', 'w-2'])
        await lookups().add('lookup', { connectionId, deliver: 'wait' }, { jobId: `${jobId}-${connectionId}` })
    await until('they are done', async () => (await finishedCount(world.redis)) === 4)
    await removeFinished(world.redis, NAMES, NAMES.lookupQueue, `w-1-${MARKED}`, 'bull:steps')
    const { stdout } = await forget(MARKED, '--json')
    expect(await keysWith(world.redis, MARKED)).toEqual([])
    expect(told(stdout).removed).toMatchObject({ lookups: 1, results: 2, markers: 2 })
    expect(await world.redis.keys('*:result:*')).toHaveLength(2)
    expect(await markers()).toBe(2)
  })

  it('erases what a fleet that runs has learned: answers kept for others, and whom the service answered', async () => {
    await startWorker({ ...world.env, CACHE_TTL_MS: '600000' })
    for (const connectionId of [OTHER, MARKED]) {
      await lookups().add('lookup', { connectionId })
      await until('it is done, and the fleet remembers it', async () => {
        const isDone = (await lookups().getActiveCount()) + (await lookups().getWaitingCount()) === 0
        return isDone && (await keysWith(world.redis, connectionId)).some((key) => key.endsWith(':memory'))
      })
    }
    expect(await world.redis.keys('*:answer:*')).toHaveLength(2)
    const { code, stdout } = await forget(MARKED, '--json')
    expect(code).toBe(0)
    expect(await keysWith(world.redis, MARKED)).toEqual([])
    expect(told(stdout).removed).toMatchObject({ lookups: 1, results: 1, markers: 1, answers: 1, memories: 1 })
    const left = await keysWith(world.redis, OTHER)
    for (const part of [':memory', `${NAMES.resultQueue}:rs-`])
      expect(left.some((key) => key.includes(part))).toBe(true)
    expect(await world.redis.keys('*:answer:*')).toHaveLength(1)
    expect(await markers()).toBe(1)
  })

  it('leaves no byte of it in an event stream that a consumer group reads, and the group where it was', async () => {
    const stream = `bull:${NAMES.lookupQueue}:events`
    await lookups().add('lookup', { connectionId: OTHER }, { jobId: 'other' })
    await world.redis.xgroup('CREATE', stream, 'readers', '0')
    await world.redis.xreadgroup('GROUP', 'readers', 'one', 'COUNT', 1, 'STREAMS', stream, '>')
    await lookups().add('lookup', { connectionId: MARKED }, { jobId: `of-${MARKED}` })
    const groups = async () =>
      ((await world.redis.xinfo('GROUPS', stream)) as unknown[][]).map((group) => group.slice(0, 8))
    const before = await groups() // name, consumers, pending, last delivered
    expect(before).toHaveLength(1)
    expect((await forget(MARKED)).code).toBe(0)
    expect(await keysWith(world.redis, MARKED)).toEqual([])
    expect(await groups()).toEqual(before)
    await lookups().add('lookup', { connectionId: OTHER }, { jobId: 'later' })
    const read = await world.redis.xreadgroup('GROUP', 'readers', 'one', 'STREAMS', stream, '>')
    expect(JSON.stringify(read)).toContain('later')
  })

  it('leaves an event stream alone that has nothing about it', async () => {
    await lookups().add('lookup', { connectionId: OTHER }, { jobId: 'other' })
    const stream = `bull:${NAMES.lookupQueue}:events`
    const before = await world.redis.xrange(stream, '-', '+')
    expect(before).not.toEqual([])
    expect((await forget(MARKED)).code).toBe(0)
    expect(await world.redis.xrange(stream, '-', '+')).toEqual(before)
  })

  /** Jobs that carry the number 4711 for another reason than that it is their connection id. */
  const NOT_ABOUT_IT: [what: string, queue: 'lookups' | 'results', id: string, data: string][] = [
    ['a job of that number', 'lookups', '4711', '{"connectionId":"9"}'],
    ['a job of that number that says no connection id', 'lookups', '4711', '{"x":1}'],
    ['a job of that number that is no JSON', 'lookups', '4711', '{"connectionId":"9'],
    ['a result of the job of that number', 'results', 'rs-4711', '{"lookupId":"4711","connectionId":null}'],
    ['half a result of it', 'results', 'rs-4711', '{"lookupId":"4711","connectionId":"9'],
    ['a result of it with an id of its own', 'results', 'rs-4711-0f3a', '{"lookupId":"4711","connectionId":null}'],
    ['a correlation id', 'lookups', '1', '{"correlationId":"4711"}'],
    ['a figure', 'results', 'rs-1', '{"lookupId":"1","connectionId":null,"calls":4711}'],
    ['a part of a text', 'lookups', '1', '{"note":"paid 4711 of 9000"}'],
    ['a foreign id that has it, of another connection id', 'lookups', 'order-4711', '{"connectionId":"9"}'],
  ]
  it.each(NOT_ABOUT_IT)('4711 leaves %s', async (_, where, id, data) => {
    const key = `bull:${where === 'lookups' ? NAMES.lookupQueue : NAMES.resultQueue}:${id}`
    await world.redis.hset(key, { name: 'lookup', data, opts: '{}', timestamp: '1' })
    const { code, stdout } = await forget('4711')
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'there was nothing of it\n' })
    expect(await world.redis.hget(key, 'data')).toBe(data)
  })

  const ABOUT_IT: [what: string, id: string, data: string][] = [
    ['a misspelt field', '1', '{"Connection_ID":4711}'],
    ['a value in a list', '1', '["4711"]'],
    ['data that is the id', '1', '4711'],
    ['half a JSON', '1', '{"connectionId":"4711'],
    ['half a JSON with a number', '1', '{"connectionId": 4711, "x'],
    ['a foreign id, where the data says none', 'crm:4711:7', '{"x":1}'],
  ]
  it.each(ABOUT_IT)('4711 erases a job that says it by %s', async (_, id, data) => {
    await world.redis.hset(`bull:${NAMES.lookupQueue}:${id}`, { name: 'lookup', data, opts: '{}', timestamp: '1' })
    expect((await forget('4711')).stdout).toMatch(/^removed 1 lookup/)
    expect(await world.redis.keys(`bull:${NAMES.lookupQueue}:${id}`)).toEqual([])
  })

  it.each([
    ['whose lookups are about it', MARKED],
    ['that only its name is about', undefined],
  ])('erases a scheduler with its name, %s, and no other', async (_, connectionId) => {
    const data = connectionId === undefined ? {} : { connectionId }
    await lookups().upsertJobScheduler(`poll-${MARKED}`, { every: 1e8 }, { name: 'lookup', data })
    await lookups().upsertJobScheduler(
      `poll-${OTHER}`,
      { every: 1e8 },
      { name: 'lookup', data: { connectionId: OTHER } },
    )
    expect((await forget(MARKED)).code).toBe(0)
    expect(await keysWith(world.redis, MARKED)).toEqual([])
    expect((await lookups().getJobSchedulers()).map(({ key }) => key)).toEqual([`poll-${OTHER}`])
    expect(await lookups().getJobCountByTypes('waiting', 'delayed')).toBe(1)
  })

  it('waits for a lookup that a worker has in hand, and its result goes with it', async () => {
    world.standIn.set({ latencyMs: 4000 })
    await startWorker(world.env)
    await lookups().add('lookup', { connectionId: MARKED })
    await until('it is asked for', () => world.standIn.requests.all().length === 1)
    const { code, stdout } = await forget(MARKED, '--json')
    expect(code).toBe(0)
    expect(await keysWith(world.redis, MARKED)).toEqual([])
    expect(told(stdout)).toMatchObject({ removed: { lookups: 1, memories: 1 }, active: [] })
  })

  it.each(['before', 'after'] as const)('counts a lookup once that ends just %s it is to be erased', async (when) => {
    const { id } = await lookups().add('lookup', { connectionId: MARKED })
    const redis = connect(world.redisUrl)
    const asking: { exists(key: string): Promise<number> } = redis
    const exists = asking.exists.bind(redis)
    const key = `bull:${NAMES.lookupQueue}:${id}`
    vi.spyOn(asking, 'exists').mockImplementation(async (asked) => {
      const isItsTurn = asked === (when === 'before' ? `${key}:lock` : key)
      const there = await exists(asked)
      if (isItsTurn && (await finishedCount(world.redis)) === 0) {
        await startWorker(world.env)
        await until('it has ended', async () => (await finishedCount(world.redis)) === 1)
      }
      return there
    })
    const { removed } = await new Forget(redis, NAMES, MARKED, null).run({ who: 'test', waitMs: 0 })
    redis.disconnect()
    expect(removed).toMatchObject({ lookups: 1, results: 1, memories: 1 })
    expect(await keysWith(world.redis, MARKED)).toEqual([])
  })

  it('names the one that is still in hand, exit 1, and has not touched it', async () => {
    const worker = takerOf(NAMES.lookupQueue)
    await lookups().add('lookup', { connectionId: MARKED }, { jobId: 'in-hand' })
    await worker.getNextJob('token')
    await lookups().add('lookup', { connectionId: MARKED })
    const { code, stdout, stderr } = await forget(MARKED, '--wait', '1s')
    expect(code).toBe(1)
    expect(stderr).toContain('in-hand: expected it to end, but it is still in hand')
    expect(stdout).toMatch(/^removed 1 lookup, \d+ events\n$/)
    expect(await (await lookups().getJob('in-hand'))?.getState()).toBe('active')
    await worker.close(true)
  })

  it('takes the connection id from stdin, so that nobody sees it in the list of processes, and logs no more than a hash of it', async () => {
    await lookups().add('lookup', { connectionId: MARKED })
    const { code, stdout, stderr } = await run(['forget', '-'], { ...world.env, LOG_LEVEL: 'silent' }, `${MARKED}\n`)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^removed 1 lookup/)
    const line = JSON.parse(stderr)
    expect(line).toMatchObject({ level: 30, msg: 'forgot a connection id', removed: { lookups: 1 }, active: 0 })
    expect(line.connection).toMatch(/^[0-9a-f]{12}$/)
    expect(await keysWith(world.redis, MARKED)).toEqual([])
  })

  it('finds nothing, exit 0, and does not take a part of an id for it', async () => {
    await lookups().add('lookup', { connectionId: `${MARKED}2` })
    await lookups().add('lookup', { of: `1${MARKED}` })
    const { code, stdout } = await forget(MARKED)
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'there was nothing of it\n' })
    expect(await lookups().getWaitingCount()).toBe(2)
  })
})
