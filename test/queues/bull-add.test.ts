import { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { bullAdd } from '../../src/queues/bull-add.ts'
import { LookupAdder } from '../../src/queues/lookup-adder.ts'
import { connect } from '../support/queues.ts'
import { NAMES } from '../support/world.ts'

let embedded: EmbeddedRedis
let redis: Redis
let queue: Queue

beforeAll(async () => {
  embedded = await startEmbeddedRedis()
  redis = connect(embedded.url)
  queue = new Queue(NAMES.resultQueue, { connection: redis })
})
afterAll(async () => {
  redis.disconnect()
  await embedded.stop()
})

describe("BullMQ's own add", () => {
  it('is taken from the installed package, with its keys and options as BullMQ would send them', async () => {
    const { lua, keys, options } = await bullAdd(queue, redis, NAMES, { attempts: 10 })
    expect(lua).toContain('HMSET')
    expect(keys).toEqual([...new Set(keys)])
    expect(keys.every((key) => key.startsWith(`bull:${NAMES.resultQueue}:`))).toBe(true)
    expect(JSON.parse(options)).toMatchObject({ attempts: 10 })
  })

  it('is refused, saying what to do, where BullMQ has come to add in another way', async () => {
    const backend = queue.getBackend() as unknown as { addStandardJobArgs: (...args: unknown[]) => unknown[] }
    const own = backend.addStandardJobArgs
    backend.addStandardJobArgs = (...args) => ['another key', ...own.apply(backend, args)]
    try {
      await expect(bullAdd(queue, redis, NAMES, {})).rejects.toThrow(/^bullmq: expected the release .* npm ci$/)
    } finally {
      backend.addStandardJobArgs = own
    }
  })
})

describe('lookups that a script adds by it', () => {
  const KINDS: { priority?: number; delay?: number }[] = [
    {},
    { priority: 3 },
    { delay: 60_000 },
    { priority: 3, delay: 60_000 },
  ]
  const stored = async (id: string) => {
    const { timestamp, opts = '', ...job } = await redis.hgetall(`bull:${NAMES.resultQueue}:${id}`)
    return { ...job, opts: JSON.parse(opts), isTimed: Math.abs(Number(timestamp) - Date.now()) < 60_000 }
  }

  it('are the jobs that BullMQ would have added, in the same places', async () => {
    const data = { connectionId: '007 é', metadata: { deep: [1, null, {}] } }
    for (const [index, kind] of KINDS.entries()) await queue.add('lookup', data, { jobId: `bull-${index}`, ...kind })
    const ours = KINDS.map(({ delay, ...kind }, index) => ({
      ...data,
      ...kind,
      ...(delay === undefined ? {} : { delayMs: delay }),
      lookupId: `ours-${index}`,
    }))
    await new LookupAdder(queue, redis, NAMES).add(ours)
    for (const index of KINDS.keys()) {
      const { opts, ...job } = await stored(`bull-${index}`)
      const { jobId: _, attempts: _none, ...options } = opts
      expect(await stored(`ours-${index}`)).toEqual({ ...job, opts: options })
      expect(await queue.getJobState(`ours-${index}`)).toBe(await queue.getJobState(`bull-${index}`))
      expect(await stored(`ours-${index}`)).toMatchObject({ name: 'lookup', isTimed: true })
    }
  })

  it('are taken up in their order, and one that is there stays as it is', async () => {
    const ids = Array.from({ length: 150 }, (_, index) => `in-order-${index}`)
    const adder = new LookupAdder(queue, redis, NAMES)
    await adder.add(ids.map((lookupId) => ({ lookupId, connectionId: 'first' })))
    await adder.add(['in-order-0', 'later'].map((lookupId) => ({ lookupId, connectionId: 'second' })))
    const waiting = (await redis.lrange(`bull:${NAMES.resultQueue}:wait`, 0, -1)).reverse()
    expect(waiting.slice(-151)).toEqual([...ids, 'later'])
    expect((await queue.getJob('in-order-0'))?.data).toEqual({ connectionId: 'first' })
  })

  it('are added after SCRIPT FLUSH, too', async () => {
    const adder = new LookupAdder(queue, redis, NAMES)
    await adder.add([{ lookupId: 'before', connectionId: '1' }])
    await redis.script('FLUSH')
    await adder.add([{ lookupId: 'behind', connectionId: '1' }])
    expect(await queue.getJobState('behind')).toBe('waiting')
  })
})
