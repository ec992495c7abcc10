import { request as open } from 'node:http'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { parseLines } from '../cli/started.ts'
import { run } from '../support/in-process.ts'
import { startWorker } from '../support/processes.ts'
import { useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'
import { type Api, startApi, stopAll } from './api.ts'

const world = useWorld()
afterEach(stopAll)

const crm = 'token-of-the-crm-0123456789'
const erp = 'token-of-the-erp-0123456789'
const ops = 'token-of-an-operator-012345'
const reader = 'token-of-a-reader-012345678'
const TOKENS = `crm:enqueue:${crm},erp:enqueue:${erp},ops:operate+forget:${ops},bi:view+results:${reader}`
const start = () => startApi({ REDIS_URL: world.redisUrl, API_TOKENS: TOKENS })
const jobs = () => world.queue(NAMES.lookupQueue).getJobs()

describe('one lookup', () => {
  it('is on the queue under the name of the token, and again the same with its key', async () => {
    const api = await start()
    const body = { connectionId: '12345', correlationId: 'order-7' }
    const headers = { 'idempotency-key': 'order-7' }
    const first = await api.ask('POST', '/v1/lookups', { token: crm, body, headers })
    expect([first.status, first.body]).toEqual([202, { ...first.body, connectionId: '12345', isNew: true }])
    const again = await api.ask('POST', '/v1/lookups', { token: crm, body: { ...body, idempotencyKey: 'order-7' } })
    expect(again.body).toEqual({ ...first.body, isNew: false })
    const other = await api.ask('POST', '/v1/lookups', { token: erp, body, headers })
    expect(other.body.lookupId).not.toBe(first.body.lookupId)
    const conflict = await api.ask('POST', '/v1/lookups', { token: crm, body: { connectionId: '2' }, headers })
    expect([conflict.status, conflict.body.code]).toEqual([422, 'key-conflict'])
    expect((await jobs()).map(({ data }) => data)).toEqual(
      expect.arrayContaining([
        { ...body, producer: 'crm' },
        { ...body, producer: 'erp' },
      ]),
    )
    expect((await api.ask('GET', '/metrics')).text).toContain('lookups_accepted_total{producer="crm"} 2')
  })

  it('belongs to the trace of its request, unless it says another', async () => {
    const api = await start()
    const trace = (digit: string) => `00-${digit.repeat(32)}-00f067aa0ba902b7-01`
    const headers = { traceparent: trace('a') }
    const ask = (body: unknown, more: Record<string, string> = headers) =>
      api.ask('POST', '/v1/lookups', { token: crm, body, headers: more })
    const all = [
      await ask({ connectionId: '1' }),
      await ask({ lookups: [{ connectionId: '2', traceparent: trace('b') }, { connectionId: '3' }] }),
      await ask({ connectionId: '4' }, { traceparent: 'nonsense' }),
    ]
    expect(all.map(({ status }) => status)).toEqual([202, 202, 202])
    const said = await stream(api, [`{"connectionId":"5","traceparent":"${trace('c')}"}\n`])
    expect(parseLines(said)).toMatchObject([{ line: 1, connectionId: '5' }])
    const found = Object.fromEntries((await jobs()).map(({ data }) => [data.connectionId, data.traceparent]))
    expect(found).toEqual({ 1: trace('a'), 2: trace('b'), 3: trace('a'), 4: undefined, 5: trace('c') })
    const wrong = await ask({ connectionId: '6', traceparent: 'nonsense' })
    expect([wrong.status, wrong.body.errors[0].field]).toEqual([400, 'traceparent'])
  })

  it('alone can have a wait and the key of the header: of several they are refused, not passed over', async () => {
    const api = await start()
    const ndjson = { raw: '{"connectionId":"1"}\n', headers: { 'content-type': 'application/x-ndjson' } }
    const batch = { body: { lookups: [{ connectionId: '1' }] } }
    for (const ask of [ndjson, batch]) {
      const waited = await api.ask('POST', '/v1/lookups?wait=1', { token: crm, ...ask })
      expect([waited.status, waited.body.errors[0].field]).toEqual([400, 'wait'])
      const headers = { ...('headers' in ask ? ask.headers : {}), 'idempotency-key': 'a' }
      const keyed = await api.ask('POST', '/v1/lookups', { token: crm, ...ask, headers })
      expect([keyed.status, keyed.body.code]).toEqual([400, 'key-with-batch'])
    }
    expect(await jobs()).toEqual([])
  })

  it('is interactive by its body or by the query, and may begin with a byte order mark', async () => {
    const api = await start()
    await api.ask('POST', '/v1/lookups?interactive=true', { token: crm, body: { connectionId: '1' } })
    const raw = '\uFEFF{"connectionId":"2","interactive":true}'
    await api.ask('POST', '/v1/lookups', { token: crm, raw, headers: { 'content-type': 'application/json' } })
    expect(await world.queue(NAMES.interactiveQueue).getJobs()).toHaveLength(2)
    expect(await jobs()).toEqual([])
  })

  it('posted a hundred times at once with one key is one', async () => {
    const api = await start()
    const ask = { token: crm, body: { connectionId: '12345', idempotencyKey: 'one' } }
    const all = await Promise.all(Array.from({ length: 100 }, () => api.ask('POST', '/v1/lookups', ask)))
    expect(new Set(all.map(({ body }) => body.lookupId)).size).toBe(1)
    expect(await jobs()).toHaveLength(1)
  })

  it('of two connection ids with one key at the same moment: one is refused', async () => {
    const api = await start()
    const ask = (connectionId: string) =>
      api.ask('POST', '/v1/lookups', { token: crm, body: { connectionId, idempotencyKey: 'one' } })
    const statuses = (await Promise.all(['1', '2'].map(ask))).map(({ status }) => status)
    expect(statuses.sort()).toEqual([202, 422])
    expect(await jobs()).toHaveLength(1)
  })

  it('names what is wrong with it, and enqueues nothing', async () => {
    const api = await start()
    const wrong = async (body: unknown, raw?: string) => {
      const ask = raw === undefined ? { body } : { raw, headers: { 'content-type': 'application/json' } }
      const answer = await api.ask('POST', '/v1/lookups', { token: crm, ...ask })
      return [answer.status, ...(answer.body.errors ?? []).map(({ field }: { field: string }) => field)]
    }
    expect(await wrong({})).toEqual([400, 'connectionId'])
    expect(await wrong({ connectionId: 1, conectionId: '1' })).toEqual([400, 'connectionId', 'conectionId'])
    expect(await wrong({ connectionId: '' })).toEqual([400, 'connectionId'])
    expect(await wrong({ connectionId: 'a', idempotencyKey: '' })).toEqual([400, 'idempotencyKey'])
    expect(await wrong({ connectionId: 'a', correlationId: '' })).toEqual([400, 'correlationId'])
    expect(await wrong({ connectionId: 'a', deliver: 'mail' })).toEqual([400, 'deliver'])
    expect(await wrong({ connectionId: 'a', metadata: { text: 'x'.repeat(4096) } })).toEqual([400, 'metadata'])
    expect(await wrong(null, '{"connectionId":"a","metadata":{"id":12345678901234567890}}')).toEqual([400, 'metadata'])
    expect(await wrong({ connectionId: 'a', producer: 'erp' })).toEqual([403])
    expect(await jobs()).toEqual([])
  })

  it('with ?wait has its result in the answer, which nobody finds on the result queue', async () => {
    await startWorker(world.env)
    const api = await start()
    const body = { connectionId: '12345', interactive: true }
    const { status, body: result } = await api.ask('POST', '/v1/lookups?wait=30', { token: crm, body })
    expect(status).toBe(200)
    expect(result).toMatchObject({ status: 'enriched', connectionId: '12345', producer: 'crm' })
    expect(await world.queue(NAMES.resultQueue).getJobCounts('waiting')).toEqual({ waiting: 0 })
    const late = await api.ask('GET', `/v1/lookups/${result.lookupId}`, { token: crm })
    expect(late.body).toMatchObject({ story: { state: 'completed', producer: 'crm' }, result: { status: 'enriched' } })
  })

  it('with ?wait says how it ended if its result is gone, instead of letting anybody wait', async () => {
    await startWorker(world.env)
    const api = await start()
    const body = { connectionId: '12345', idempotencyKey: 'gone' }
    const { body: ack } = await api.ask('POST', '/v1/lookups', { token: crm, body })
    await until('it has ended', async () => (await world.queue(NAMES.resultQueue).getWaitingCount()) === 1)
    await world.queue(NAMES.resultQueue).drain()
    const again = await api.ask('POST', '/v1/lookups?wait=30', { token: crm, body })
    expect([again.status, again.body.code]).toEqual([410, 'result-gone'])
    expect(again.body.detail).toMatch(/^the lookup ended at 20.*: enriched; /)
    expect((await api.ask('POST', '/v1/lookups', { token: crm, body })).body).toEqual({ ...ack, isNew: false })
  })

  it('with ?wait and no worker is on the queue; so it is when the API stops', async () => {
    const api = await start()
    const body = { connectionId: '12345' }
    const { status, body: ack } = await api.ask('POST', '/v1/lookups?wait=1', { token: crm, body })
    expect([status, ack.isNew]).toEqual([202, true])
    const waiting = api.ask('GET', `/v1/lookups/${ack.lookupId}?wait=60`, { token: crm })
    await until('it waits', async () => (await clients()).includes('SUBSCRIBE') || (await channels()) > 0)
    const startedAt = performance.now()
    await api.stop()
    expect((await waiting).body).toMatchObject({ story: { state: 'waiting' }, result: null })
    expect(performance.now() - startedAt).toBeLessThan(3000)
    expect((await api.ask('POST', '/v1/lookups?wait=0', { token: crm, body }).catch(() => null))?.status).toBe(
      undefined,
    )
  })

  const clients = async () => String(await world.redis.client('LIST'))
  const channels = async () => ((await world.redis.pubsub('CHANNELS')) as string[]).length
})

describe('what became of a lookup', () => {
  it('is for its producer and for whoever may view; what the service said, for its producer and readers of results', async () => {
    await startWorker(world.env)
    const api = await start()
    const { body: ack } = await api.ask('POST', '/v1/lookups', { token: crm, body: { connectionId: '12345' } })
    const path = `/v1/lookups/${ack.lookupId}`
    const own = await api.ask('GET', `${path}?wait=30`, { token: crm })
    expect(own.body.result).toMatchObject({ status: 'enriched', chatRequest: { idConnection: 12345 } })
    expect((await api.ask('GET', path, { token: erp })).body.code).toBe('lookup-unknown')
    const seen = await api.ask('GET', path, { token: ops })
    expect(seen.body).toMatchObject({ story: { result: 'enriched', connectionId: '12345' }, result: null })
    expect((await api.ask('GET', path, { token: reader })).body.result).toMatchObject({ status: 'enriched' })
    expect((await api.ask('GET', '/v1/lookups/lk-none', { token: ops })).status).toBe(404)
    const { stdout } = await run(['status', ack.lookupId, '--json'], { REDIS_URL: world.redisUrl })
    expect(seen.body.story).toEqual(JSON.parse(stdout))
  })

  it('is found where its id is one that a path cannot have', async () => {
    const api = await start()
    for (const id of ['.', '..']) {
      await world.queue(NAMES.lookupQueue).add('lookup', { connectionId: '1' }, { jobId: id })
      const { status, body } = await api.ask('GET', `/v1/lookups/=${id}`, { token: ops })
      expect([status, body.story?.lookupId, body.story?.state]).toEqual([200, id, 'waiting'])
    }
  })

  it('is shown to a person who may read results, which stands in the activity; a story alone goes without it', async () => {
    await startWorker(world.env)
    const api = await start()
    const { body: ack } = await api.ask('POST', '/v1/lookups', { token: crm, body: { connectionId: 'canary-7' } })
    const path = `/v1/lookups/${ack.lookupId}`
    const story = await api.ask('GET', `${path}?wait=30&result=false`, { token: reader })
    expect(story.body).toMatchObject({
      result: null,
      story: { result: 'enriched', timing: { calledMs: expect.any(Number) } },
    })
    expect((await api.ask('POST', `${path}/show`, { token: ops })).body.code).toBe('role-missing')
    const shown = await api.ask('POST', `${path}/show`, { token: reader })
    expect(shown.body.result).toMatchObject({ status: 'enriched' })
    expect((await api.ask('POST', '/v1/lookups/lk-none/show', { token: reader })).status).toBe(404)
    const { body, text } = await api.ask('GET', '/v1/activity', { token: reader })
    expect(body.activity).toMatchObject([{ who: 'bi', action: 'show', count: 1, state: 'done' }])
    expect(text).not.toContain(ack.lookupId)
    expect(text).not.toContain('canary')
  })

  it('is forgotten over HTTP', async () => {
    const api = await start()
    await api.ask('POST', '/v1/lookups', { token: crm, body: { connectionId: 'canary-77' } })
    expect((await api.ask('POST', '/v1/forget', { token: crm, body: { connectionId: 'canary-77' } })).status).toBe(403)
    const { status, body } = await api.ask('POST', '/v1/forget', { token: ops, body: { connectionId: 'canary-77' } })
    expect([status, body.removed.lookups, body.active]).toEqual([200, 1, []])
    expect(api.log()).toContain('forgot a connection id')
    expect(api.log()).not.toContain('canary')
  })
})

describe('a dry run', () => {
  it('of one, a batch or NDJSON says what would be enqueued, with the fields of the command, and enqueues nothing', async () => {
    const api = await start()
    const dry = (ask: object) => api.ask('POST', '/v1/lookups?dryRun=true', { token: crm, ...ask })
    const one = await dry({ body: { connectionId: '1' }, headers: { 'idempotency-key': 'k' } })
    expect([one.status, one.body.lines, one.body.lookups]).toEqual([200, 1, 1])
    const lookups = ['1', '1', '2'].map((connectionId) => ({ connectionId }))
    expect((await dry({ body: { lookups } })).body).toMatchObject({ lookups: 3, repeatedIds: 1, callsShared: 2 })
    const raw = '{"connectionId":"1"}\nnonsense\n{"connectionId":"2","producer":"erp"}\n'
    const lines = await dry({ raw, headers: { 'content-type': 'application/x-ndjson' } })
    expect(lines.body).toMatchObject({ lines: 3, bad: 2, lookups: 1, firstBad: [{ line: 2 }, { line: 3 }] })
    const { stdout } = await run(['enqueue', '1', '--dry-run', '--json'], { REDIS_URL: world.redisUrl })
    expect(Object.keys(lines.body).sort()).toEqual(Object.keys(JSON.parse(stdout)).sort())
    expect(await jobs()).toEqual([])
  })
})

describe('a batch', () => {
  it('is enqueued whole, in its order', async () => {
    const api = await start()
    const lookups = Array.from({ length: 2500 }, (_, n) => ({ connectionId: `${n}`, idempotencyKey: `key-${n}` }))
    const { status, body } = await api.ask('POST', '/v1/lookups', { token: crm, body: { lookups } })
    expect(status).toBe(202)
    expect(body.lookups.map(({ connectionId }: { connectionId: string }) => connectionId)).toEqual(
      lookups.map(({ connectionId }) => connectionId),
    )
    expect(await world.queue(NAMES.lookupQueue).getJobCounts('waiting')).toEqual({ waiting: 2500 })
  })

  it('is refused whole, each bad one named by its index', async () => {
    const api = await start()
    const post = (lookups: unknown[], headers = {}) =>
      api.ask('POST', '/v1/lookups', { token: crm, body: { lookups }, headers })
    const bad = await post([{ connectionId: 'a' }, { connectionId: 'b', x: 1 }, { connectionId: '' }])
    expect(bad.body.errors.map(({ field }: { field: string }) => field)).toEqual([
      'lookups[1].x',
      'lookups[2].connectionId',
    ])
    await post([{ connectionId: 'a', idempotencyKey: 'k' }])
    const conflict = await post([{ connectionId: 'c' }, { connectionId: 'b', idempotencyKey: 'k' }])
    expect([conflict.status, conflict.body.errors[0].field]).toEqual([422, 'lookups[1].idempotencyKey'])
    expect((await post([])).status).toBe(400)
    expect((await post([{ connectionId: 'a' }], { 'idempotency-key': 'k' })).body.code).toBe('key-with-batch')
    expect((await post(Array(10_001).fill({ connectionId: 'a' }))).status).toBe(413)
    expect(await jobs()).toHaveLength(1)
  })

  it('names the one that is wrong by its place among all, also where another batch came first with its key', async () => {
    const api = await start()
    const post = (of: string) => {
      const lookups: object[] = Array.from({ length: 1_205 }, (_, i) => ({ connectionId: `${of}${i}` }))
      lookups[1_200] = { connectionId: of, idempotencyKey: 'k' }
      return api.ask('POST', '/v1/lookups', { token: crm, body: { lookups } })
    }
    const answers = await Promise.all([post('a'), post('b')])
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 422])
    const fields = answers.map(({ body }) => body.errors?.[0].field ?? '')
    expect(fields.sort()).toEqual(['', 'lookups[1200].idempotencyKey'])
  })
})

