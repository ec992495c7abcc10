import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { MARKER_LUA, markOf, readMarkers, removeMarker } from '../../src/queues/marker.ts'
import { type LookupIdentity, markersKey } from '../../src/redis/names.ts'
import { Script } from '../../src/redis/script.ts'
import { connect, identityOf, publisher, resultFor } from '../support/queues.ts'
import { NAMES, until } from '../support/world.ts'

let embedded: EmbeddedRedis
let redis: Redis

beforeAll(async () => {
  embedded = await startEmbeddedRedis()
  redis = connect(embedded.url)
})
afterAll(async () => {
  redis.disconnect()
  await embedded.stop()
})
beforeEach(async () => {
  await redis.flushall()
})

const HOUR_MS = 3_600_000
const MARKERS = markersKey(NAMES)

const MARK_ALL = new Script(`
local MARKERS = KEYS[1]
${MARKER_LUA}
for i = 2, #ARGV do setMarker(ARGV[i], 'e', tonumber(ARGV[1])) end`)

async function mark(lookups: LookupIdentity[], lifeMs = HOUR_MS): Promise<void> {
  for (let from = 0; from < lookups.length; from += 1000)
    await MARK_ALL.run(redis, [MARKERS], [lifeMs, ...lookups.slice(from, from + 1000).map(markOf)])
}

const lookupsOf = (count: number, name = 'l') => Array.from({ length: count }, (_, i) => identityOf(`${name}${i}`))
const statusesOf = (...lookups: LookupIdentity[]) => readMarkers(redis, NAMES, lookups)
const shards = () => redis.keys(`${MARKERS}:*:*`)

/** Oldest first. */
async function generations(): Promise<{ begun: string; shards: number; ends: number }[]> {
  const kept = await redis.hgetall(MARKERS)
  const all = Object.entries(kept).map(([begun, text]) => {
    const [count, ends] = text.split(' ').map(Number)
    return { begun, shards: count ?? 0, ends: ends ?? 0 }
  })
  return all.sort((a, b) => Number(a.begun) - Number(b.begun))
}

describe('60,000 markers', () => {
  // Fails without: src/queues/marker.ts: the generation that begins where a shard is full
  it('are all found, no other is, and each takes at most 60 bytes, in shards that Redis keeps in one piece', async () => {
    const before = await usedMemory()
    const lookups = lookupsOf(60_000)
    await mark(lookups)
    expect(((await usedMemory()) - before) / lookups.length).toBeLessThan(60)
    const statuses = await readMarkers(redis, NAMES, lookups)
    expect(statuses.filter((status) => status === 'enriched')).toHaveLength(lookups.length)
    expect((await readMarkers(redis, NAMES, lookupsOf(5000, 'other'))).every((status) => status === null)).toBe(true)
    expect((await generations()).map((generation) => generation.shards)).toEqual([256, 2048])
    const keys = await shards()
    const some = keys.filter((_, index) => index % 20 === 0)
    for (const key of some) expect(await redis.object('ENCODING', key)).toMatch(/^(list|zip)pack|ziplist$/)
    expect((await Promise.all(keys.map((key) => redis.pttl(key)))).every((left) => left > HOUR_MS)).toBe(true)
  }, 60_000)
})

async function usedMemory(): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
}

describe('a marker', () => {
  const [a, b] = [identityOf('a'), identityOf('b')]

  // Fails without: src/queues/marker.ts: 1.5 * lifeMs, newest.ends < AT + lifeMs
  it('lives its time in full, also the last one of its generation, and not for ever', async () => {
    const lifeMs = 600
    const { results, redis: own } = publisher(embedded.url, lifeMs)
    const publishedAt = new Map<LookupIdentity, number>()
    const begun = new Set<string>()
    for (let i = 0; begun.size < 4; i++) {
      const lookup = identityOf(`t${i}`)
      publishedAt.set(lookup, performance.now()) // before, so that none is taken for younger than it is
      await results.publish(resultFor(lookup), lookup)
      for (const generation of await generations()) begun.add(generation.begun)
      const lookups = [...publishedAt.keys()]
      const statuses = await statusesOf(...lookups)
      const at = performance.now()
      const young = statuses.filter(
        (_, index) => at - (publishedAt.get(lookups[index] as LookupIdentity) ?? 0) < lifeMs,
      )
      expect(young).toEqual(young.map(() => 'enriched'))
    }
    await until('all are gone', async () => (await redis.keys(`${MARKERS}*`)).length === 0)
    own.disconnect()
  })

  it('of a generation that has ended is not looked for', async () => {
    await mark([a], 100)
    const [first] = await generations()
    await until('its shard is gone', async () => (await shards()).length === 0)
    await mark([b], 100)
    expect((await generations()).some(({ begun }) => begun === first?.begun)).toBe(false)
  })

  it('lives as long as whoever set it says, whatever others say', async () => {
    await mark([a], HOUR_MS)
    await mark([b], 24 * HOUR_MS)
    const [short, long] = await generations()
    await mark([identityOf('c')], HOUR_MS) // goes where b is
    expect(await generations()).toEqual([short, long])
    const lives = Object.fromEntries(
      await Promise.all((await shards()).map(async (key) => [key, await redis.pttl(key)])),
    )
    const inLong = Object.entries<number>(lives).filter(([key]) => key.includes(`:${long?.begun}:`))
    expect(Object.keys(lives)).toHaveLength(3)
    expect(inLong.map(([, left]) => left > 24 * HOUR_MS)).toEqual([true, true])
    expect(await redis.pttl(MARKERS)).toBeGreaterThan(24 * HOUR_MS)
    expect(await statusesOf(a, b)).toEqual(['enriched', 'enriched'])
  })

  it('goes into a generation as large as what the one before held', async () => {
    const ends = Date.now() + HOUR_MS
    await redis.hset(MARKERS, '1', `1024 ${ends}`)
    const pipeline = redis.pipeline()
    for (let shard = 0; shard < 1024; shard++)
      for (let field = 0; field < 60; field++) pipeline.hset(`${MARKERS}:1:${shard}`, `f${field}`, 'e')
    await pipeline.exec()
    await mark([a], HOUR_MS)
    expect((await generations()).map((generation) => generation.shards)).toEqual([1024, 2048])
    await redis.del(...(await shards()))
    await mark([b], 2 * HOUR_MS)
    expect((await generations()).at(-1)?.shards).toBe(256)
  })

  it('can be removed, and leaves those beside it', async () => {
    await mark([a, b])
    await mark([a], 3 * HOUR_MS)
    expect(await removeMarker(redis, NAMES, a)).toBe(2)
    expect(await statusesOf(a, b)).toEqual([null, 'enriched'])
    expect(await removeMarker(redis, NAMES, a)).toBe(0)
  })

  it('is set by no publishing that is refused because another key lies in its place', async () => {
    const { results, redis: own } = publisher(embedded.url)
    await results.publish(resultFor(a), a)
    const [shard = ''] = await shards()
    await redis.del(shard)
    await redis.set(shard, 'x')
    await expect(results.publish(resultFor(a), a)).rejects.toThrow('WRONGTYPE')
    expect(await redis.lrange(`bull:${NAMES.resultQueue}:wait`, 0, -1)).toEqual(['rs-a']) // of the first one
    await redis.del(shard)
    await redis.del(`bull:${NAMES.resultQueue}:wait`)
    expect(await results.publish(resultFor(a), a)).toBe('published')
    own.disconnect()
  })
})
