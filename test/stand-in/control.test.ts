import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type StandIn, type StandInOptions, startStandIn } from '../../src/stand-in/stand-in.ts'
import { ask, firstChunk, JSON_TYPE, openSocket, postId, rawRequest, readToEnd } from './ask.ts'

let standIn: StandIn | undefined
afterEach(async () => {
  await standIn?.close()
  standIn = undefined
})
async function start(options: StandInOptions = {}): Promise<StandIn> {
  standIn = await startStandIn(options)
  return standIn
}
const settings = (to: StandIn, body: string) => ask(to, { method: 'POST', path: '/__faults', headers: JSON_TYPE, body })

describe('what was asked', () => {
  it('can be fetched, added up and forgotten', async () => {
    const service = await start()
    await Promise.all(['a', 'b', 'a'].map((id) => postId(service, id)))
    const got = await ask(service, { path: '/__requests' })
    expect(got.headers['content-type']).toBe('application/x-ndjson')
    const entries = got.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(entries).toEqual(service.requests.all())
    expect(entries[0]).toEqual({
      at: expect.any(Number),
      id: expect.any(String),
      soapVersion: '1.1',
      outcome: 'answer',
      status: 200,
    })
    expect(Math.abs(entries[0].at - Date.now())).toBeLessThan(60_000)
    const stats = JSON.parse((await ask(service, { path: '/__stats' })).text)
    expect(stats).toMatchObject({
      calls: 3,
      byOutcome: { answer: 3 },
      maxInAnySlidingSecond: 3,
      dropped: 0,
      seed: service.seed,
    })
    expect(stats.maxInFlight).toBeGreaterThan(0)
    expect((await ask(service, { method: 'DELETE', path: '/__requests' })).status).toBe(204)
    expect((await ask(service, { path: '/__requests' })).text).toBe('')
  })

  it('streams a long log whole', async () => {
    const service = await start()
    for (let i = 0; i < 5432; i += 1)
      service.requests.push({ at: i, id: `${i}`, soapVersion: '1.2', outcome: 'answer', status: 200 })
    const lines = (await ask(service, { path: '/__requests' })).text.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line).id)).toEqual(Array.from({ length: 5432 }, (_, i) => `${i}`))
  })

  it('goes to a file as well, a line for each', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stand-in-'))
    const requestLog = join(folder, 'requests.ndjson')
    const service = await start({ requestLog })
    await postId(service, 'a')
    await postId(service, 'b')
    const seen = service.requests.all()
    await service.close()
    expect(
      readFileSync(requestLog, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(seen)
    rmSync(folder, { recursive: true })
  })

  it('counts what is in flight at once, and a request that broke off', async () => {
    const service = await start({ faultRate: 1, faults: ['hang'] })
    const sockets = await Promise.all([openSocket(service), openSocket(service), openSocket(service)])
    for (const socket of sockets) socket.write(rawRequest(service, 'x'))
    await service.requests.arrived(3)
    expect(service.requests.stats()).toMatchObject({ inFlight: 3, maxInFlight: 3 })
    const broken = await openSocket(service)
    broken.write(rawRequest(service, 'x').slice(0, -5), () => broken.end())
    await service.requests.arrived(4)
    expect(service.requests.at(3)).toMatchObject({ id: null, soapVersion: null, outcome: 'broken-off', status: null })
  })
})

