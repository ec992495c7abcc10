import { Queue, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { NO_HISTORY } from '../../src/domain/history.ts'
import { LookupHistories } from '../../src/queues/lookup-history.ts'
import { ALONE_FIELD, FAILED_AT_FIELD, HISTORY_FIELD } from '../../src/redis/names.ts'
import { connect, identityOf } from '../support/queues.ts'
import { NAMES } from '../support/world.ts'

let embedded: EmbeddedRedis
let redis: Redis
let queue: Queue

beforeAll(async () => {
  embedded = await startEmbeddedRedis()
  redis = connect(embedded.url)
  queue = new Queue(NAMES.lookupQueue, { connection: redis })
})
afterAll(async () => {
  redis.disconnect()
  await embedded.stop()
})
beforeEach(async () => {
  await redis.flushall()
})

describe('a lookup that waits for its retry', () => {
  const deduplication = { id: 'customer-7', replace: true, extend: true, ttl: 60_000 }
  const add = (jobId: string) => queue.add('lookup', { connectionId: 'c' }, { jobId, delay: 60_000, deduplication })

  /** As a worker puts a lookup back after a failure. */
  async function takeAndPutBack(id: string): Promise<void> {
    await queue.add('lookup', { connectionId: 'c' }, { jobId: id, deduplication })
    const worker = new Worker(NAMES.lookupQueue, null, { connection: redis, autorun: false })
    const job = await worker.getNextJob('token')
    await new LookupHistories(redis, NAMES).remember(identityOf(id), 'token', NO_HISTORY, true)
    await job?.moveToDelayed(Date.now() + 60_000, 'token')
    await worker.close(true)
  }

  it('is not removed by a producer that replaces what is delayed', async () => {
    await takeAndPutBack('first')
    await add('second')
    const ids = (await queue.getDelayed()).map(({ id }) => id)
    expect(ids.sort()).toEqual(['first', 'second'])
  })

  it('leaves the deduplication of another one alone', async () => {
    await takeAndPutBack('first')
    await add('second')
    expect(await queue.getDeduplicationJobId('customer-7')).toBe('second')
    await new LookupHistories(redis, NAMES).remember(identityOf('first'), 'token', NO_HISTORY, true)
    expect(await queue.getDeduplicationJobId('customer-7')).toBe('second')
  })
})

describe('what somebody else wrote into our fields', () => {
  it.each(['x', '', '{"charged":"many"}', '[]', 'null', '1e999'])('%j counts for nothing', async (text) => {
    await redis.hset(`bull:${NAMES.lookupQueue}:a`, {
      [HISTORY_FIELD]: text,
      [FAILED_AT_FIELD]: text,
      [ALONE_FIELD]: text,
    })
    const known = await new LookupHistories(redis, NAMES).recall({ ...identityOf('a'), stalls: 0 })
    expect(known).toEqual({ published: null, history: NO_HISTORY, failedAt: null })
  })
})
