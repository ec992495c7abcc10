import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HistoryReader } from '../../src/fleet/history.ts'
import { run } from '../support/in-process.ts'
import { SOAP_SECRETS, startWorker } from '../support/processes.ts'
import { useConsumer, useWorld } from '../support/use-world.ts'
import { consume, NAMES, until } from '../support/world.ts'

const world = useWorld()
const consumer = useConsumer(world)
let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chat-enricher-hold-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const QUICK = { RATE_LIMIT_PER_SECOND: '200', CONCURRENCY: '8', HOLD_MIN_MS: '100', HOLD_MAX_MS: '400' }
const start = (env: Record<string, string> = {}) => startWorker({ ...world.env, ...QUICK, ...env })
const enqueue = (ids: string[]) =>
  world.queue(NAMES.lookupQueue).addBulk(ids.map((connectionId) => ({ name: 'lookup', data: { connectionId } })))
const many = (count: number, name = 'c') => Array.from({ length: count }, (_, index) => `${name}${index}`)
const counts = () => world.queue(NAMES.lookupQueue).getJobCounts()
const calls = (id?: string) => world.standIn.requests.count(id)

interface HeldFor {
  reason: string
  why: string
  cure: string
}
async function holds(): Promise<HeldFor[]> {
  const { stdout } = await run(['status', '--json'], { REDIS_URL: world.redisUrl })
  return (JSON.parse(stdout) as { holds?: HeldFor[] }).holds ?? []
}
const heldFor = async (reason: string) => {
  const [key] = await world.redis.keys('bull:chat-enricher:fleet:*:hold')
  return key !== undefined && (await world.redis.hexists(key, reason)) === 1
}
const untilHeldFor = (reason: string) => until(`the fleet holds (${reason})`, () => heldFor(reason))
const nothingRuns = () => until('no lookup sits active', async () => ((await counts()).active ?? 0) === 0)

async function metric(url: string, line: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const found = text.split('\n').find((each) => each.startsWith(`chat_enricher_${line} `))
  return Number(found?.split(' ').at(-1))
}

/** The service has answered somebody: there is an id to probe with. */
async function answeredOne(): Promise<void> {
  await enqueue(['known'])
  await consumer.have(1)
  world.standIn.requests.clear()
}

describe('a service that fails', () => {
  it('makes the fleet hold: hardly a call goes out, nothing is charged, and all are enriched when it is back', async () => {
    const workers = await Promise.all([start(), start()])
    await answeredOne()
    world.standIn.set({ faultRate: 1, faults: ['server-fault'] })
    await enqueue(many(300))
    await untilHeldFor('service')
    await nothingRuns()
    const soFar = calls()
    expect(soFar).toBeLessThanOrEqual(20 + 16)
    const late = await start() // a worker that joins a fleet that holds
    await until('two probes were sent', () => calls('known') >= 2)
    expect(calls() - calls('known')).toBeLessThanOrEqual(20 + 16)
    expect(await metric(late.url, 'hold_active{reason="service"}')).toBe(1)
    expect((await fetch(`${late.url}/readyz`)).status).toBe(200)
    const begun = await Promise.all([...workers, late].map(({ url }) => metric(url, 'holds_total{reason="service"}')))
    expect(begun.reduce((sum, one) => sum + one, 0)).toBe(1)
    for (const worker of workers) expect(worker.log().match(/the fleet holds its calls/g)).toHaveLength(1)
    world.standIn.set({ faultRate: 0 })
    await consumer.have(301)
    expect(consumer.results.every(({ status }) => status === 'enriched')).toBe(true)
    expect((await counts()).failed).toBe(0)
    expect(await heldFor('service')).toBe(false)
    const kept = async () => (await new HistoryReader(world.redis, { ...NAMES, soapEndpoint: null }).read()).holds
    await until('what was seen of the hold is kept', async () => (await kept())[0]?.why !== null)
    const [held] = await kept()
    expect(held).toMatchObject({ reason: 'service', why: expect.stringMatching(/calls failed: .*SOAP fault Server/) })
    expect(held?.probes).toBeGreaterThanOrEqual(1)
  })

  it('with LOOKUP_ATTEMPTS=1 costs no lookup its only attempt', async () => {
    await start({ LOOKUP_ATTEMPTS: '1' })
    await answeredOne()
    world.standIn.set({ faultRate: 1, faults: ['503'] })
    await enqueue(many(60))
    await untilHeldFor('service')
    world.standIn.set({ faultRate: 0 })
    await consumer.have(61)
    expect(consumer.results.every(({ status }) => status === 'enriched')).toBe(true)
  })

  it('with no id that was ever answered is probed with the lookup at the head, which goes behind the others', async () => {
    await start({ CONCURRENCY: '1', CALL_RETRIES: '0', BREAKER_MIN_CALLS: '1', COALESCE: 'false' })
    world.standIn.set({ faultRate: 1, faults: ['401'] })
    await enqueue(['first', 'second', 'third'])
    await untilHeldFor('configuration')
    await until('each has been asked for', () => ['first', 'second', 'third'].every((id) => calls(id) > 0))
    const asked = world.standIn.requests.all().map(({ id }) => id)
    expect(asked.filter((id, index) => asked.indexOf(id) === index)).toEqual(['first', 'second', 'third'])
    world.standIn.set({ faultRate: 0 })
    await consumer.have(3)
    expect(consumer.results.every(({ status }) => status === 'enriched')).toBe(true)
  })
})

