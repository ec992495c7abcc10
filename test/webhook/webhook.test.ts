import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { WebhookApp } from '../../src/app/webhook-app.ts'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { loadConfig } from '../../src/config/config.ts'
import { createLogger } from '../../src/observe/logger.ts'
import { Authority } from '../support/authority.ts'
import { killAll, startWorker } from '../support/processes.ts'
import { connect, identityOf, type Publisher, publisher, resultFor } from '../support/queues.ts'
import { NAMES, until } from '../support/world.ts'
import { isSigned, type Receiver, SECRET, startReceiver } from './receiver.ts'

const MANNER = { pace: { minMs: 20, maxMs: 200, holdAfterMs: 3_600_000, holdMs: 300 }, tryMs: 500 }
const QUEUE = `bull:${NAMES.resultQueue}`

let embedded: EmbeddedRedis
let redis: Redis
let results: Publisher
let receiver: Receiver

beforeAll(async () => {
  embedded = await startEmbeddedRedis()
  redis = connect(embedded.url)
  results = publisher(embedded.url)
})
beforeEach(async () => {
  await redis.flushall()
  receiver = await startReceiver()
})
afterEach(async () => {
  await Promise.all([...running.splice(0).map(({ app }) => app.stop('end of the test')), killAll()])
  await receiver.close()
})
afterAll(async () => {
  for (const connection of [redis, results.redis]) connection.disconnect()
  await embedded.stop()
})

const running: { app: WebhookApp; log: () => string }[] = []

async function startWebhook(env: Record<string, string> = {}, manner = MANNER) {
  const variables = { REDIS_URL: embedded.url, WEBHOOK_URL: receiver.url, WEBHOOK_SECRET: SECRET, ...env }
  const groups = ['redis', 'queues', 'webhook', 'metrics', 'stop', 'log'] as const
  const { config } = loadConfig(variables, {}, groups, groups)
  const out = new PassThrough()
  let log = ''
  out.on('data', (data) => {
    log += data
  })
  const app = new WebhookApp(config, createLogger({ logLevel: 'info', logFormat: 'json' }, out), manner)
  await app.start()
  const started = { app, log: () => log }
  running.push(started)
  return started
}

async function publish(count: number, from = 0): Promise<string[]> {
  const identities = Array.from({ length: count }, (_, index) => identityOf(`w${from + index}`))
  await Promise.all(identities.map((identity) => results.results.publish(resultFor(identity, 'secret-chat'), identity)))
  return identities.map(({ lookupId }) => `rs-${lookupId}`)
}

const left = async () => (await redis.keys(`${QUEUE}:rs-*`)).filter((key) => !key.endsWith(':lock')).length
const allTaken = (ids: string[], withinMs = 30_000) =>
  until('all are taken', async () => ids.every((id) => receiver.taken.includes(id)) && (await left()) === 0, withinMs)
const counted = async ({ app }: { app: WebhookApp }, outcome: string) =>
  Number(new RegExp(`deliveries_total\\{outcome="${outcome}"\\} (\\d+)`).exec(await app.metrics.text())?.[1])

