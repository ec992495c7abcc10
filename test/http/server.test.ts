import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { start } from '../cli/started.ts'
import { run } from '../support/in-process.ts'
import { useWorld } from '../support/use-world.ts'
import { until } from '../support/world.ts'
import { send, startApi, stopAll } from './api.ts'

const world = useWorld()
afterEach(stopAll)

const folder = mkdtempSync(join(tmpdir(), 'chat-enricher-api-'))
afterAll(() => rmSync(folder, { recursive: true }))

const TOKENS = 'looker:view:canary-token-of-a-looker,crm:enqueue:canary-token-of-the-crm'

describe('without tokens', () => {
  it('refuses what a page of another site makes a browser on this machine send', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl })
    const status = async (headers: Record<string, string>) => {
      const answer = await api.ask('GET', '/v1/status', { headers })
      return [answer.status, answer.body.code]
    }
    expect(await status({ 'sec-fetch-site': 'cross-site' })).toEqual([403, 'other-site'])
    expect(await status({ 'sec-fetch-site': 'same-site' })).toEqual([403, 'other-site'])
    expect(await status({ origin: 'https://evil.example' })).toEqual([403, 'other-site'])
    expect(await status({ origin: 'null' })).toEqual([403, 'other-site'])
    expect((await status({ origin: api.url, 'sec-fetch-site': 'same-origin' }))[0]).toBe(200)
    expect((await status({ 'sec-fetch-site': 'none' }))[0]).toBe(200)
  })

  it('refuses a name that a web site may have pointed to this machine', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl })
    expect(await asked(api.url, 'GET /v1/status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1.1 403 [\s\S]*host-not-loopback/,
    )
    expect(await asked(api.url, 'GET /v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1.1 200 /,
    )
  })
})