describe('lookups that wait while the fleet holds', () => {
  it('keep their order to within what was in flight', async () => {
    await start({ COALESCE: 'false' })
    await answeredOne()
    world.standIn.set({ faultRate: 1, faults: ['401'] })
    const ids = many(200)
    await enqueue(ids)
    await untilHeldFor('configuration')
    await nothingRuns()
    world.standIn.set({ faultRate: 0 })
    await consumer.have(201)
    const order = consumer.results.slice(1).map(({ connectionId }) => ids.indexOf(connectionId ?? ''))
    const off = order.map((place, index) => Math.abs(place - index))
    expect(Math.max(...off)).toBeLessThanOrEqual(24) // 8 slots: handed back, fetched once more, and finishing out of turn
  })
})

describe('refusals that are everybody’s', () => {
  const file = (name: string, text: string) => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }

  it('of credentials spend no lookup, and end when the file with them changes', async () => {
    const path = file('key', 'the old one')
    world.standIn.set({
      refuse: '401',
      credentials: {
        publicKey1: 'the new one',
        encryptedUser: SOAP_SECRETS.SOAP_ENCRYPTED_USER,
        encryptedPassword: SOAP_SECRETS.SOAP_ENCRYPTED_PASSWORD,
        encryptedSignature: SOAP_SECRETS.SOAP_ENCRYPTED_SIGNATURE,
      },
    })
    const env = { SOAP_PUBLIC_KEY_1: '', SOAP_PUBLIC_KEY_1_FILE: path, HOLD_MIN_MS: '600000', HOLD_MAX_MS: '600000' }
    await Promise.all([start(env), start(env)])
    await enqueue(many(50))
    await untilHeldFor('configuration')
    await nothingRuns()
    expect(calls()).toBeLessThanOrEqual(16)
    expect(consumer.results).toEqual([])
    file('key', 'the new one') // the next probe would go in ten minutes
    await consumer.have(50)
    expect(consumer.results.every(({ status }) => status === 'enriched')).toBe(true)
  })

  it('by one code are suspected, told with the cure, and go through once the code is accepted', async () => {
    const refused = {
      response: { responseCode: 5, responseDescription: 'no', encryptedSymmetrickey: null },
      ChatRequest: null,
    }
    world.standIn.set({ answers: many(100).map((id) => ({ id, result: refused })) })
    await start({ SOAP_NOT_FOUND_CODES: '3' })
    await enqueue(many(100))
    await untilHeldFor('configuration')
    await nothingRuns()
    expect(consumer.results.length).toBeLessThanOrEqual(40)
    expect(consumer.results.every(({ status }) => status === 'rejected')).toBe(true)
    const [hold] = await holds()
    expect(hold?.why).toContain('responseCode 5')
    expect(hold?.cure).toContain('chat-enricher release --accept-code 5')
    const spent = consumer.results.length
    const released = await run(['release', '--accept-code', '5'], { REDIS_URL: world.redisUrl })
    expect(released).toMatchObject({
      code: 0,
      stdout: 'released (configuration); responseCode 5 is accepted from now on\n',
    })
    await consumer.have(100)
    expect(consumer.results.slice(spent).every(({ status }) => status === 'not-found')).toBe(true)
  })

  it('by a Client fault spend at most forty lookups', async () => {
    await start()
    await answeredOne()
    world.standIn.set({ faultRate: 1, faults: ['client-fault'] })
    await enqueue(many(200))
    await untilHeldFor('configuration')
    await nothingRuns()
    expect(consumer.results.length - 1).toBeLessThanOrEqual(40)
    world.standIn.set({ faultRate: 0 })
    await consumer.have(201)
    expect(consumer.results.filter(({ status }) => status === 'rejected').length).toBeLessThanOrEqual(40)
  })
})

