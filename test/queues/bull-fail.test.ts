import { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { bullFail, FAIL_KEYS } from '../../src/queues/bull-fail.ts'
import { keysOf } from '../../src/queues/bull-layout.ts'
import { connect } from '../support/queues.ts'
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

const key = keysOf(NAMES, NAMES.lookupQueue)
const failing = (lua: string) => `${lua}\nreturn fail(KEYS, ARGV[1], ARGV[2], ARGV[3], ARGV[4])`

describe("BullMQ's own way to fail a job", () => {
  it('is taken from the installed package, and fails a job as BullMQ would', async () => {
    const lua = failing(await bullFail(queue, redis, NAMES))
    await queue.add('lookup', { connectionId: '1' }, { jobId: 'lk-1' })
    await redis.rpoplpush(key('wait'), key('active'))
    const keys = FAIL_KEYS.map(key)
    const at = '1700000000000'
    expect(await redis.eval(lua, keys.length, ...keys, key('lk-1'), 'lk-1', at, 'a reason')).toBe(0)
    const job = await queue.getJob('lk-1')
    expect([await job?.getState(), job?.failedReason, job?.finishedOn]).toEqual(['failed', 'a reason', Number(at)])
    expect(await redis.llen(key('active'))).toBe(0)
  })

  it('is refused, saying what to do, where BullMQ has come to fail in another way', async () => {
    const backend = queue.getBackend() as unknown as Record<'moveToFailed', (...args: unknown[]) => unknown>
    const own = Object.getPrototypeOf(backend).moveToFailed as (typeof backend)['moveToFailed']
    backend.moveToFailed = function (job, _reason, ...rest) {
      return own.call(this, job, 'another reason', ...rest)
    }
    try {
      await expect(bullFail(queue, redis, NAMES)).rejects.toThrow(/^bullmq: expected the release .* npm ci$/)
    } finally {
      Reflect.deleteProperty(backend, 'moveToFailed')
    }
  })
})