describe('with tokens', () => {
  it('asks for one, and for its role; a token of nobody takes its time and is counted', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl, API_TOKENS: TOKENS })
    const none = await api.ask('GET', '/v1/status')
    expect([none.status, none.body.code, none.headers.get('www-authenticate')]).toEqual([
      401,
      'token-missing',
      'Bearer realm="chat-enricher"',
    ])
    const startedAt = performance.now()
    const guess = await api.ask('GET', '/v1/status', { token: 'canary-guess' })
    expect([guess.status, guess.body.code]).toEqual([401, 'token-unknown'])
    expect(performance.now() - startedAt).toBeGreaterThan(450)
    const other = await api.ask('GET', '/v1/status', { token: 'canary-token-of-the-crm' })
    expect([other.status, other.body.code]).toEqual([403, 'role-missing'])
    expect((await api.ask('GET', '/v1/status', { token: 'canary-token-of-a-looker' })).status).toBe(200)
    expect((await api.ask('GET', '/metrics')).text).toMatch(/^chat_enricher_tokens_refused_total 1$/m)
  })

  it('refuses a flood of guesses at once, while right tokens are heard', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl, API_TOKENS: TOKENS })
    const guess = 'GET /v1/status HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer guess\r\n\r\n'
    const flood = (size: number) => Array.from({ length: size }, () => asked(api.url, guess.repeat(10)))
    let sent = 0
    await until('somebody is refused at once', async () => {
      const guesses = flood(100)
      sent += guesses.length
      expect((await api.ask('GET', '/v1/status', { token: 'canary-token-of-a-looker' })).status).toBe(200)
      const statuses = (await Promise.all(guesses)).map(statusesIn)
      // What has been sent on the connection behind a guess is not looked at.
      for (const own of statuses) expect([['401'], ['429']]).toContainEqual(own)
      expect(statuses.filter(([status]) => status === '401').length).toBeGreaterThanOrEqual(50)
      return statuses.some(([status]) => status === '429')
    })
    const { text: metrics } = await api.ask('GET', '/metrics')
    expect(metrics).toMatch(new RegExp(`^chat_enricher_tokens_refused_total ${sent}$`, 'm'))
  })

  it('answers what one connection asks one after the other, and keeps only so much of it', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl })
    const ask = (path: string, rest = '') => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${rest}\r\n`
    const mixed = ['/v1/status', '/nothing', '/livez', '/v1/activity']
      .map((path) => ask(path))
      .join('')
      .repeat(4)
    const all = await asked(api.url, mixed + ask('/livez', 'Connection: close\r\n'))
    expect(statusesIn(all)).toEqual([...Array.from({ length: 4 }, () => ['200', '404', '200', '200']).flat(), '200'])
    // Whoever sends more than it keeps is cut.
    const cut = await asked(api.url, ask('/v1/status').repeat(600)).catch(({ code }) => code)
    expect(['ECONNRESET', '']).toContain(cut)
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
    let heard = ''
    socket.on('data', (data) => {
      heard += data
    })
    for (let turn = 1; turn <= 4; turn++) {
      socket.write(ask('/livez').repeat(10))
      await until('all of the turn are answered', async () => statusesIn(heard).length === 10 * turn)
    }
    socket.destroy()
  })

  it('shows its description to whoever has a token, and to nobody else', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl, API_TOKENS: TOKENS })
    for (const path of ['/openapi.json', '/docs/', '/docs/static/swagger-ui.css', '/nothing']) {
      expect((await send(api.url, 'GET', path)).status, path).toBe(401)
    }
    const token = 'canary-token-of-the-crm'
    expect((await send(api.url, 'GET', '/docs/', { token })).text).toContain('Swagger UI')
    expect((await send(api.url, 'GET', '/nothing', { token })).body.code).toBe('route-unknown')
    for (const path of ['/livez', '/readyz', '/metrics'])
      expect([200, 503]).toContain((await send(api.url, 'GET', path)).status)
  })

  it('counts a changed file within five seconds', async () => {
    const file = join(folder, 'tokens')
    writeFileSync(file, 'looker:view:canary-first\n')
    const env = { API_PORT: '0', REDIS_URL: world.redisUrl, API_TOKENS_FILE: file, LOG_FORMAT: 'json' }
    const api = start(['api'], env)
    const [, url = ''] = await api.says(/"url":"([^"]+)"/)
    const status = async (token: string) => (await send(url, 'GET', '/v1/status', { token })).status
    expect(await status('canary-first')).toBe(200)
    writeFileSync(file, 'looker:view:canary-second\n')
    await until('the second token counts', async () => (await status('canary-second')) === 200, 5000)
    expect(await status('canary-first')).toBe(401)
    expect(api.stderr()).toContain('"msg":"GET /v1/status 200"')
    expect(api.stderr()).toContain('"easilyGuessed":["looker"]')
    expect(api.stderr()).not.toContain('canary')
    api.child.kill('SIGTERM')
    expect(await api.ended).toEqual({ code: 0, signal: null })
  })

  it('has a limit of requests for each', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl, API_TOKENS: TOKENS, API_REQUESTS_PER_SECOND: '5' })
    const token = 'canary-token-of-a-looker'
    const answers = await Promise.all(Array.from({ length: 12 }, () => api.ask('GET', '/v1/status', { token })))
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThan(0)
    expect(refused[0]?.body.code).toBe('too-many-requests')
    expect(refused[0]?.headers.get('retry-after')).toBe('1')
    // Another token has its own, and the probes have none.
    expect((await api.ask('GET', '/v1/status', { token: 'canary-token-of-the-crm' })).status).toBe(403)
    expect((await api.ask('GET', '/livez')).status).toBe(200)
  })
})

describe('a request that is none', () => {
  it('is a problem, whatever is wrong with it', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl })
    const holds = async (raw: string | Uint8Array, type = 'application/json') => {
      const { status, body } = await api.ask('POST', '/v1/holds', { raw, headers: { 'content-type': type } })
      return [status, body.code]
    }
    expect(await holds('{')).toEqual([400, 'invalid-json'])
    expect(await holds('')).toEqual([400, 'invalid-json'])
    expect(await holds('[]')).toEqual([400, 'invalid-request'])
    expect(await holds(Buffer.from([0x7b, 0xff, 0x7d]))).toEqual([400, 'invalid-json'])
    expect(await holds('a', 'text/plain')).toEqual([415, 'media-type-unknown'])
    expect(await holds(`{"reason":"${'a'.repeat(1_048_577)}"}`)).toEqual([413, 'body-too-large'])
    expect(await asked(api.url, 'nothing\r\n\r\n')).toMatch(/^HTTP\/1.1 400 [\s\S]*"code":"invalid-request"/)
    for (const path of ['/v1/%zz', '/v1/lookups/%ff', `/v1/lookups/${'a'.repeat(1100)}`]) {
      const { status, body, text: said } = await send(api.url, 'GET', path)
      expect([status, body?.code, said.includes(path)]).toEqual([400, 'invalid-request', false])
    }
    const packed = { raw: '{}', headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } }
    const { status, body } = await api.ask('POST', '/v1/holds', packed)
    expect([status, body.code]).toEqual([415, 'media-type-unknown'])
  })

  it('may say that it sends JSON, and send none, where no body is needed; a field of one is named', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl, SOAP_ENDPOINT: 'http://127.0.0.1:1/' })
    const asked = async (method: string, path: string, raw: string, type = 'application/json') => {
      const { status, body } = await api.ask(method, path, { raw, headers: { 'content-type': type } })
      return [status, body?.code, body?.detail].filter((word) => word !== undefined)
    }
    for (const path of ['/v1/limit', '/v1/holds']) {
      const [status, ...problem] = await asked('DELETE', path, '')
      expect([path, status, problem]).toEqual([path, 200, []])
      expect(await asked('DELETE', path, '{}')).toEqual([200])
      expect(await asked('DELETE', path, '{"zz":1}')).toEqual([400, 'invalid-request', 'zz: there is no such field'])
    }
    expect(await asked('DELETE', '/session', '')).toEqual([204])
    expect((await asked('POST', '/v1/lookups/lk-none/show', ''))[1]).toBe('lookup-unknown')
    expect((await asked('POST', '/v1/lookups/lk-none/show', '[1]'))[2]).toBe('body: expected none, got one')
    expect((await asked('POST', '/nothing', '{"zz":1}'))[0]).toBe(404)
    for (const path of ['/v1/holds', '/v1/forget', '/v1/lookups/lk-none/show'])
      expect((await asked('POST', path, '{}\n', 'application/x-ndjson')).slice(0, 2)).toEqual([
        415,
        'media-type-unknown',
      ])
  })

  it('may ask a path by a method that it does not take: the answer says which it takes', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl })
    const allowed = async (method: string, path: string) => {
      const { status, headers, body } = await api.ask(method, path)
      return [status, body?.code, headers.get('allow')]
    }
    const not = (...methods: string[]) => [405, 'method-not-allowed', methods.join(', ')]
    expect(await allowed('DELETE', '/v1/status')).toEqual(not('GET', 'HEAD'))
    expect(await allowed('PATCH', '/v1/limit?x=1')).toEqual(not('DELETE', 'GET', 'HEAD', 'PUT'))
    expect(await allowed('OPTIONS', '/v1/lookups')).toEqual(not('GET', 'HEAD', 'POST'))
    expect(await allowed('PUT', '/v1/lookups/lk-1')).toEqual(not('GET', 'HEAD'))
    expect(await allowed('PUT', '/v1/lookups/lk-1/show')).toEqual(not('POST'))
    expect(await allowed('POST', '/metrics')).toEqual(not('GET', 'HEAD'))
    expect(await allowed('PUT', '/v1/lookups/lk-1/none')).toEqual([404, 'route-unknown', null])
    const head = async (path: string) => {
      const answer = await fetch(api.url + path, { method: 'HEAD' })
      return [answer.status, await answer.text()]
    }
    expect(await head('/v1/status')).toEqual([200, ''])
    expect(await head('/nothing')).toEqual([404, ''])
    // Without an end there is no head of it.
    expect(await head('/v1/live')).toEqual([405, ''])
    expect(await head('/v1/results/stream')).toEqual([405, ''])
  })

  it('names a parameter that the route does not have, and what is wrong with one that it has', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl })
    const problem = async (path: string) => (await api.ask('GET', path)).body.detail
    expect(await problem('/v1/status?x=1')).toBe('x: there is no such field')
    expect(await problem('/v1/activity?limit=0')).toBe('limit: expected at least 1, got something else')
    expect(await problem('/v1/activity?limit=')).toMatch(/^limit: expected how many entries.*, got nothing$/)
    expect(await problem('/v1/activity?limit=1&limit=2')).toMatch(/^limit: expected a string, got several$/)
    const limit = async (body: unknown) => (await api.ask('PUT', '/v1/limit', { body })).body.detail
    expect(await limit({ burst: 0 })).toBe('burst: expected at least 1, got less')
    expect(await limit({ burst: 1e6 })).toBe('burst: expected at most 100000, got more')
    const cancel = async (lookupIds: string[]) =>
      (await api.ask('POST', '/v1/lookups/cancel', { body: { lookupIds } })).body.detail
    expect(await cancel([])).toBe('lookupIds: expected at least 1, got an array of 0')
    expect(await cancel([''])).toBe('lookupIds[0]: expected at least 1 character, got an empty string')
  })

  it('is cut off by whoever sent it: that is no mistake of ours', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl })
    const head =
      'Host: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n'
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
    socket.write(`POST /v1/lookups HTTP/1.1\r\n${head}`)
    socket.once('data', () => socket.destroy()) // 100 Continue: it is there
    await once(socket, 'close')
    for (let later = 0; later < 3; later++) await api.ask('GET', '/v1/status')
    expect(api.log()).not.toContain('a mistake of ours')
  })

  it('is too large in its head', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl })
    const said = await asked(
      api.url,
      `GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Canary: ${'a'.repeat(17_000)}\r\n\r\n`,
    )
    expect(said).toMatch(/^HTTP\/1.1 431 [\s\S]*"code":"head-too-large"/)
  })

  it('spoils no answer to what was asked before it on its connection', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl })
    const body = '{"connectionId":"1"}'
    const head = `POST /v1/lookups?wait=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
    const said = await asked(api.url, `${head}${body}nothing\r\n\r\n`)
    expect([statusesIn(said), /"isNew":true\}$/.test(said)]).toEqual([['202'], true])
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
    let heard = ''
    socket.on('data', (data) => {
      heard += data
    })
    socket.write('GET /v1/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
    await until('the stream has begun', () => heard.includes('event: status'))
    socket.write('nothing\r\n\r\n')
    await once(socket, 'close')
    expect(statusesIn(heard)).toEqual(['200'])
  })

  it('may expect what nobody knows', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl })
    const head = 'Host: 127.0.0.1\r\nExpect: canary\r\nConnection: close\r\n\r\n'
    expect(await asked(api.url, `GET /v1/status HTTP/1.1\r\n${head}`)).toMatch(/^HTTP\/1.1 200 /)
  })

  it('never shows what it held', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl })
    const body = { reason: 'canary\n', forMs: 'canary', canaryField: 1 }
    const { text: said } = await api.ask('POST', '/v1/holds?x=1', { body, headers: { 'x-canary': 'canary' } })
    expect(said.replace('canaryField', '')).not.toContain('canary')
    expect(api.log()).not.toContain('canary')
  })
})

