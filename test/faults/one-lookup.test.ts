/** One lookup's own trouble, and everybody's: which of them stops the fleet. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Answer, CHAT } from '../support/scripted-service.ts'
import { PATIENT } from './outage.ts'
import { idle, type Rig, startRig, until } from './rig.ts'
import { response } from './wire.ts'

const QUICK = {
  LOOKUP_BACKOFF_MIN_MS: '20',
  LOOKUP_BACKOFF_MAX_MS: '100',
  LOOKUP_ATTEMPTS: '3',
  HOLD_MIN_MS: '100',
  HOLD_MAX_MS: '300',
  COALESCE: 'false',
}
const SLOTS = 32
const isHeldFor = (rig: Rig, reason: string) => async () => (await rig.metric('hold_active', reason)) > 0
const holdsBegun = (rig: Rig) => rig.metric('holds_total')

let rig: Rig
/** Somebody has been answered. */
async function known(): Promise<void> {
  await rig.enqueue(1, 'known')
  await rig.auditor.complete()
}

describe('a lookup that is always refused, among others that are answered', () => {
  const ODD: Record<string, Answer> = {
    pause: { say: 'status', status: 503, retryAfter: 1 },
    refusal: { say: 'status', status: 403 },
    page: { say: 'page', status: 200 },
  }
  beforeEach(async () => {
    rig = await startRig({ workers: 2, env: { ...QUICK, RATE_LIMIT_PER_SECOND: '100' } })
    rig.service.script = ({ id }) => ODD[id.replace(/\d.*/, '')] ?? CHAT
    await known()
  })
  afterEach(() => rig.close())

  it.each(['refusal', 'page'])('(%s) fails after its attempts, and nobody holds', async (kind) => {
    const odd = (
      await Promise.all(Array.from({ length: 10 }, async () => [await rig.enqueue(19), await rig.enqueue(1, kind)]))
    ).flatMap(([, ids]) => ids ?? [])
    await rig.auditor.complete()
    for (const id of odd) expect(rig.auditor.of(id)).toMatchObject([{ status: 'failed', attempts: 3 }])
    expect(rig.auditor.results.filter(({ status }) => status === 'enriched')).toHaveLength(191)
    expect(await holdsBegun(rig)).toBe(0)
  })

  it('(503 and Retry-After) makes the fleet wait once, and then waits itself until its attempts are spent', async () => {
    const [odd = ''] = await rig.enqueue(1, 'pause')
    for (let i = 0; i < 8; i++) {
      await rig.enqueue(50)
      await until('its turn has come', async () => (await rig.queue().getJobCounts('waiting')).waiting === 0, 60_000)
    }
    await rig.auditor.complete()
    expect(rig.auditor.of(odd)).toMatchObject([{ status: 'failed', attempts: 4 }]) // the first was free
    expect(await holdsBegun(rig)).toBe(1)
  })
})

describe('an answer that nobody can read, after good ones', () => {
  const SOAP = (body: string) =>
    `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${body}</s:Body></s:Envelope>`
  const DEFECTS: Record<string, Answer> = {
    'not the contract': response(SOAP('<Other xmlns="urn:other"/>')),
    'document type': response(`<!DOCTYPE a>${SOAP('')}`),
    'not XML': response('{}'),
  }
  beforeEach(async () => {
    rig = await startRig({ workers: 1, env: { ...QUICK, CONCURRENCY: String(SLOTS) } })
    await known()
  })
  afterEach(() => rig.close())

  it.each(Object.keys(DEFECTS))(
    '(%s) holds the fleet, which goes on by itself when the answers are good',
    async (defect) => {
      rig.service.script = () => DEFECTS[defect] ?? CHAT
      await rig.enqueue(300)
      await until('the fleet holds', isHeldFor(rig, 'service'))
      await until('no lookup sits active', async () => (await rig.queue().getActiveCount()) === 0)
      const givenUp = rig.auditor.results.filter(({ status }) => status === 'failed').length
      expect(givenUp).toBeLessThanOrEqual(20 + SLOTS)
      rig.service.script = () => CHAT
      await rig.auditor.complete()
      expect(rig.auditor.results.filter(({ status }) => status === 'failed')).toHaveLength(givenUp)
    },
  )
})

describe('"no such chat" for everybody', () => {
  const EMPTY: Answer = { say: 'code', code: 0 }
  beforeAll(async () => {
    rig = await startRig({
      workers: 2,
      env: { ...QUICK, CONCURRENCY: String(SLOTS / 2), RATE_LIMIT_PER_SECOND: '100' },
    })
  })
  afterAll(() => rig.close())

  it('of ids that are really unknown holds nobody', async () => {
    rig.service.script = ({ id }) => (id.startsWith('unknown') ? EMPTY : CHAT)
    await known()
    await rig.enqueue(200, 'unknown')
    await rig.auditor.complete()
    expect(rig.auditor.results.filter(({ status }) => status === 'not-found')).toHaveLength(200)
    expect(await holdsBegun(rig)).toBe(0)
    expect(rig.service.calls.filter(({ id }) => id.startsWith('known')).length).toBeLessThanOrEqual(2)
  })

  it('of a service that has forgotten holds the fleet, until it finds again what it found before', async () => {
    await rig.redis.del(...(await rig.redis.keys('bull:chat-enricher:fleet:*')))
    await rig.enqueue(40)
    await rig.auditor.complete()
    const before = rig.auditor.results.filter(({ status }) => status === 'not-found').length
    rig.service.script = () => EMPTY
    await rig.enqueue(400)
    await until('the fleet holds', isHeldFor(rig, 'service'))
    await until('no lookup sits active', async () => (await rig.queue().getActiveCount()) === 0)
    const spent = rig.auditor.results.filter(({ status }) => status === 'not-found').length - before
    expect(spent).toBeLessThanOrEqual(20 + SLOTS)
    rig.service.script = () => CHAT
    await rig.auditor.complete()
    await idle(rig)
    const [line] = rig.log().filter(({ msg }) => String(msg).includes('a connection id that was found before'))
    expect(line).toBeDefined()
    await expect.poll(isHeldFor(rig, 'service'), PATIENT).toBe(false)
  })
})

describe('an answer with nothing in it, to everybody, with SOAP_NOT_FOUND_CODES set', () => {
  afterEach(() => rig.close())

  // Fails without: worker/call-report.ts: suspiciousRefusal()
  it('holds the fleet, as one that says "no such chat" to everybody does', async () => {
    rig = await startRig({ workers: 1, env: { ...QUICK, CONCURRENCY: String(SLOTS), SOAP_NOT_FOUND_CODES: '3' } })
    await known()
    rig.service.script = () => ({ say: 'code', code: 0 })
    await rig.enqueue(300)
    await until('the fleet holds', isHeldFor(rig, 'service'))
    await until('no lookup sits active', async () => (await rig.queue().getActiveCount()) === 0)
    const spent = rig.auditor.results.filter(({ status }) => status === 'rejected').length
    expect(spent).toBeLessThanOrEqual(20 + SLOTS)
    rig.service.script = () => CHAT
    await rig.auditor.complete()
    expect(rig.auditor.results.filter(({ status }) => status === 'rejected')).toHaveLength(spent)
  })
})
