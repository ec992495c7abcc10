import { afterEach, describe, expect, it } from 'vitest'
import { addDeadLetters } from '../support/dead-letters.ts'
import { run } from '../support/in-process.ts'
import { killAll, startWorker } from '../support/processes.ts'
import { useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'
import { startApi, stopAll } from './api.ts'

const world = useWorld()
afterEach(stopAll)

const crm = 'token-of-the-crm-0123456789'
const erp = 'token-of-the-erp-0123456789'
const ops = 'token-of-an-operator-012345'
const TOKENS = `crm:enqueue:${crm},erp:enqueue:${erp},ops:operate:${ops}`
const start = () => startApi({ REDIS_URL: world.redisUrl, API_TOKENS: TOKENS, API_REQUESTS_PER_SECOND: '10000' })
const lookups = () => world.queue(NAMES.lookupQueue)

async function addMany(count: number, producer: string): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `lk-${producer}-${index}`)
  await lookups().addBulk(
    ids.map((jobId) => ({ name: 'lookup', data: { connectionId: `of ${jobId}`, producer }, opts: { jobId } })),
  )
  return ids
}

describe('find', () => {
  it('gives pages, each lookup once, with the fields of the command', async () => {
    const ids = await addMany(25, 'crm')
    const api = await start()
    const found: { lookupId: string }[] = []
    for (let next: string | null = ''; next !== null; ) {
      const more: string = next && `&next=${next}`
      const { status, body } = await api.ask('GET', `/v1/lookups?producer=crm&limit=10${more}`, { token: ops })
      expect(status).toBe(200)
      found.push(...body.lookups)
      next = body.next
    }
    expect(found.map(({ lookupId }) => lookupId).sort()).toEqual(ids.sort())
    const { stdout } = await run(['find', '--producer', 'crm', '--limit', '1', '--json'], world.env)
    expect(Object.keys(found[0] ?? {}).sort()).toEqual(Object.keys(JSON.parse(stdout.split('\n')[0] ?? '')).sort())
  })

  it('names what is wrong with the question', async () => {
    const api = await start()
    const wrong = async (query: string) => {
      const { status, body } = await api.ask('GET', `/v1/lookups${query}`, { token: ops })
      return [status, body.errors?.[0]?.field]
    }
    expect(await wrong('')).toEqual([400, 'query'])
    expect(await wrong('?state=asleep')).toEqual([400, 'state'])
    expect(await wrong('?all=true&next=nonsense')).toEqual([400, 'next'])
    expect(await wrong('?all=true&limit=0')).toEqual([400, 'limit'])
    expect(await wrong('?colour=red')).toEqual([400, 'colour'])
  })
})

describe('cancel', () => {
  it('says first what it would do, and then does it', async () => {
    await addMany(12, 'crm')
    const api = await start()
    const body = { selection: { producer: 'crm' }, ratePerSecond: 1000 }
    const dry = await api.ask('POST', '/v1/lookups/cancel', { token: ops, body: { ...body, dryRun: true } })
    expect([dry.status, dry.body.count, dry.body.sample.length, dry.body.calls, dry.body.seconds]).toEqual([
      200, 12, 10, 0, 1,
    ])
    expect(await lookups().getWaitingCount()).toBe(12)
    const done = await api.ask('POST', '/v1/lookups/cancel', { token: ops, body })
    expect([done.status, done.body]).toEqual([
      200,
      { cancelled: 12, refused: [], refusedCount: 0, looked: expect.any(Number) },
    ])
    const { body: said } = await api.ask('GET', '/v1/activity', { token: ops })
    expect(said.activity[0]).toMatchObject({ who: 'ops', action: 'cancel', count: 12, state: 'done' })
  })

  it('of a token that may only enqueue is about its own lookups; another’s are not known to it', async () => {
    const [own = '', other = ''] = [...(await addMany(2, 'crm')), ...(await addMany(2, 'erp'))].filter(
      (_, n) => n % 2 === 0,
    )
    const api = await start()
    const cancel = (body: object) => api.ask('POST', '/v1/lookups/cancel', { token: crm, body })
    const named = await cancel({ lookupIds: [own, other, 'lk-none'] })
    expect(named.body).toMatchObject({
      cancelled: 1,
      refused: [
        { lookupId: other, why: 'gone' },
        { lookupId: 'lk-none', why: 'gone' },
      ],
    })
    expect((await cancel({ lookupIds: [other], dryRun: true })).body).toMatchObject({ count: 0, looked: 0 })
    expect((await cancel({ selection: { producer: 'erp' } })).body.code).toBe('producer-of-another')
    expect((await cancel({ selection: { all: true } })).body.cancelled).toBe(1)
    expect(await lookups().getWaitingCount()).toBe(2)
  })

  it('names what is wrong with it', async () => {
    const api = await start()
    const wrong = async (path: string, body: object) => {
      const { status, body: said } = await api.ask('POST', path, { token: ops, body })
      return [status, said.errors?.[0]?.field]
    }
    expect(await wrong('/v1/lookups/cancel', {})).toEqual([400, 'body'])
    expect(await wrong('/v1/lookups/cancel', { selection: {} })).toEqual([400, 'selection'])
    expect(await wrong('/v1/lookups/cancel', { selection: { all: true }, lookupIds: ['a'] })).toEqual([400, 'body'])
    expect(await wrong('/v1/lookups/cancel', { selection: { state: 'x' } })).toEqual([400, 'selection.state'])
    expect(await wrong('/v1/lookups/cancel', { lookupIds: ['a'], ratePerSecond: 0 })).toEqual([400, 'ratePerSecond'])
    expect(await wrong('/v1/dead-letters/drop', { lookupIds: ['a'] })).toEqual([400, 'reason'])
    const selection = { state: 'finished' }
    expect(await wrong('/v1/dead-letters/drop', { selection, reason: 'x' })).toEqual([400, 'selection.state'])
    expect((await api.ask('GET', `/v1/actions/ac-${'0'.repeat(24)}`, { token: ops })).body.code).toBe('action-unknown')
  })
})

