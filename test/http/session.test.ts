import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { useWorld } from '../support/use-world.ts'
import { until } from '../support/world.ts'
import { type Api, startApi, stopAll } from './api.ts'

const world = useWorld()
afterEach(stopAll)

const folder = mkdtempSync(join(tmpdir(), 'chat-enricher-session-'))
afterAll(() => rmSync(folder, { recursive: true }))

const viewer = 'canary-token-of-a-viewer-012345'
const operator = 'canary-token-of-an-operator-0123'
const TOKENS = `a.viewer:view:${viewer},ops:operate:${operator}`
const start = (tokens: Record<string, string> = { API_TOKENS: TOKENS }) =>
  startApi({ REDIS_URL: world.redisUrl, ...tokens })

/** The cookie of a session with this token. */
async function logIn(api: Api, token: string): Promise<string> {
  const { status, headers } = await api.ask('POST', '/session', { body: { token } })
  expect(status).toBe(200)
  return headers.getSetCookie()[0]?.split(';')[0] ?? ''
}

const hold = (api: Api, headers: Record<string, string>) =>
  api.ask('POST', '/v1/holds', { body: { forMs: 1000 }, headers })

describe('a session', () => {
  it('stands for its token, in a cookie that no script can read', async () => {
    const api = await start()
    const begun = await api.ask('POST', '/session', { body: { token: viewer } })
    const [cookie = ''] = begun.headers.getSetCookie()
    expect(cookie).toMatch(/^chat_enricher_session=[^;]+; Path=\/; HttpOnly; SameSite=Strict$/)
    expect(cookie).not.toContain('canary')
    const headers = { cookie: cookie.split(';')[0] ?? '' }
    const { body } = await api.ask('GET', '/session', { headers })
    expect(body).toEqual({ name: 'a.viewer', roles: ['view'], mode: 'session', expiresAt: begun.body.expiresAt })
    expect(Date.parse(body.expiresAt)).toBeGreaterThan(Date.now() + 3_600_000)
    expect((await api.ask('GET', '/v1/status', { headers })).status).toBe(200)
    const site = { ...headers, 'sec-fetch-site': 'same-origin' }
    expect((await hold(api, site)).body.code).toBe('role-missing')
    const ended = await api.ask('DELETE', '/session', { headers: site })
    expect([ended.status, ended.headers.getSetCookie()[0]]).toEqual([
      204,
      expect.stringContaining('chat_enricher_session=;'),
    ])
    expect(api.log()).not.toContain('canary')
  })

  it('is known to every process of the API; one that was changed is not', async () => {
    const [first, second] = [await start(), await start()]
    const cookie = await logIn(first, viewer)
    expect((await second.ask('GET', '/session', { headers: { cookie } })).body.name).toBe('a.viewer')
    const sent = async (changed: string) =>
      (await second.ask('GET', '/session', { headers: { cookie: changed } })).body.code
    expect(await sent(cookie.replace('a.viewer', 'ops'))).toBe('session-ended')
    expect(await sent(cookie.replace(/\.(\d+)\./, (_, end) => `.${Number(end) + 1}.`))).toBe('session-ended')
    expect(await sent(cookie.slice(0, -1))).toBe('session-ended')
    expect(await sent('chat_enricher_session=nonsense')).toBe('session-ended')
    // A token in the request comes before the cookie.
    const both = await second.ask('GET', '/session', {
      token: operator,
      headers: { cookie: 'chat_enricher_session=x' },
    })
    expect(both.body).toMatchObject({ name: 'ops', mode: 'token', expiresAt: null })
  })

  it('changes something only for a page of this site', async () => {
    const api = await start()
    const headers = { cookie: await logIn(api, operator) }
    const { host } = new URL(api.url)
    const code = async (said: Record<string, string>) => (await hold(api, { ...headers, ...said })).body.code
    expect(await code({})).toBe('other-site')
    expect(await code({ 'sec-fetch-site': 'cross-site' })).toBe('other-site')
    expect(await code({ 'sec-fetch-site': 'same-site', origin: api.url })).toBe('other-site')
    expect(await code({ origin: 'http://evil.example' })).toBe('other-site')
    expect(await code({ origin: 'null' })).toBe('other-site')
    expect(await code({ 'sec-fetch-site': 'same-origin' })).toBe('service-unknown')
    expect(await code({ origin: api.url })).toBe('service-unknown')
    expect(await code({ origin: `https://${host}` })).toBe('service-unknown')
    const login = { body: { token: operator }, headers: { 'sec-fetch-site': 'cross-site' } }
    expect((await api.ask('POST', '/session', login)).body.code).toBe('other-site')
  })

  it('with a token of nobody takes its time, and is counted', async () => {
    const api = await start()
    const startedAt = performance.now()
    const { status, body, text } = await api.ask('POST', '/session', { body: { token: 'canary-guess' } })
    expect([status, body.code]).toEqual([401, 'token-unknown'])
    expect(performance.now() - startedAt).toBeGreaterThan(450)
    expect(text + api.log()).not.toContain('canary')
    expect((await api.ask('GET', '/metrics')).text).toMatch(/^chat_enricher_tokens_refused_total 1$/m)
    expect((await api.ask('POST', '/session', { body: { token: '' } })).body.errors[0].field).toBe('token')
  })

  it('ends with its token within five seconds', async () => {
    const file = join(folder, 'tokens')
    writeFileSync(file, TOKENS)
    const api = await start({ API_TOKENS_FILE: file, API_TOKENS: '' })
    const headers = { cookie: await logIn(api, viewer) }
    expect((await api.ask('GET', '/v1/status', { headers })).status).toBe(200)
    writeFileSync(file, `a.viewer:view:another-token-of-that-name,ops:operate:${operator}`)
    const code = async () => (await api.ask('GET', '/v1/status', { headers })).body.code
    await until('the session has ended', async () => (await code()) === 'session-ended', 5000)
  })

  // Fails without: src/http/session.ts: the comparison of endsAt in find
  it('ends after twelve hours', async () => {
    const api = await start()
    const headers = { cookie: await logIn(api, viewer) }
    const codeAfter = async (hours: number) => {
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + hours * 3_600_000 })
      try {
        return (await api.ask('GET', '/session', { headers })).body.code
      } finally {
        vi.useRealTimers()
      }
    }
    expect([await codeAfter(11.9), await codeAfter(12.1)]).toEqual([undefined, 'session-ended'])
  })

  it('is not needed where there are no tokens', async () => {
    const api = await start({})
    const expected = { name: null, mode: 'loopback', expiresAt: null }
    expect((await api.ask('GET', '/session')).body).toMatchObject(expected)
    const begun = await api.ask('POST', '/session', { body: { token: 'any' } })
    expect([begun.body, begun.headers.getSetCookie()]).toMatchObject([expected, []])
    expect((await api.ask('DELETE', '/session')).status).toBe(204)
  })
})
