import { request as httpRequest } from 'node:http'
import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { connect, identityOf, type Publisher, publisher, resultFor } from '../support/queues.ts'
import { until } from '../support/world.ts'
import { type Api, startApi, stopAll } from './api.ts'

const KEY = 'bull:results-stream'
const MOST = 2_000

let embedded: EmbeddedRedis
let redis: Redis
let results: Publisher
beforeAll(async () => {
  embedded = await startEmbeddedRedis()
  redis = connect(embedded.url)
  results = publisher(embedded.url, 60_000, 30_000, { key: KEY, maxLength: MOST })
})
beforeEach(async () => {
  await redis.flushall()
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.leave()
  await stopAll()
})
afterAll(async () => {
  for (const connection of [redis, results.redis]) connection.disconnect()
  await embedded.stop()
})

const start = (env: Record<string, string> = {}) =>
  startApi({ REDIS_URL: embedded.url, RESULT_STREAM: KEY, API_REQUESTS_PER_SECOND: '10000', ...env })

interface Client {
  status: number
  /** Of the results, in the order in which they came. */
  lookupIds: string[]
  lastId: string
  /** Names of the other events. */
  events: string[]
  isOver: boolean
  leave(): void
}
const clients: Client[] = []

/** A client of server-sent events; `lastId`: it goes on from there. */
async function follow(api: Api, lastId?: string): Promise<Client> {
  const client: Client = { status: 0, lookupIds: [], lastId: lastId ?? '', events: [], isOver: false, leave: () => {} }
  const headers = lastId === undefined ? {} : { 'last-event-id': lastId }
  await new Promise<void>((resolve, reject) => {
    const request = httpRequest(`${api.url}/v1/results/stream`, { headers }, (response) => {
      client.status = response.statusCode ?? 0
      let text = ''
      response.setEncoding('utf8').on('data', (data) => {
        const parts = (text + data).split('\n\n')
        text = parts.pop() ?? ''
        for (const part of parts) hear(client, part)
      })
      response.on('close', () => {
        client.isOver = true
      })
      response.on('error', () => {})
      resolve()
    })
    request.on('error', reject).end()
    client.leave = () => request.destroy()
  })
  clients.push(client)
  return client
}

function hear(client: Client, text: string): void {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1]
  const event = field('event')
  if (event === 'result') {
    client.lookupIds.push(JSON.parse(field('data') ?? '').lookupId)
    client.lastId = field('id') ?? ''
  } else if (event) client.events.push(event)
}

const names = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `l${from + index}`)
const publish = (id: string) => results.results.publish(resultFor(identityOf(id)), identityOf(id))

/** In order, at a pace of about so many a second. */
async function publishAll(ids: string[], perSecond = Number.POSITIVE_INFINITY): Promise<void> {
  for (let at = 0; at < ids.length; at += 20) {
    const next = new Promise((resolve) => setTimeout(resolve, 20_000 / perSecond))
    for (const id of ids.slice(at, at + 20)) await publish(id)
    await next
  }
}

describe('the stream of results', () => {
  it('that is not there is 404, and an id that is none is 400', async () => {
    const off = await startApi({ REDIS_URL: embedded.url })
    expect((await off.ask('GET', '/v1/results/stream')).body).toMatchObject({ status: 404, code: 'results-stream-off' })
    const api = await start()
    for (const id of ['x', '1', '1-', '-1', '1-2-3', '99999999999999999-0']) {
      const { body } = await api.ask('GET', '/v1/results/stream', { headers: { 'last-event-id': id } })
      expect(body).toMatchObject({ status: 400, code: 'invalid-request', errors: [{ field: 'Last-Event-ID' }] })
    }
  })

  it('gives 50 clients each result once, in order, and goes on after a restart where each was', async () => {
    const first = await start()
    const one = await Promise.all(names(0, 50).map(() => follow(first)))
    const commands = async () =>
      [...(await redis.info('commandstats')).matchAll(/cmdstat_x(?:read|range|revrange):calls=(\d+)/g)].reduce(
        (sum, [, calls]) => sum + Number(calls),
        0,
      )
    const [before, startedAt] = [await commands(), performance.now()]
    await publishAll(names(0, 1000), 200)
    await until('all have them', () => one.every(({ lookupIds }) => lookupIds.length >= 600))
    expect((await commands()) - before).toBeLessThan((10 * (performance.now() - startedAt)) / 1000)
    await first.stop()
    await until('all were told', () => one.every(({ events, isOver }) => isOver && events.includes('stopping')))
    await publishAll(names(1000, 1200))
    const second = await start()
    const other = await Promise.all(one.map(({ lastId }) => follow(second, lastId)))
    await publishAll(names(1200, 1400), 400)
    const seen = () => one.map(({ lookupIds }, index) => [...lookupIds, ...(other[index]?.lookupIds ?? [])])
    await until('all have all', () => seen().every((ids) => ids.length >= 1400))
    const expected = names(0, 1400)
    for (const ids of seen()) expect(ids).toEqual(expected)
    expect(other.flatMap(({ events }) => events)).toEqual([])
  })

  it('begins now without an id, and says that there is a gap where some were trimmed', async () => {
    const api = await start()
    await publish('before')
    const now = await follow(api)
    await publishAll(names(0, 3 * MOST))
    const late = await follow(api, '1-0')
    await until('it has the last one', () => late.lookupIds.at(-1) === `l${3 * MOST - 1}`)
    await until('the other one, too', () => now.lookupIds.at(-1) === `l${3 * MOST - 1}`)
    expect(late.events).toEqual(['gap'])
    expect(late.lookupIds.length).toBeLessThan(1.2 * MOST)
    expect(now.lookupIds[0]).toBe('l0')
  })

  it('takes a hundred, and no more until one has left', async () => {
    const api = await start()
    const all = await Promise.all(names(0, 100).map(() => follow(api)))
    expect(all.every(({ status }) => status === 200)).toBe(true)
    expect((await api.ask('GET', '/v1/results/stream')).body).toMatchObject({ status: 503, code: 'too-many-streams' })
    expect((await api.ask('GET', '/metrics')).text).toContain('chat_enricher_streams_open 100')
    all[0]?.leave()
    await until('there is room', async () => (await follow(api)).status === 200)
  })

  it('goes on behind what it had when its connection to Redis was cut', async () => {
    const api = await start()
    const client = await follow(api)
    await publish('a')
    await until('it has the first', () => client.lookupIds.length === 1)
    await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await publish('b')
    await until('it has the second', () => client.lookupIds.length === 2)
    expect(client.lookupIds).toEqual(['a', 'b'])
  })
})
