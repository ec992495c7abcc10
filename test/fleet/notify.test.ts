import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Crier } from '../../src/app/crier.ts'
import { loadConfig } from '../../src/config/config.ts'
import type { LookupEvent } from '../../src/domain/event.ts'
import { Fleet } from '../../src/fleet/members.ts'
import { run } from '../support/in-process.ts'
import { SOAP_SECRETS, startWorker } from '../support/processes.ts'
import { useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'

const world = useWorld()

/** What people were told, and how they answer. */
const heard: { method: string; url: string; text: string; authorization: string }[] = []
let status = 200
let continues = false
let server: Server
let url = ''
beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request.setEncoding('utf8')) body += part
    const { method = '', url: path = '', headers } = request
    const text = body === '' ? '' : JSON.parse(body).text
    heard.push({ method, url: path, text, authorization: headers.authorization ?? '' })
    if (continues) response.writeContinue()
    if (status !== 0) response.writeHead(status, { location: '/elsewhere' }).end('thanks')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
beforeEach(() => {
  status = 200
  continues = false
  heard.length = 0
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const texts = () => heard.filter(({ method }) => method === 'POST').map(({ text }) => text)
const heartbeats = () => heard.filter(({ method }) => method === 'GET')

function crier(env: Record<string, string>, beatEveryMs?: number) {
  const events: LookupEvent[] = []
  const all = { ...world.env, ...SOAP_SECRETS, NOTIFY_MIN_GAP_MS: '1000', ...env }
  const { config } = loadConfig(all, {}, [])
  const one = new Crier(config, world.redis, 'one', (event) => events.push(event), beatEveryMs)
  return { look: () => one.look(), leave: () => one.leave(), events }
}

describe('two workers', () => {
  it('tell once that the fleet holds, and once that it is over; one of them sends the heartbeat', async () => {
    const env = {
      ...world.env,
      NOTIFY_URL: `${url.replace('//', '//canary:pw@')}/hook?token=canary`,
      HEARTBEAT_URL: `${url}/beat`,
    }
    await run(['hold', '--for', '1h', '--reason', 'canary-reason'], world.env)
    const workers = await Promise.all([startWorker(env), startWorker(env)])
    await until('it is told', () => texts().length > 0)
    await run(['release'], world.env)
    await until('it is told that it is over', () => texts().length > 1)
    expect(texts()).toEqual([
      expect.stringMatching(/^chat-enricher \(127\.0\.0\.1, chat-lookups\): .*\(manual\): somebody has said so\. Do: /),
      expect.stringMatching(/The hold is over \(manual\)/),
    ])
    expect(texts().join()).not.toContain('canary')
    expect(heard.find(({ method }) => method === 'POST')).toMatchObject({
      url: '/hook?token=canary',
      authorization: `Basic ${Buffer.from('canary:pw').toString('base64')}`,
    })
    expect(heartbeats().map((beat) => beat.url)).toEqual(['/beat'])
    for (const worker of workers) {
      expect(worker.log()).not.toMatch(/token=|canary:/)
      expect(worker.log()).not.toMatch(/"level":50/)
    }
  })
})

describe('the one that speaks', () => {
  it('does not speak while another one has the word, and does at once when that one stops', async () => {
    const { look, leave } = crier({ NOTIFY_URL: url })
    await look()
    const other = new Crier(
      loadConfig({ ...world.env, ...SOAP_SECRETS, NOTIFY_URL: url }).config,
      world.redis,
      'other',
      () => {},
    )
    await run(['hold', '--for', '1h'], world.env)
    await other.look()
    expect(texts()).toEqual([])
    await leave()
    await other.look()
    expect(texts()).toHaveLength(1)
  })

  it.each([500, 302, 0])(
    'that gets %s (0: no answer) says so in one kind of event, and tries again',
    async (answer) => {
      status = answer
      const { look, events } = crier({ NOTIFY_URL: url, HEARTBEAT_URL: url })
      await run(['hold', '--for', '1h'], world.env)
      await look()
      const why = answer === 0 ? 'TimeoutError' : `HTTP ${answer}`
      expect(events).toContainEqual({ type: 'not-told', what: 'notify', why })
      expect(events).toContainEqual({ type: 'not-told', what: 'heartbeat', why })
      status = 204
      heard.length = 0
      await look()
      expect(texts()).toHaveLength(1)
      expect(heartbeats()).toHaveLength(1)
      await look()
      expect(heard).toHaveLength(2)
    },
  )

  it('takes the answer behind a 100 Continue that it has not asked for', async () => {
    continues = true
    const { look, events } = crier({ NOTIFY_URL: url, HEARTBEAT_URL: url })
    await run(['hold', '--for', '1h'], world.env)
    await look()
    await look()
    expect(events).toEqual([])
    expect([texts().length, heartbeats().length]).toEqual([1, 1])
  })

  it('tells of many dead letters, and of results that nobody takes', async () => {
    const { look } = crier({ NOTIFY_URL: url })
    await look()
    for (let i = 0; i < 20; i++) await world.redis.zadd(`bull:${NAMES.lookupQueue}:failed`, 1, `dead-${i}`)
    await world.queue(NAMES.resultQueue).add('enriched', {}, { timestamp: Date.now() - 3_600_000 })
    await new Promise((resolve) => setTimeout(resolve, 1000)) // the gap
    await look()
    expect(texts()).toEqual([
      expect.stringMatching(/1 results wait/),
      expect.stringMatching(/20 more lookups have given up/),
    ])
  })

  it('sends no heartbeat while lookups wait and none ends, unless the fleet is held', async () => {
    const { look } = crier({ HEARTBEAT_URL: url }, 1)
    await look()
    expect(heartbeats()).toHaveLength(1)
    await world.queue(NAMES.lookupQueue).add('lookup', { connectionId: '1' }, { delay: 3_600_000 })
    await look()
    expect(heartbeats()).toHaveLength(2)
    await world.queue(NAMES.lookupQueue).add('lookup', { connectionId: '2' })
    await look()
    await look()
    expect(heartbeats()).toHaveLength(2)
    await run(['hold', '--for', '1h'], world.env)
    await look()
    expect(heartbeats()).toHaveLength(3)
  })

  it('sends one while lookups end', async () => {
    const { look } = crier({ HEARTBEAT_URL: url }, 60_000)
    await world.queue(NAMES.lookupQueue).add('lookup', { connectionId: '2' })
    await look()
    expect(heartbeats()).toEqual([])
    const limits = { rate: null, burst: 1, inFlight: null }
    const who = { id: 'm', host: 'h', pid: 1, version: '1', startedAt: '' }
    const member = { ...who, limits, concurrency: 1, inProgress: 0, quota: null, stopping: false }
    await new Fleet(world.redis, NAMES).beat({ ...member, perSecond: 0.1 })
    await look()
    expect(heartbeats()).toHaveLength(1)
  })
})
