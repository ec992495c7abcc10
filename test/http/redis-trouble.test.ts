/** Redis that is killed, silent or full: whoever asks by HTTP is told within seconds, and no acknowledgement is wrong. */

import { request as open } from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { parseLines } from '../cli/started.ts'
import { type Link, startProxy, type TcpProxy } from '../faults/proxy.ts'
import { type RedisServer, startRedisServer } from '../faults/redis-server.ts'
import { connect } from '../support/queues.ts'
import { NAMES, until } from '../support/world.ts'
import { type Api, startApi, stopAll } from './api.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedisServer(['--appendfsync', 'everysec'])
})
afterEach(stopAll)
afterAll(() => server.close())

const start = () => startApi({ REDIS_URL: server.url })
/** Longer than ever before somebody is told; shorter than a hang. A busy machine is allowed for. */
const SOON_MS = 6_000

interface Line {
  line?: number
  lookupId?: string
  error?: string
  code?: string
  acknowledgedThrough?: number
}

/** Sends so many lines, and goes on sending whatever happens. `told` hears how many are answered. */
function sendLines(api: Api, from: number, count: number, told: (answered: number) => void): Promise<Line[]> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/x-ndjson' }
    let said = ''
    let answered = 0
    const sending = open(`${api.url}/v1/lookups`, { method: 'POST', headers }, (answer) => {
      answer.on('data', (data) => {
        said += data
        const lines = said.split('\n').length - 1
        if (lines > answered) told(lines)
        answered = lines
      })
      answer.on('error', () => {})
      answer.on('close', () => resolve(parseLines<Line>(said)))
    })
    sending.on('error', () => {})
    for (let n = from; n < count; n += 1000) {
      const lines = Array.from(
        { length: 1000 },
        (_, i) => `{"connectionId":"c${n + i}","idempotencyKey":"k${n + i}"}\n`,
      )
      sending.write(lines.join(''))
    }
    sending.end()
  })
}

async function enqueued(): Promise<string[]> {
  const redis = connect(server.url)
  const ids = await redis.lrange(`bull:${NAMES.lookupQueue}:wait`, 0, -1)
  redis.disconnect()
  return ids
}

describe('a bulk intake whose Redis', () => {
  it('is killed ends with a line that says up to where all is on the queue; sent again, none is there twice', {
    timeout: 180_000,
  }, async () => {
    const count = 15_000
    const api = await start()
    let killedAt = 0
    const lines = await sendLines(api, 0, count, (answered) => {
      if (answered < 4_000 || killedAt > 0) return
      killedAt = performance.now()
      void server.kill()
    })
    expect(performance.now() - killedAt).toBeLessThan(SOON_MS)
    const last = lines.at(-1)
    expect(last).toEqual({
      error: expect.any(String),
      code: 'redis-unavailable',
      acknowledgedThrough: expect.any(Number),
    })
    const through = last?.acknowledgedThrough ?? 0
    expect(through).toBeGreaterThanOrEqual(4_000)
    expect(lines.slice(0, through).map(({ line }) => line)).toEqual(Array.from({ length: through }, (_, n) => n + 1))
    await server.start()
    await until('the API sees it', async () => (await api.ask('GET', '/v1/status')).status === 200)
    const rest = await sendLines(api, Math.floor(through / 1000) * 1000, count, () => {})
    expect(rest.filter(({ error }) => error !== undefined)).toEqual([])
    const ids = await enqueued()
    expect(ids).toHaveLength(count)
    expect(new Set(ids).size).toBe(count)
    const there = new Set(ids)
    expect(lines.filter(({ lookupId }) => lookupId !== undefined && !there.has(lookupId))).toEqual([])
  })

  it('says nothing any more ends so, too', async () => {
    const api = await start()
    let frozenAt = 0
    const lines = await sendLines(api, 100_000, 130_000, (answered) => {
      if (answered < 2_000 || frozenAt > 0) return
      frozenAt = performance.now()
      server.freeze()
    })
    expect(performance.now() - frozenAt).toBeLessThan(SOON_MS)
    server.thaw()
    expect(lines.at(-1)).toMatchObject({ code: 'redis-unavailable', acknowledgedThrough: expect.any(Number) })
  })
})