describe('without Redis', () => {
  it('answers 503 within three seconds, and is there again with it', async () => {
    const api = await startApi({ REDIS_URL: 'redis://127.0.0.1:1' })
    const { status, body, headers } = await api.ask('GET', '/v1/status')
    expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'redis-unavailable', '2'])
    expect((await api.ask('GET', '/readyz')).body).toMatchObject({ ready: false })
    expect((await api.ask('GET', '/livez')).status).toBe(200)
    expect((await api.ask('GET', '/metrics')).text).toContain('chat_enricher_redis_up 0')
  })
})

describe('the command', () => {
  it('refuses to listen beyond this machine without tokens', async () => {
    const { code, stderr } = await run(['api', '--api-host', '0.0.0.0'])
    expect(code).toBe(78)
    expect(stderr).toContain('API_HOST: expected 127.0.0.1')
  })

  it('says which variable names a port that somebody else has', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl })
    const { port } = new URL(api.url)
    const { code, stderr } = await run(['api'], { REDIS_URL: world.redisUrl, API_PORT: port })
    expect(code).toBe(1)
    expect(stderr).toContain(`API_PORT: expected a free port (0: any), got ${port}, which is in use`)
  })
})

function statusesIn(answers: string): string[] {
  return [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status = '']) => status)
}

/** What a server says to these bytes. */
async function asked(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write(bytes)
  return text(socket)
}
