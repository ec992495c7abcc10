import { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { bullAdd } from '../../src/queues/bull-add.ts'
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
