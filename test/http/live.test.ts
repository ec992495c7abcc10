import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { startWorker } from '../support/processes.ts'
import { useWorld } from '../support/use-world.ts'
import { until } from '../support/world.ts'
import { type Api, startApi, stopAll } from './api.ts'

const world = useWorld()
const folder = mkdtempSync(join(tmpdir(), 'chat-enricher-live-'))
const leaving: AbortController[] = []
afterEach(async () => {
  for (const client of leaving.splice(0)) client.abort()
  await stopAll()
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Client {
  events: { name: string; data: { backlog?: number; code?: string } }[]
  isOver: boolean
  leave(): void
}

async function watch({ url }: Api, path = '/v1/live', token?: string): Promise<Client> {
  const leave = new AbortController()
  leaving.push(leave)
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const answer = await fetch(url + path, { headers, signal: leave.signal })
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  const client: Client = { events: [], isOver: false, leave: () => leave.abort() }
  const over = () => {
    client.isOver = true
  }
  void read(answer, client).then(over, over)
  return client
}

async function read({ body }: Response, client: Client): Promise<void> {
  let text = ''
  for await (const bytes of (body ?? []) as AsyncIterable<Uint8Array>) {
    const parts = (text + Buffer.from(bytes).toString()).split('\n\n')
    text = parts.pop() ?? ''
    for (const part of parts) {
      const [, name, data] = /^event: (\w+)\ndata: (.*)$/s.exec(part) ?? []
      if (name && data) client.events.push({ name, data: JSON.parse(data) })
    }
  }
}

/** How often the status was read: each read asks once for the members of the fleet, and nobody else asks with ZRANGE. */
async function reads(): Promise<number> {
  const text = await world.redis.info('commandstats')
  return Number(/cmdstat_zrange:calls=(\d+)/.exec(text)?.[1] ?? 0)
}

const SEEN_FOR_MS = 5_000

/** Commands that Redis gets from the API's hall in five seconds; what a script of ours does inside is none of them. */
async function commandsSeen(): Promise<string[]> {
  const clients = String(await world.redis.client('LIST'))
  const address = /addr=(\S+) .*name=chat-enricher:api /.exec(clients)?.[1]
  const monitor = connect(Number(new URL(world.redisUrl).port), '127.0.0.1')
  let text = ''
  monitor.on('data', (data) => {
    text += data
  })
  monitor.write('MONITOR\r\n')
  await new Promise((resolve) => setTimeout(resolve, SEEN_FOR_MS)) // a rate takes its time
  monitor.destroy()
  return text.split('\r\n').filter((line) => line.includes(` ${address}] `))
}

describe('GET /v1/live', () => {
  it('asks Redis at most ten times a second for twenty watchers of a fleet at work', async () => {
    await startWorker({ ...world.env, RATE_LIMIT_PER_SECOND: '5', QUOTA_CALLS: '1000', QUOTA_PERIOD: '1d' })
    const api = await startApi({ REDIS_URL: world.redisUrl })
    await world
      .queue('chat-lookups')
      .addBulk(Array.from({ length: 500 }, (_, i) => ({ name: 'lookup', data: { connectionId: `${i}` } })))
    const all = await Promise.all(Array.from({ length: 20 }, () => watch(api)))
    await until('all see it', () => all.every(({ events }) => events.length > 0))
    const commands = await commandsSeen()
    const reads = all[0]?.events.length ?? 0
    expect(reads).toBeGreaterThan(1)
    expect(commands.length).toBeGreaterThan(3)
    expect(commands.length, commands.map((line) => line.slice(0, 120)).join('\n')).toBeLessThanOrEqual(
      (10 * SEEN_FOR_MS) / 1000,
    )
  })

  it('shows each watcher the fleet once a second, read once for all, and not at all for nobody', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl })
    const all = await Promise.all(Array.from({ length: 20 }, () => watch(api)))
    await until('all see it', () => all.every(({ events }) => events.length >= 2))
    const before = { own: await reads(), events: all[0]?.events.length ?? 0 }
    await world.queue('chat-lookups').add('lookup', { connectionId: '1' })
    await until('all see the lookup', () => all.every(({ events }) => events.at(-1)?.data.backlog === 1))
    await until('some seconds are over', () => (all[0]?.events.length ?? 0) >= before.events + 4)
    const seen = (all[0]?.events.length ?? 0) - before.events
    // One read may be on its way.
    expect((await reads()) - before.own).toBeLessThanOrEqual(seen + 2)
    expect(new Set(all.flatMap(({ events }) => events.map(({ name }) => name)))).toEqual(new Set(['status']))
    for (const client of all) client.leave()
    await until('all have left', async () =>
      (await api.ask('GET', '/metrics')).text.includes('chat_enricher_streams_open 0'),
    )
    const now = await reads()
    await new Promise((resolve) => setTimeout(resolve, 2500)) // that nothing happens takes its time
    expect(await reads()).toBe(now)
  })

  it('ends, as every stream, within five seconds when its token is removed; and says when the API stops', async () => {
    const file = join(folder, 'tokens')
    const [first, second] = ['token-of-a-first-viewer-0123', 'token-of-a-second-viewer-012']
    writeFileSync(file, `first:view+results:${first},second:view:${second}`)
    const env = { REDIS_URL: world.redisUrl, RESULT_STREAM: 'bull:results-stream', API_TOKENS_FILE: file }
    const api = await startApi(env)
    const ended = [await watch(api, '/v1/live', first), await watch(api, '/v1/results/stream', first)]
    const stays = await watch(api, '/v1/live', second)
    writeFileSync(file, `second:view:${second}`)
    await until('its streams are over', () => ended.every(({ isOver }) => isOver), 5000)
    for (const { events } of ended) expect(events.at(-1)).toEqual({ name: 'stopping', data: { code: 'token-unknown' } })
    expect(stays.isOver).toBe(false)
    await api.stop()
    await until('the other is over', () => stays.isOver)
    expect(stays.events.at(-1)).toEqual({ name: 'stopping', data: { code: 'stopping' } })
  })
})