describe('the webhook', () => {
  it('posts each result once, signed, and takes it off the queue', async () => {
    const ids = await publish(50)
    const webhook = await startWebhook({ WEBHOOK_URL: receiver.url.replace('//', '//me:pass%20word@') })
    await allTaken(ids)
    expect([...receiver.taken].sort()).toEqual([...ids].sort())
    expect(receiver.received.every(isSigned)).toBe(true)
    const [{ headers, body } = { headers: {}, body: '' }] = receiver.received
    expect(headers['content-type']).toBe('application/json')
    expect(headers.authorization).toBe(`Basic ${Buffer.from('me:pass word').toString('base64')}`)
    expect(JSON.parse(body)).toMatchObject({ version: 1, status: 'enriched', connectionId: 'secret-chat' })
    expect(await counted(webhook, 'delivered')).toBe(50)
    expect(webhook.log()).not.toMatch(/pass|secret|whsec|hook"|w1\b/)
  })

  it('posts one again for longer than BullMQ would, while others are taken', async () => {
    const bad = 'rs-w0'
    let refusals = 0
    receiver.answer = ({ headers }) => ({ status: headers['webhook-id'] === bad && ++refusals <= 15 ? 422 : 200 })
    const ids = await publish(20)
    const webhook = await startWebhook()
    await allTaken(ids)
    expect(refusals).toBe(16)
    expect(await redis.zcard(`${QUEUE}:failed`)).toBe(0)
    expect(await counted(webhook, 'refused')).toBe(15)
    expect(receiver.taken.at(-1)).toBe(bad)
  })

  it.each([
    ['error', { status: 500 }],
    ['redirect', { status: 307, headers: { location: '/elsewhere' } }],
    ['busy', { status: 429 }],
    ['timeout', { status: 500, afterMs: 800 }],
  ])('loses none to a receiver of which comes: %s', async (outcome, answer) => {
    receiver.answer = () => answer
    const ids = await publish(8)
    const webhook = await startWebhook()
    await until('it has been refused', async () => (await counted(webhook, outcome)) >= 3)
    expect(await left()).toBe(8)
    receiver.answer = () => ({ status: 200 })
    await allTaken(ids)
    expect(new Set(receiver.received.map(({ path }) => path))).toEqual(new Set(['/hook']))
    expect(webhook.log()).toContain('expected a 2xx, got')
  })

  it('goes on when a receiver that was away is there', async () => {
    const { port } = receiver
    await receiver.close()
    const ids = await publish(8)
    const webhook = await startWebhook()
    await until('it has found nobody', async () => (await counted(webhook, 'network')) >= 3)
    receiver = await startReceiver(port)
    await allTaken(ids)
  })

  it('takes the answer behind a 100 Continue that it has not asked for', async () => {
    receiver.answer = () => ({ status: 200, continues: true })
    const ids = await publish(20)
    const webhook = await startWebhook()
    await allTaken(ids)
    expect(receiver.received).toHaveLength(20)
    expect(await counted(webhook, 'network')).toBe(0)
  })

  it('posts by TLS to a receiver whose certificate it trusts, and to no other', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'webhook-'))
    const authority = new Authority(folder)
    const secure = await startReceiver(0, authority.issue('receiver'))
    const ids = await publish(2)
    const webhook = await startWebhook({ WEBHOOK_URL: secure.url })
    await until('it has refused', async () => (await counted(webhook, 'network')) >= 2)
    expect(secure.received).toEqual([])
    expect(webhook.log()).toMatch(/"code":"\w+/)
    await webhook.app.stop('test')
    const env = { REDIS_URL: embedded.url, WEBHOOK_URL: secure.url, WEBHOOK_SECRET: SECRET }
    await startWorker({ ...env, NODE_EXTRA_CA_CERTS: authority.file }, 'webhook')
    await until('all are taken', async () => secure.taken.length >= ids.length && (await left()) === 0)
    await secure.close()
    rmSync(folder, { recursive: true })
  })

  it('leaves the receiver alone for as long as it asks, with all results', async () => {
    receiver.answer = () => ({ status: 503, headers: { 'retry-after': '2' } })
    const ids = await publish(20)
    await startWebhook({ WEBHOOK_CONCURRENCY: '1' })
    await until('it has asked for time', () => receiver.received.length > 0)
    receiver.answer = () => ({ status: 200 })
    await allTaken(ids)
    const [first, second] = receiver.received
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(1_900)
  })

  it('holds after 410, says so, tries one at a time, and goes on after a 2xx', async () => {
    receiver.answer = () => ({ status: 410 })
    const ids = await publish(8)
    const webhook = await startWebhook()
    await until('it holds', () => !webhook.app.health.readiness().ready)
    expect(webhook.app.health.readiness().reasons.join()).toContain('webhook HELD: HTTP 410')
    expect(await webhook.app.metrics.text()).toContain('chat_enricher_webhook_held 1')
    // Four were on the way at most when the first answer came; whatever comes then is a try by itself.
    await until('it has tried twice', () => receiver.received.length >= 6)
    const [one, other] = receiver.received.slice(4)
    expect((other?.at ?? 0) - (one?.at ?? 0)).toBeGreaterThan(250)
    receiver.answer = () => ({ status: 200 })
    await allTaken(ids)
    expect(webhook.app.health.readiness()).toEqual({ ready: true, reasons: [] })
  })

  it('holds when there was no 2xx for the time that is allowed', async () => {
    receiver.answer = () => ({ status: 500 })
    await publish(2)
    const { app, log } = await startWebhook({}, { ...MANNER, pace: { ...MANNER.pace, holdAfterMs: 500 } })
    await until('it holds', () => app.health.readiness().reasons.join().includes('no 2xx'))
    expect(log()).toContain('webhook HELD: no 2xx')
    expect(await left()).toBe(2)
  })

  it('hands back at a stop what it cannot end in time', async () => {
    receiver.answer = () => ({ status: 200, afterMs: 5_000 })
    await publish(3)
    const { app } = await startWebhook({ SHUTDOWN_TIMEOUT_MS: '200' }, { ...MANNER, tryMs: 15_000 })
    await until('it has posted', () => receiver.received.length === 3)
    const startedAt = performance.now()
    await app.stop('test')
    expect(performance.now() - startedAt).toBeLessThan(3_000)
    expect(await redis.llen(`${QUEUE}:wait`)).toBe(3)
    expect(await redis.llen(`${QUEUE}:active`)).toBe(0)
  })
})

describe('a webhook that is killed in the middle', () => {
  it('has delivered each result at least once when its successor is through', async () => {
    const env = { REDIS_URL: embedded.url, WEBHOOK_URL: receiver.url, WEBHOOK_SECRET: SECRET }
    receiver.answer = () => ({ status: 200, afterMs: 20 })
    const ids = await publish(300)
    const victim = await startWorker(env, 'webhook')
    await until('it is in the middle', () => receiver.taken.length > 100)
    await victim.kill('SIGKILL')
    expect(await left()).toBeGreaterThan(0)
    const successor = await startWorker(env, 'webhook')
    await allTaken(ids, 110_000)
    expect((await successor.kill('SIGTERM')).code).toBe(0)
  }, 150_000)
})