describe('how it behaves can be changed while it runs', () => {
  it('over HTTP', async () => {
    const service = await start()
    const changed = await settings(service, '{"faultRate":1,"faults":["429"],"latencyMs":[0,1]}')
    expect(JSON.parse(changed.text)).toEqual({
      faultRate: 1,
      faults: ['429'],
      latencyMs: [0, 1],
      retryAfter: '1',
      rules: [],
      outages: [],
      refuse: { responseCode: 9 },
      credentials: null,
      credentialsExpireAfterMs: null,
    })
    expect((await postId(service, 'a')).status).toBe(429)
    await settings(service, '{"faultRate":0}')
    expect((await postId(service, 'a')).status).toBe(200)
    expect(JSON.parse((await ask(service, { path: '/__faults' })).text)).toMatchObject({
      faults: ['429'],
      faultRate: 0,
    })
    await settings(service, '{"faultRate":1,"rules":[{"id":"x","latencyMs":9}],"retryAfter":"7"}')
    const calm = await ask(service, { method: 'DELETE', path: '/__faults' })
    expect(JSON.parse(calm.text)).toMatchObject({ faultRate: 0, latencyMs: 0, rules: [], retryAfter: '1' })
    expect((await postId(service, 'a')).status).toBe(200)
  })

  it.each([
    ['{', /JSON/],
    ['[]', /^the behaviour: expected an object, got a list$/],
    ['{"rate":1}', /^the behaviour: expected one of latencyMs, faultRate, .*, refuse, got "rate"$/],
    ['{"faultRate":2}', /^faultRate: expected a number from 0 to 1, got 2$/],
    ['{"faults":[]}', /^faults: expected a list with one or more of .*503, /],
    ['{"faults":["506"]}', /got \["506"\]$/],
    ['{"latencyMs":[2,1]}', /^latencyMs: expected milliseconds .* got \[2,1\]$/],
    ['{"latencyMs":{"median":0,"p99":1}}', /^latencyMs: expected a median above 0, got /],
    ['{"latencyMs":{"median":5}}', /^latencyMs\.p99: expected a value; it is missing$/],
    ['{"latencyMs":{"mean":5}}', /^latencyMs\.median: expected a value; it is missing$/],
    ['{"retryAfter":20}', /^retryAfter: expected seconds or an HTTP date, as text, got 20$/],
    ['{"rules":{}}', /^rules: expected a list, got \{\}$/],
    ['{"rules":[{"faults":["503"]}]}', /^rules\[0\]\.id: expected a value; it is missing$/],
    ['{"rules":[{"id":"a"},{"id":"("}]}', /^rules\[1\]\.id: expected a regular expression, got "\("$/],
    ['{"rules":[{"id":"a","rate":1}]}', /^rules\[0\]: expected one of id, .*, got "rate"$/],
    ['{"outages":[{"afterMs":0,"faults":["hang"]}]}', /^outages\[0\]\.forMs: expected a value; it is missing$/],
    ['{"outages":[{"afterMs":-1,"forMs":1,"faults":["hang"]}]}', /^outages\[0\]\.afterMs: expected milliseconds/],
    ['{"credentialsExpireAfterMs":"soon"}', /^credentialsExpireAfterMs: expected milliseconds.*got "soon"$/],
    ['{"refuse":401}', /^refuse: expected "401", "client-fault" or .*got 401$/],
    ['{"refuse":{"responseCode":1.5}}', /^refuse\.responseCode: expected a 32-bit integer, got 1\.5$/],
  ])('not to %s', async (body, message) => {
    const got = await settings(await start(), body)
    expect(got.status).toBe(400)
    expect(JSON.parse(got.text).error).toMatch(message)
  })

  it.each([
    '{"credentials":"secret"}',
    '{"credentials":["secret"]}',
    '{"credentials":{"publicKey1":"secret","encryptedUser":["secret"],"encryptedPassword":"p","encryptedSignature":"s"}}',
    '["secret"]',
    '{"credentials":{"publicKey1":"secret',
  ])('and %s is refused without being repeated', async (body) => {
    const got = await settings(await start(), body)
    expect(got.status).toBe(400)
    expect(JSON.parse(got.text).error).toMatch(/expected .*, got /)
    expect(got.text).not.toContain('secret')
  })

  it('not to what is longer than anybody would write', async () => {
    const got = await settings(await start(), JSON.stringify({ retryAfter: 'x'.repeat(2 * 1024 * 1024) }))
    expect([got.status, JSON.parse(got.text).error]).toEqual([400, 'the behaviour: expected 1 MiB or less, got more'])
  })

  it('all of it or, if a part is wrong, nothing', async () => {
    const service = await start()
    expect((await settings(service, '{"faultRate":1,"latencyMs":-1}')).status).toBe(400)
    expect((await postId(service, 'a')).status).toBe(200)
  })

  it('in the process: answers, latency, flavour; but not what was settled at the start', async () => {
    const service = await start()
    service.set({ answers: [{ id: 'a', result: null }], latencyMs: 40, flavour: 'mono' })
    const began = performance.now()
    const got = await postId(service, 'a')
    expect(performance.now() - began).toBeGreaterThanOrEqual(39)
    expect(got.text).toContain('<GetChatRequestByConnectionIdResponse xmlns="http://tempuri.org/" />')
    expect(got.headers.server).toMatch(/^Mono/)
    expect(() => service.set({ port: 1 })).toThrow('port cannot be changed')
    expect(() => service.set({ faultRate: 7 })).toThrow('faultRate: expected a number from 0 to 1, got 7')
  })

  it('says what it does not know', async () => {
    const service = await start()
    expect((await ask(service, { path: '/__nothing' })).status).toBe(404)
    expect((await ask(service, { method: 'PUT', path: '/__stats' })).headers.allow).toBe('GET')
  })
})