describe('NDJSON', () => {
  it('is answered line by line, in order; a broken line is named and passed over', async () => {
    const api = await start()
    const lines = [
      '{"connectionId":"1","idempotencyKey":"a"}',
      '',
      'nonsense',
      '{"connectionId":"2","conectionId":"2"}',
      '{"connectionId":"3","producer":"erp"}',
      '{"connectionId":"4","idempotencyKey":"a"}',
      `{"connectionId":"${'5'.repeat(16 * 1024)}"}`,
      '{"connectionId":"6"}',
      '{"connectionId":"7","correlationId":""}',
    ]
    const answers = parseLines(
      await stream(
        api,
        lines.map((line) => `${line}\n`),
      ),
    )
    expect(answers).toMatchObject([
      { line: 1, connectionId: '1', isNew: true },
      { line: 3, code: 'invalid-request', error: expect.stringContaining('expected a JSON object') },
      { line: 4, error: expect.stringContaining('connectionId') },
      { line: 5, error: expect.stringContaining('producer: expected crm') },
      { line: 6, code: 'key-conflict' },
      { line: 7, error: expect.stringContaining('bytes') },
      { line: 8, connectionId: '6' },
      { line: 9, error: 'correlationId: expected 1 to 256 characters, got an empty string' },
    ])
    expect((await jobs()).map(({ data }) => data.connectionId).sort()).toEqual(['1', '6'])
  })

  it('answers while it is being sent', async () => {
    const api = await start()
    const sending = open(`${api.url}/v1/lookups`, { method: 'POST', headers: headersOf(crm) })
    let said = ''
    sending.on('response', (answer) => answer.on('data', (data) => (said += data)))
    sending.write('{"connectionId":"1"}\n')
    await until('the first line is answered', () => said.includes('"line":1'))
    sending.write('{"connectionId":"2"}\n')
    await until('the second line is answered', () => said.includes('"line":2'))
    sending.destroy()
    await until('the stream is closed', async () =>
      (await api.ask('GET', '/metrics')).text.includes('chat_enricher_streams_open 0'),
    )
    expect(await jobs()).toHaveLength(2)
  })

  it.each([
    ['breaks off', (socket: Socket) => socket.end()],
    ['goes on as no HTTP', (socket: Socket) => socket.write('zz\r\n') && socket.write('zz\r\n')],
  ])('whose body %s is told up to where all is on the queue, as a part of the answer', async (_, breakOff) => {
    const api = await start()
    const sending = open(`${api.url}/v1/lookups`, { method: 'POST', headers: headersOf(crm) })
    let said = ''
    let isWhole: boolean | null = null
    sending.on('response', (answer) => {
      answer.on('data', (data) => (said += data))
      answer.on('error', () => {})
      answer.on('close', () => (isWhole = answer.complete))
    })
    sending.on('error', () => {})
    sending.write('{"connectionId":"1"}\n')
    await until('the first line is answered', () => said.includes('"line":1'))
    breakOff(sending.socket as Socket)
    await until('it has ended', () => isWhole !== null)
    expect(isWhole).toBe(true)
    expect(parseLines(said).at(-1)).toEqual({
      error: expect.stringMatching(/^expected the body up to its end.*; send the rest again$/),
      code: 'invalid-request',
      acknowledgedThrough: 1,
    })
  })

  it('of fifty thousand loses none', { timeout: 240_000 }, async () => {
    const api = await start()
    const parts = Array.from({ length: 50 }, (_, part) =>
      Array.from({ length: 1000 }, (_, n) => `{"connectionId":"${part}-${n}"}\n`).join(''),
    )
    const answers = parseLines<{ line: number; lookupId?: string }>(await stream(api, parts))
    expect(answers.map(({ line }) => line)).toEqual(Array.from({ length: 50_000 }, (_, n) => n + 1))
    expect(await world.queue(NAMES.lookupQueue).getJobCounts('waiting')).toEqual({ waiting: 50_000 })
  })

  it('says at its end up to where all is on the queue when the API stops', async () => {
    const api = await start()
    const sending = open(`${api.url}/v1/lookups`, { method: 'POST', headers: headersOf(crm) })
    let said = ''
    let ended = false
    sending.on('error', () => {})
    sending.on('response', (answer) => {
      answer.on('data', (data) => (said += data))
      answer.on('close', () => (ended = true))
    })
    sending.write('{"connectionId":"1"}\n')
    await until('the first line is answered', () => said.includes('"line":1'))
    await Promise.all([api.stop(), until('it has ended', () => ended)])
    expect(parseLines(said).at(-1)).toMatchObject({ code: 'stopping', acknowledgedThrough: 1 })
  })
})

function headersOf(token: string) {
  return { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' }
}

/** Sends the parts one after the other, and resolves to all that is answered. */
function stream(api: Api, parts: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const sending = open(`${api.url}/v1/lookups`, { method: 'POST', headers: headersOf(crm) }, (answer) => {
      let said = ''
      answer.on('data', (data) => (said += data))
      answer.on('end', () => resolve(said))
      answer.on('error', reject)
    })
    sending.on('error', reject)
    for (const part of parts) sending.write(part)
    sending.end()
  })
}