describe('an action that takes long', () => {
  it('goes on behind its answer, is seen from another process, and is stopped with its own; again, it does the rest', async () => {
    const ids = await addMany(60, 'crm')
    const [first, second] = [await start(), await start()]
    const body = { selection: { producer: 'crm' }, ratePerSecond: 10 }
    const begun = await first.ask('POST', '/v1/lookups/cancel', { token: ops, body })
    const path = begun.headers.get('location') ?? ''
    expect([begun.status, begun.body.state, path]).toEqual([202, 'running', `/v1/actions/${begun.body.id}`])
    const seen = async (token = ops) => (await second.ask('GET', path, { token })).body
    await until('it has gone on', async () => (await seen()).count > begun.body.count)
    expect((await seen(crm)).code).toBe('action-unknown')
    await first.stop()
    await until('it says that it was stopped', async () => (await seen()).state === 'stopped') // read once a second
    const stopped = await seen()
    expect(stopped).toMatchObject({ who: 'ops', cure: expect.stringContaining('run it again') })
    expect(stopped.count).toBe(60 - (await lookups().getWaitingCount()))
    const again = await second.ask('POST', '/v1/lookups/cancel', { token: ops, body: { ...body, ratePerSecond: 1000 } })
    expect(again.body.cancelled).toBe(60 - stopped.count)
    expect(await world.queue(NAMES.resultQueue).getWaitingCount()).toBe(ids.length)
  })
})

/** So that it is clear which service is meant. */
async function workerWas(): Promise<void> {
  await startWorker(world.env)
  await killAll()
}

describe('dead letters', () => {
  it('are shown one by one, put back, and dropped for a reason', async () => {
    await workerWas()
    const [one = '', two = '', ...others] = await addDeadLetters(world.redis, lookups(), 20)
    const api = await start()
    const shown = await api.ask('GET', `/v1/dead-letters/${one}`, { token: ops })
    expect([shown.status, shown.body]).toEqual([200, { ...shown.body, lookupId: one, state: 'dead', fault: 'Server' }])
    await addMany(1, 'crm')
    expect((await api.ask('GET', '/v1/dead-letters/lk-crm-0', { token: ops })).body.code).toBe('lookup-unknown')
    const ask = (action: string, body: object) => api.ask('POST', `/v1/dead-letters/${action}`, { token: ops, body })
    const selection = { failure: 'soap-fault' }
    const dry = await ask('redrive', { selection, dryRun: true })
    expect(dry.body).toMatchObject({ action: 'redrive', count: 20, calls: 20, refused: null })
    expect((await ask('redrive', { lookupIds: [one, 'lk-crm-0'], dryRun: true })).body.count).toBe(1)
    expect((await ask('redrive', { lookupIds: [one] })).body).toMatchObject({ done: 1, wentOnFrom: null })
    expect((await ask('drop', { lookupIds: [two], reason: 'asked again' })).body.done).toBe(1)
    expect((await ask('redrive', { selection, ratePerSecond: 1000 })).body.done).toBe(others.length)
    expect(await lookups().getFailedCount()).toBe(0)
  })

  it('are not put back while the fleet holds for what they failed with, unless forced', async () => {
    world.standIn.set({ faultRate: 1, faults: ['401'] })
    await lookups().add('lookup', { connectionId: '1' })
    await startWorker(world.env)
    const holds = async () => (await api.ask('GET', '/v1/holds', { token: ops })).body.holds ?? []
    const api = await start()
    await until('the fleet holds', async () => (await holds()).length > 0)
    await killAll()
    const [one = ''] = await addDeadLetters(world.redis, lookups(), 3)
    const ask = (body: object) => api.ask('POST', '/v1/dead-letters/redrive', { token: ops, body })
    const refused = await ask({ selection: { all: true } })
    expect([refused.status, refused.body.code]).toEqual([409, 'held-for-cause'])
    await api.ask('DELETE', '/v1/holds', { token: ops })
    await api.ask('POST', '/v1/holds', { token: ops, body: { forMs: 60_000 } })
    const waits = await ask({ selection: { all: true } })
    expect([waits.status, waits.body.state]).toEqual([202, 'running'])
    await until('it says why', async () => {
      const { body } = await api.ask('GET', `/v1/actions/${waits.body.id}`, { token: ops })
      return body.waitsFor?.includes('held') === true
    })
    expect((await ask({ lookupIds: [one], force: true })).body.done).toBe(1)
  })
})