describe('every other request', () => {
  const asked = async (api: Api, method: string, path: string, body?: object) => {
    const from = performance.now()
    const { status, body: said, headers } = await api.ask(method, path, body === undefined ? {} : { body })
    return { answer: [status, said.code, headers.has('retry-after')], ms: performance.now() - from }
  }

  it('is answered with 503 within seconds while Redis is silent', async () => {
    const api = await start()
    await until('Redis answers', async () => (await api.ask('GET', '/v1/status')).status === 200)
    server.freeze()
    const all = await Promise.all([
      asked(api, 'POST', '/v1/lookups', { connectionId: '1' }),
      asked(api, 'GET', '/v1/lookups/lk-1?wait=30'),
      asked(api, 'GET', '/v1/lookups?all=true'),
      asked(api, 'POST', '/v1/lookups/cancel', { lookupIds: ['lk-1'] }),
      asked(api, 'GET', '/v1/activity'),
    ])
    server.thaw()
    for (const { answer, ms } of all) {
      expect(answer).toEqual([503, 'redis-unavailable', true])
      expect(ms).toBeLessThan(10_000) // 3 s and what a busy machine adds, but far less than the 30 s that one would wait
    }
  })

  const batchOf = (count: number) => ({
    lookups: Array.from({ length: count }, (_, n) => ({ connectionId: `b${n}`, idempotencyKey: `b${n}` })),
  })

  it('that writes is answered with 503 while Redis is full, or a replica', async () => {
    const api = await start()
    const redis = connect(server.url)
    await until('Redis answers', async () => (await api.ask('GET', '/v1/status')).status === 200)
    const both = async () => [
      (await asked(api, 'POST', '/v1/lookups', { connectionId: '1' })).answer,
      (await asked(api, 'POST', '/v1/lookups', batchOf(2))).answer,
    ]
    await redis.config('SET', 'maxmemory', '1mb')
    const full = await both()
    await redis.config('SET', 'maxmemory', '0')
    await redis.replicaof('127.0.0.1', '1')
    const replica = await both()
    await redis.replicaof('NO', 'ONE')
    redis.disconnect()
    expect(full).toEqual(Array(2).fill([503, 'redis-full', true]))
    expect(replica).toEqual(Array(2).fill([503, 'redis-unavailable', true]))
    expect(api.log()).not.toContain('a mistake of ours')
  })

  it('of many says how many are on the queue when Redis fills meanwhile; sent again, none is there twice', async () => {
    const api = await start()
    const redis = connect(server.url)
    const before = new Set(await enqueued())
    const room = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]) + 1_000_000
    await redis.config('SET', 'maxmemory', String(room))
    const { status, body, headers } = await api.ask('POST', '/v1/lookups', { body: batchOf(10_000) })
    await redis.config('SET', 'maxmemory', '0')
    redis.disconnect()
    expect([status, body.code, headers.has('retry-after')]).toEqual([503, 'redis-full', true])
    const [, told = ''] = /at least (\d+) of the 10000 lookups are on the queue/.exec(body.detail) ?? []
    const there = (await enqueued()).length - before.size
    expect(Number(told)).toBeGreaterThan(0)
    expect(there).toBeGreaterThanOrEqual(Number(told))
    expect(there).toBeLessThan(10_000)
    // A machine that is busy with other things may not take so many within the three seconds, and says so.
    const again = async () => (await api.ask('POST', '/v1/lookups', { body: batchOf(10_000) })).status
    await until('all are on the queue', async () => (await again()) === 202)
    const ids = await enqueued()
    expect([ids.length, new Set(ids).size]).toEqual([before.size + 10_000, before.size + 10_000])
  })
})

describe('an action', () => {
  const ACTIONS = [
    ['forget', 'POST', '/v1/forget', (n: number) => ({ connectionId: `${n}` })],
    ['cancel', 'POST', '/v1/lookups/cancel', (n: number) => ({ lookupIds: [`lk-${n}`] })],
    ['hold', 'POST', '/v1/holds', (n: number) => ({ reason: `${n}` })],
    ['limit', 'PUT', '/v1/limit', (n: number) => ({ ratePerSecond: n })],
    ['release', 'DELETE', '/v1/holds', (n: number) => ({ pace: n / 10 })],
  ] as const

  it('that Redis runs twice, because its answer was lost, is told once', async () => {
    const proxy = await startProxy({ port: Number(new URL(server.url).port) })
    const redisUrl = `redis://127.0.0.1:${proxy.port}`
    const api = await startApi({ REDIS_URL: redisUrl, SOAP_ENDPOINT: 'http://127.0.0.1:1/' })
    const act = async (n: number) => {
      for (const [action, method, path, bodyOf] of ACTIONS) {
        const sent = action === 'release' ? `${n / 10}` : action
        const lost = n === 1 ? null : loseAnswerTo(proxy, `\r\n${sent}\r\n`)
        expect((await api.ask(method, path, { body: bodyOf(n) })).status, action).toBe(200)
        expect(lost?.isLost ?? true, action).toBe(true)
      }
    }
    await act(1) // Redis knows the scripts
    await act(2)
    const { activity } = (await api.ask('GET', '/v1/activity')).body
    const told = activity.map(({ action }: { action: string }) => action)
    for (const [action] of ACTIONS)
      expect([action, told.filter((one: string) => one === action).length]).toEqual([action, 2])
    await api.stop()
    await proxy.close()
  })
})

/** Cuts the connection when Redis has run what has `text` in it, once. */
function loseAnswerTo(proxy: TcpProxy, text: string): { isLost: boolean } {
  const found = { isLost: false }
  let asked: Link | null = null
  proxy.watch = (data, direction, link) => {
    if (direction === 'to-server' && data.includes(text)) asked ??= link
    if (direction !== 'to-client' || link !== asked || found.isLost) return
    found.isLost = true
    link.cut()
  }
  return found
}