describe('a hold by hand', () => {
  it('stops every call until it is released', async () => {
    await start()
    await answeredOne()
    expect((await run(['hold', '--reason', 'maintenance'], { REDIS_URL: world.redisUrl })).code).toBe(0)
    await enqueue(many(20))
    await until('the worker knows', async () => (await holds())[0]?.why === 'maintenance')
    await nothingRuns()
    expect(calls()).toBe(0)
    expect((await run(['release'], { REDIS_URL: world.redisUrl })).stdout).toBe('released (manual)\n')
    await consumer.have(21)
  })
})

describe('results that nobody consumes', () => {
  it('hold the fleet at RESULT_BACKLOG_LIMIT, until they are consumed', async () => {
    await consumer.close()
    await start({ RESULT_BACKLOG_LIMIT: '50', RATE_LIMIT_PER_SECOND: '50' })
    await enqueue(many(400))
    await untilHeldFor('results')
    await nothingRuns()
    expect(await world.redis.llen(`bull:${NAMES.resultQueue}:wait`)).toBeLessThan(250)
    const late = consume(world)
    await late.have(400)
    await late.close()
  })

  const addLarge = (count: number, bytes: number) =>
    world.queue(NAMES.resultQueue).addBulk(
      Array.from({ length: count }, () => ({
        name: 'enriched',
        data: { lookupId: 'large', text: 'x'.repeat(bytes) },
      })),
    )

  it('hold it where they are few and large', async () => {
    await consumer.close()
    await addLarge(3, 100_000)
    await start({ RESULT_BACKLOG_LIMIT: '50' })
    await untilHeldFor('results')
    expect((await holds())[0]?.why).toBe(
      '3 results of 0 MiB wait to be consumed, RESULT_BACKLOG_LIMIT is 50, and a large one counts as several',
    )
    const late = consume(world)
    await until('the hold is over', async () => (await holds()).length === 0)
    await late.close()
  })

  it('hold it where they take half of the memory that Redis may use', async () => {
    await consumer.close()
    await world.redis.config('SET', 'maxmemory', '64mb')
    try {
      await addLarge(20, 900_000)
      await start()
      await enqueue(['known'])
      await until('it is asked for', () => calls('known') === 1)
      expect(await heldFor('results')).toBe(false)
      await addLarge(20, 900_000)
      await untilHeldFor('results')
      expect((await holds())[0]?.why).toMatch(
        /^41 results of 3\d MiB wait to be consumed, half of the maxmemory of Redis$/,
      )
    } finally {
      await world.redis.config('SET', 'maxmemory', '0')
    }
  })
})

describe('a quota', () => {
  it('that is spent holds the fleet until it frees', async () => {
    await start({ QUOTA_CALLS: '30', QUOTA_PERIOD: '5s' })
    await enqueue(many(40))
    await untilHeldFor('quota')
    expect(calls()).toBeLessThanOrEqual(30)
    await consumer.have(40)
    const times = world.standIn.requests.all().map(({ at }) => at)
    const most = Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 5000).length))
    expect(most).toBeLessThanOrEqual(30)
  })
})

describe('limits set while the fleet runs', () => {
  it('win over the environment of every worker, until they are reset', async () => {
    const worker = await start({ RATE_LIMIT_PER_SECOND: '1' })
    const slow = { REDIS_URL: world.redisUrl }
    await enqueue(['a'])
    await consumer.have(1)
    expect((await run(['limit', '--rate', '500'], slow)).code).toBe(0)
    await enqueue(many(100))
    await consumer.have(101)
    expect(await metric(worker.url, 'rate_limit_per_second')).toBe(500)
    await run(['limit', '--reset'], slow)
    await until('the old limit is back', async () => (await metric(worker.url, 'rate_limit_per_second')) === 1)
  })
})
