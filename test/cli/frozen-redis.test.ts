import { Redis } from 'ioredis'
import { afterEach, describe, expect, it } from 'vitest'
import { startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { until } from '../support/world.ts'
import { endAll, start } from './started.ts'

afterEach(endAll)

async function clientsOf(url: string): Promise<string> {
  const redis = new Redis(url)
  const list = (await redis.client('LIST')) as string
  redis.disconnect()
  return list
}

describe('a Redis that is frozen', () => {
  it('is not waited for for ever by results, enqueue and status, exit 1', async () => {
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
      for (const { ended, stderr } of [reader, producer, watcher]) {
        expect(await ended).toEqual({ code: 1, signal: null })
        expect(stderr()).toContain('error: REDIS_URL: expected a Redis that answers at 127.0.0.1:')
      }
      expect(producer.stderr()).toMatch(/^stopped: enqueued 1 on chat-lookups, up to line 1\n/)
    } finally {
      process.kill(redis.pid, 'SIGCONT')
      await redis.stop()
    }
  }, 120_000)
})
