import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, it } from 'vitest'
import { startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { NAMES, until } from '../support/world.ts'
import { endAll, start } from './started.ts'

afterEach(endAll)

async function clientsOf(url: string): Promise<string> {
  const redis = new Redis(url)
  const list = (await redis.client('LIST')) as string
  redis.disconnect()
  return list
}

async function publishOne(url: string): Promise<void> {
  const connection = new Redis(url, { maxRetriesPerRequest: null })
  const queue = new Queue(NAMES.resultQueue, { connection })
  await queue.add('enriched', { version: 1, lookupId: 'lk-1', connectionId: '1', status: 'enriched' })
  await queue.close()
  connection.disconnect()
}

describe('a Redis that is frozen', () => {
  it('is not waited for for ever by enqueue and status, exit 1; results --follow says so, and goes on', async () => {
    const redis = await startEmbeddedRedis()
    const env = { REDIS_URL: redis.url }
    const reader = start(['results', '--follow'], env)
    const producer = start(['enqueue', '--file', '-', '--json'], env)
    const watcher = start(['status', '--watch', '--json'], env)
    producer.child.stdin?.write('1\n')
    await Promise.all([producer.says(/"connectionId":"1"/), watcher.says(/backlog/)])
    await until('the reader waits', async () => (await clientsOf(redis.url)).includes('name=chat-enricher:results'))
    process.kill(redis.pid, 'SIGSTOP')
    producer.child.stdin?.write('2\n')
    try {
      for (const { ended, stderr } of [producer, watcher]) {
        expect(await ended).toEqual({ code: 1, signal: null })
        expect(stderr()).toContain('error: REDIS_URL: expected a Redis that answers at 127.0.0.1:')
      }
      const says = 'REDIS_URL: expected a Redis that answers at 127\\.0\\.0\\.1:.* Waiting for it\\.'
      await reader.says(new RegExp(says))
      process.kill(redis.pid, 'SIGCONT')
      await publishOne(redis.url)
      await reader.says(/"lookupId":"lk-1"/)
      reader.child.kill('SIGINT')
      expect(await reader.ended).toEqual({ code: 0, signal: null })
      expect(reader.stderr().match(/Waiting for it/g)).toHaveLength(1)
      expect(reader.stderr()).toContain('\nRedis is there again\n1 result\n')
      expect(producer.stderr()).toMatch(/^stopped: enqueued 1 on chat-lookups, up to line 1\n/)
    } finally {
      process.kill(redis.pid, 'SIGCONT')
      await redis.stop()
    }
  }, 120_000)
})
