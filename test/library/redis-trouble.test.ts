/** Redis that is not there, goes away in the middle, or is full: no call hangs, and no acknowledgement is wrong. */

import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from '../../src/cli/demo/embedded-redis.ts'
import { type Ack, ChatEnricher, RedisUnavailable } from '../../src/index.ts'
import { startProxy, type TcpProxy } from '../faults/proxy.ts'
import { type RedisServer, startRedisServer } from '../faults/redis-server.ts'
import { NAMES } from '../support/world.ts'

let server: RedisServer
let proxy: TcpProxy
let enricher: ChatEnricher
let redis: Redis
beforeEach(async () => {
  server = await startRedisServer()
  proxy = await startProxy(server)
  enricher = new ChatEnricher({ redisUrl: `redis://127.0.0.1:${proxy.port}` })
  redis = new Redis(server.url, { protocol: 2, maxRetriesPerRequest: null })
  redis.on('error', () => {})
})
afterEach(async () => {
  await enricher.close()
  redis.disconnect()
  await proxy.close()
  await server.close()
})

/** Longer than ever before somebody is told; shorter than a hang. */
const FAST_MS = 12_000

async function timed(work: Promise<unknown>) {
  const from = performance.now()
  const error = await work.then(
    () => null,
    (reason) => reason,
  )
  return { error, ms: performance.now() - from }
}

async function* numbers(count: number) {
  for (let i = 0; i < count; i++) yield { connectionId: String(i) }
}

/** Reads acknowledgements, and tells `at` how many there are; resolves to them and how it ended. */
async function acknowledged(count: number, at: (acks: number) => void | Promise<void>) {
  const acks: Ack[] = []
  try {
    for await (const ack of enricher.enqueueMany(numbers(count))) {
      acks.push(ack)
      await at(acks.length)
    }
    return { acks, error: null }
  } catch (error) {
    return { acks, error }
  }
}

const waiting = async () => (await redis.lrange(`bull:${NAMES.lookupQueue}:wait`, 0, -1)).reverse()
const there = (acks: Ack[]) => acks.flatMap((ack) => ('lookupId' in ack ? ack.lookupId : []))
const inDoubt = (acks: Ack[]) =>
  acks.filter((ack) => 'error' in ack && ack.error instanceof RedisUnavailable && ack.error.mayBeOnQueue)

describe('without Redis', () => {
  it('every call fails within seconds, and says why', async () => {
    const port = await freePort()
    await using alone = new ChatEnricher({ redisUrl: `redis://user:canary@127.0.0.1:${port}` })
    const calls = [
      alone.enqueue({ connectionId: '1' }),
      alone.lookup({ connectionId: '1' }),
      alone.status(),
      alone.enqueueMany(numbers(3)).next(),
    ]
    for (const { error, ms } of await Promise.all(calls.map(timed))) {
      expect(error).toBeInstanceOf(RedisUnavailable)
      expect(error).toMatchObject({ mayBeOnQueue: false })
      expect(error.message).toMatch(`redisUrl: expected a Redis that answers at 127.0.0.1:${port}, got ECONNREFUSED`)
      expect(error.message).not.toContain('canary')
      expect(ms).toBeLessThan(FAST_MS)
    }
  })

  it('works again once Redis is back', async () => {
    await enricher.enqueue({ connectionId: '1' })
    await proxy.refuse()
    proxy.cut()
    expect((await timed(enricher.enqueue({ connectionId: '2' }))).error).toBeInstanceOf(RedisUnavailable)
    await proxy.accept()
    await expect.poll(() => enricher.enqueue({ connectionId: '3' }), { timeout: 20_000 }).toMatchObject({ isNew: true })
    const data = await Promise.all((await waiting()).map((id) => redis.hget(`bull:${NAMES.lookupQueue}:${id}`, 'data')))
    expect(data).toEqual(['{"connectionId":"1"}', '{"connectionId":"3"}'])
  })

  it('one that says nothing is given up, too', async () => {
    await enricher.enqueue({ connectionId: '1' })
    server.freeze()
    const { error, ms } = await timed(enricher.status())
    server.thaw()
    expect(error).toBeInstanceOf(RedisUnavailable)
    expect(ms).toBeLessThan(FAST_MS)
  })
})

describe('Redis in the middle of enqueueMany', () => {
  it('that loses a connection for a moment loses and doubles nothing', async () => {
    let [cuts, isAdding] = [0, false]
    proxy.watch = (text, direction, link) => {
      if (direction === 'to-server') isAdding ||= text.includes('{"connectionId":')
      else if (isAdding && cuts < 3) {
        cuts++
        isAdding = false
        link.cut() // added, and nobody is told
      }
    }
    const { acks, error } = await acknowledged(8000, () => {})
    expect(cuts).toBe(3)
    expect(error).toBe(null)
    expect(there(acks)).toHaveLength(8000)
    expect((await waiting()).toSorted()).toEqual(there(acks).toSorted())
  })

  it('killed, and back before long: goes on, and what is acknowledged is what is there', async () => {
    let back: Promise<void> | null = null
    const { acks, error } = await acknowledged(20_000, (count) => {
      if (count === 3000) back = server.kill().then(() => server.start())
    })
    await back
    expect([null, 'RedisUnavailable']).toContain(error && (error as Error).name)
    expect(there(acks).length).toBeGreaterThanOrEqual(3000)
    expect((await waiting()).toSorted()).toEqual(there(acks).toSorted())
    expect(inDoubt(acks)).toEqual([])
  })

  it('gone for good: ends within seconds, and says of which lookups nobody knows', async () => {
    let gone = 0
    const run = acknowledged(20_000, async (count) => {
      if (count !== 3000) return
      proxy.watch = (_, direction) => {
        if (direction === 'to-server' && !gone) {
          gone = performance.now()
          void server.kill()
        }
      }
    })
    const { acks, error } = await run
    expect(error).toBeInstanceOf(RedisUnavailable)
    expect(performance.now() - gone).toBeLessThan(2 * FAST_MS)
    await server.start()
    const ids = new Set(await waiting())
    expect(there(acks).filter((id) => !ids.has(id))).toEqual([])
    expect(ids.size - there(acks).length).toBeLessThanOrEqual(inDoubt(acks).length)
    expect(acks.length).toBeLessThan(20_000)
  })

  it('full: what is acknowledged is on the queue, the others are not', async () => {
    const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
    await redis.config('SET', 'maxmemory', String(used + 3_000_000))
    const { acks, error } = await acknowledged(20_000, () => {})
    await redis.config('SET', 'maxmemory', '0')
    expect(error).toBeInstanceOf(RedisUnavailable)
    expect((error as Error).message).toMatch(/OOM: its memory is full/)
    expect(there(acks).length).toBeGreaterThan(1000)
    expect(inDoubt(acks)).toEqual([])
    expect((await waiting()).toSorted()).toEqual(there(acks).toSorted())
  })
})
