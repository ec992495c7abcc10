import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { Forget } from '../../src/fleet/forget.ts'
import { readMarkers } from '../../src/queues/marker.ts'
import type { LookupIdentity } from '../../src/redis/names.ts'
import { connect, identityOf, type Publisher, publisher, resultFor } from '../support/queues.ts'
import { NAMES } from '../support/world.ts'

const KEY = 'bull:results-stream'
const MOST = 1000

let embedded: EmbeddedRedis
let redis: Redis
let here: Publisher

beforeAll(async () => {
  embedded = await startEmbeddedRedis()
  redis = connect(embedded.url)
  here = publisher(embedded.url, 60_000, 30_000, { key: KEY, maxLength: MOST })
})
afterAll(async () => {
  for (const connection of [redis, here.redis]) connection.disconnect()
  await embedded.stop()
})
beforeEach(async () => {
  await redis.flushall()
})

const publish = (identity: LookupIdentity, deliver: 'queue' | 'wait' = 'queue', connectionId = 'c') =>
  here.results.publish(resultFor(identity, connectionId), identity, deliver)
const streamed = async () => (await redis.xrange(KEY, '-', '+')).map(([, [, json = '']]) => JSON.parse(json).lookupId)
const marked = async (identity: LookupIdentity) => (await readMarkers(redis, NAMES, [identity]))[0]
const listed = () => redis.lrange(`bull:${NAMES.resultQueue}:wait`, 0, -1)

describe('the stream of all results', () => {
  it('has each result once, also of lookups that somebody waits for, as the queue has it', async () => {
    const [queued, waited] = [identityOf('a'), identityOf('b')]
    await publish(queued)
    await publish(waited, 'wait')
    expect(await publish(queued)).toBe('suppressed')
    expect(await publish(waited, 'wait')).toBe('suppressed')
    expect(await streamed()).toEqual(['a', 'b'])
    const [[, [field, json] = []] = []] = await redis.xrange(KEY, '-', '+')
    expect(field).toBe('result')
    expect(json).toBe(await redis.hget(`bull:${NAMES.resultQueue}:rs-a`, 'data'))
  })

  it('keeps the last ones', async () => {
    const all = Array.from({ length: 3 * MOST }, (_, index) => identityOf(`l${index}`))
    await Promise.all(all.map((identity) => publish(identity)))
    const ids = await streamed()
    expect(ids.length).toBeGreaterThanOrEqual(MOST)
    expect(ids.length).toBeLessThan(1.2 * MOST)
    expect(ids).toEqual(all.slice(-ids.length).map(({ lookupId }) => lookupId))
  })

  it('at whose key lies something else leaves neither result nor marker, and then takes what comes', async () => {
    await redis.set(KEY, 'mine')
    for (const deliver of ['queue', 'wait'] as const)
      await expect(publish(identityOf('a'), deliver)).rejects.toThrow(
        'RESULT_STREAM: expected a stream or nothing at its key, got a string',
      )
    expect([await marked(identityOf('a')), await listed(), await redis.get(KEY)]).toEqual([null, [], 'mine'])
    await redis.del(KEY)
    expect(await publish(identityOf('a'))).toBe('published')
    expect([await streamed(), await listed()]).toEqual([['a'], ['rs-a']])
  })

  it('has no entry of a result that Redis refused', async () => {
    await publish(identityOf('first'))
    await redis.flushall()
    await redis.set(`bull:${NAMES.resultQueue}:wait`, 'x')
    await expect(publish(identityOf('a'))).rejects.toThrow()
    expect(await redis.xlen(KEY)).toBe(0)
    await redis.del(`bull:${NAMES.resultQueue}:wait`)
    await publish(identityOf('a'))
    expect(await streamed()).toEqual(['a'])
  })

  it('forgets the results of one connection id, and no others', async () => {
    for (const [id, connectionId] of [
      ['a', 'gone'],
      ['b', 'stays'],
      ['c', 'gone'],
    ] as const)
      await publish(identityOf(id), id === 'c' ? 'wait' : 'queue', connectionId)
    const { removed } = await new Forget(redis, NAMES, 'gone', KEY).run({ who: 'test', waitMs: 0 })
    expect(removed.streamed).toBe(2)
    expect(await streamed()).toEqual(['b'])
  })
})