describe('start and close', () => {
  it('says where it is', async () => {
    const service = await start({ host: '127.0.0.1' })
    expect(service.origin).toBe(`http://127.0.0.1:${service.port}`)
    expect(service.url).toBe(`${service.origin}/semp/TPClientWebServicesAPI.asmx`)
    const page = await ask(service, { path: '/' })
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(page.text).toContain('href="/semp/TPClientWebServicesAPI.asmx?WSDL"')
    expect(page.text).not.toMatch(/(src|href)="(https?:)?\/\//)
  })

  it('rejects when the port is taken, and for settings that cannot be', async () => {
    const service = await start()
    await expect(startStandIn({ port: service.port })).rejects.toThrow('EADDRINUSE')
    await expect(startStandIn({ faultRate: -1 })).rejects.toThrow('faultRate')
  })

  it('close ends every connection at once: idle, unanswered, half answered', async () => {
    const service = await start({ faultRate: 1, faults: ['hang', 'slow'], seed: 1 })
    const sockets = await Promise.all([openSocket(service), openSocket(service), openSocket(service)])
    const ends = sockets.map(readToEnd)
    sockets[1]?.write(rawRequest(service, 'hang'))
    await service.requests.arrived(1)
    sockets[2]?.write(rawRequest(service, 'slow'))
    await firstChunk(sockets[2] as (typeof sockets)[number])
    service.set({ faultRate: 0, latencyMs: 3_600_000 })
    const late = postId(service, 'late').catch((error: Error) => error)
    await service.requests.arrived(3)
    await service.close()
    await Promise.all(ends)
    expect(await late).toBeInstanceOf(Error)
    await expect(openSocket(service)).rejects.toThrow('ECONNREFUSED')
  })
})

describe('connections', () => {
  /** Sends so many requests on one connection, each after the answer to the one before; gives the heads. */
  async function inARow(service: StandIn, ids: readonly string[]): Promise<string[]> {
    const socket = await openSocket(service)
    const heads: string[] = []
    for (const id of ids) {
      socket.write(rawRequest(service, id))
      heads.push((await firstChunk(socket)).toString().split('\r\n\r\n')[0] ?? '')
    }
    socket.destroy()
    return heads
  }
  const answers = [{ id: 'bad', fault: { code: 'Server' as const, string: 'x' } }]

  it('of IIS stay open, after faults too', async () => {
    const heads = await inARow(await start({ answers }), ['a', 'bad', ...Array<string>(150).fill('b')])
    expect(heads).toHaveLength(152)
    expect(heads.join()).not.toMatch(/connection:|keep-alive/i)
  })

  it('of Mono count down to their end', async () => {
    const heads = await inARow(await start({ flavour: 'mono' }), Array<string>(101).fill('b'))
    expect(heads[0]).toMatch(/Keep-Alive: timeout=15, max=100\r\nConnection: Keep-Alive/)
    expect(heads[99]).toContain('max=1\r\n')
    expect(heads[100]).toContain('Connection: close')
    const [fault] = await inARow(await start({ flavour: 'mono', answers }), ['bad'])
    expect(fault).toContain('Connection: close')
  })
})
