import { networkInterfaces } from 'node:os'
import { afterEach, describe, expect, it } from 'vitest'
import { isLoopback } from '../../src/stand-in/loopback.ts'
import { type StandIn, startStandIn } from '../../src/stand-in/stand-in.ts'
import { ask, askAt, JSON_TYPE, postId } from './ask.ts'

let standIn: StandIn | undefined
afterEach(async () => {
  await standIn?.close()
  standIn = undefined
})
async function start(host?: string): Promise<StandIn> {
  standIn = await startStandIn({ ...(host && { host }) })
  return standIn
}

describe('who is on this machine', () => {
  it.each(['127.0.0.1', '127.9.8.7', '::1', '::ffff:127.0.0.1'])('%s is', (address) =>
    expect(isLoopback(address)).toBe(true),
  )
  it.each(['10.0.0.1', '128.0.0.1', '0.0.0.0', '::', '::ffff:10.0.0.1', 'fe80::1', '::2', '', undefined])(
    '%s is not',
    (address) => expect(isLoopback(address)).toBe(false),
  )
})

const outside = Object.values(networkInterfaces())
  .flat()
  .find((each) => each && !each.internal && each.family === 'IPv4')?.address
const OPERATION_PAGE = '/semp/TPClientWebServicesAPI.asmx?op=GetChatRequestByConnectionId'

// A machine without any network has no other address to come from.
describe.skipIf(outside === undefined)('callers from elsewhere', () => {
  it.each([
    ['GET', '/__requests'],
    ['DELETE', '/__requests'],
    ['GET', '/__stats'],
    ['GET', '/__faults'],
    ['POST', '/__faults'],
    ['DELETE', '/__faults'],
    ['GET', '/__anything'],
  ])('get 403 for %s %s, and change nothing', async (method, path) => {
    const service = await start('0.0.0.0')
    const got = await askAt(outside as string, service, { method, path, body: '{"faultRate":1}' })
    expect(got.status).toBe(403)
    expect(got.headers['content-type']).toBe('application/json')
    expect(JSON.parse(got.text).error).toBe(
      `${path}: expected a caller on this machine (127.0.0.0/8 or ::1), got ${outside}`,
    )
    expect(JSON.parse((await ask(service, { path: '/__faults' })).text)).toMatchObject({ faultRate: 0 })
  })

  it('are not offered the test form, nor what it calls', async () => {
    const service = await start('0.0.0.0')
    const page = await askAt(outside as string, service, { path: OPERATION_PAGE })
    expect(page.text).toContain('The test form is only available for requests from the local machine.')
    expect(page.text).not.toMatch(/<form|HTTP POST/)
    const called = await askAt(outside as string, service, form(fields('1')))
    expect(called.status).toBe(500)
    expect(called.text).toContain("unexpectedly ending in '/GetChatRequestByConnectionId'.")
  })
})

describe('a page in a browser on this machine', () => {
  const DOORS: [method: string, path: string][] = [
    ['GET', '/__requests'],
    ['DELETE', '/__requests'],
    ['GET', '/__stats'],
    ['GET', '/__faults'],
    ['POST', '/__faults'],
    ['DELETE', '/__faults'],
  ]
  const STRANGERS: [why: string, headers: Record<string, string>][] = [
    ['of another site', { origin: 'https://evil.example' }],
    ['of another port', { origin: 'http://127.0.0.1:1' }],
    ['of no origin', { origin: 'null' }],
    ['by a link or a script of another site', { 'sec-fetch-site': 'cross-site' }],
    ['of a neighbour', { 'sec-fetch-site': 'same-site' }],
    ['whose name points to this machine', { host: 'evil.example' }],
    ['whose name begins like an address', { host: '127.0.0.1.evil.example:8081' }],
    ['whose name ends like ours', { host: 'evil.localhost.example' }],
    ['whose name points here, by its own origin', { host: 'evil.example:8081', origin: 'http://evil.example:8081' }],
  ]

  it.each(STRANGERS)('%s gets 403 at every door, and changes nothing', async (_, headers) => {
    const service = await start()
    await postId(service, '1')
    for (const [method, path] of DOORS) {
      const got = await ask(service, { method, path, headers: { ...JSON_TYPE, ...headers }, body: '{"faultRate":1}' })
      expect([path, got.status, got.text.includes('"id"')]).toEqual([path, 403, false])
    }
    expect(service.requests.all()).toHaveLength(1)
    expect(JSON.parse((await ask(service, { path: '/__faults' })).text)).toMatchObject({ faultRate: 0 })
  })

  it('of ours is let in, by any name of this machine', async () => {
    const service = await start()
    for (const name of ['localhost', '127.0.0.1', '[::1]', 'LOCALHOST', '127.9.9.9']) {
      const host = `${name}:${service.port}`
      const headers = { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }
      expect((await ask(service, { path: '/__stats', headers })).status).toBe(200)
      expect((await ask(service, { path: '/__faults', method: 'DELETE', headers })).status).toBe(200)
    }
  })

  it.each(['', 'text/plain', 'application/x-www-form-urlencoded', 'text/json', 'application/jsonx'])(
    'cannot change it by a form or a blob: content type %j gets 415',
    async (type) => {
      const service = await start()
      const headers: Record<string, string> = type === '' ? {} : { 'content-type': type }
      const got = await ask(service, { method: 'POST', path: '/__faults', headers, body: '{"faultRate":1}' })
      expect([got.status, JSON.parse(got.text).error]).toEqual([
        415,
        "/__faults: expected the header 'Content-Type: application/json', got another",
      ])
      expect(JSON.parse((await ask(service, { path: '/__faults' })).text)).toMatchObject({ faultRate: 0 })
    },
  )
})

describe('a regular expression that takes for ever', () => {
  it.each(['^(a|a)*b', '(a+)+$', '(.*a){25}b', '(?:(?:a{0,99}){0,99}){0,99}b'])(
    '%s is switched off after a second, and all others are answered and match as before',
    async (id) => {
      const service = await start()
      const rules = [
        { id: '^good$', faults: ['401'] },
        { id, faults: ['403'] },
        { id: '^last$', faults: ['404'] },
      ] as const
      service.set({ rules: rules.map((rule) => ({ ...rule, faults: [...rule.faults] })) })
      const long = `${'a'.repeat(60)}!`
      expect((await postId(service, long)).status).toBe(200)
      expect((await postId(service, long)).status).toBe(200)
      expect((await postId(service, 'good')).status).toBe(401)
      expect((await postId(service, 'last')).status).toBe(404)
    },
  )
})

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((each) => each?.address === '::1')

describe.skipIf(!hasIpv6)('callers over IPv6 that carries IPv4', () => {
  it('are on this machine too', async () => {
    const service = await start('::ffff:127.0.0.1')
    expect((await ask(service, { path: '/__stats' })).status).toBe(200)
  })
})

const fields = (id: string) => ({
  PublicKey1: 'k',
  EncryptedUser: 'u',
  EncryptedPassword: 'p',
  EncryptedSignature: 's',
  ChatConnectionIDBD: id,
})
const form = (values: Record<string, string>, type = 'application/x-www-form-urlencoded') => ({
  method: 'POST',
  path: '/semp/TPClientWebServicesAPI.asmx/GetChatRequestByConnectionId',
  headers: { 'content-type': type },
  body: new URLSearchParams(values).toString(),
})

describe('the test form, for local callers', () => {
  it('is on the operation page, asks for each parameter, and posts to where it is answered', async () => {
    const service = await start()
    const { text } = await ask(service, { path: OPERATION_PAGE })
    expect(text).not.toContain('only available for requests from the local machine')
    expect([...text.matchAll(/<input class="frmInput"[^>]*name="(\w+)"/g)].map(([, name]) => name)).toEqual(
      Object.keys(fields('')),
    )
    const action = /<form target="_blank" action="([^"]*)" method="POST">/.exec(text)?.[1]
    expect(action).toBe(`${service.url}/GetChatRequestByConnectionId`)
    expect(text).toContain('The following is a sample HTTP POST request and response.')
  })

  it('gets the result alone, without an envelope, and is in the log', async () => {
    const service = await start()
    service.set({ answers: [{ id: 'José & 1', result: { response: { responseCode: 7 } } }] })
    const got = await ask(service, form(fields('José & 1')))
    expect([got.status, got.headers['content-type']]).toEqual([200, 'text/xml; charset=utf-8'])
    expect(got.text).toMatch(/^<\?xml version="1.0" encoding="utf-8"\?>\r\n<ChatRequestResult xmlns:xsi=/)
    expect(got.text).toMatch(
      / xmlns="http:\/\/tempuri.org\/"><response><responseCode>7<\/responseCode><\/response><\/ChatRequestResult>$/,
    )
    expect(service.requests.at(-1)).toMatchObject({ id: 'José & 1', outcome: 'answer', soapVersion: null })
    service.set({ answers: [{ id: '1', result: null }] })
    expect((await ask(service, form(fields('1')))).text).toContain('xsi:nil="true"')
  })

  it('is told what is missing, what failed, and that credentials are wrong', async () => {
    const service = await start()
    const { EncryptedUser: _, ...rest } = fields('1')
    const missing = await ask(service, form(rest))
    expect([missing.status, missing.headers['content-type']]).toEqual([500, 'text/plain; charset=utf-8'])
    expect(missing.text).toBe('Missing parameter: EncryptedUser.\r\n')
    service.set({ answers: [{ id: '1', fault: { code: 'Server', string: 'down' } }] })
    expect((await ask(service, form(fields('1')))).text).toBe('down\r\n')
    service.set({ credentialsExpireAfterMs: 0 })
    expect((await ask(service, form(fields('1')))).text).toContain('<responseCode>9</responseCode>')
  })

  it('is all that there is behind .asmx: another type, another name, another verb are not', async () => {
    const service = await start()
    const { path } = form({})
    expect((await ask(service, form(fields('1'), 'application/json'))).status).toBe(500)
    expect((await ask(service, { ...form(fields('1')), path: `${path}x` })).status).toBe(500)
    expect((await ask(service, { path: `${path}?ChatConnectionIDBD=1` })).status).toBe(500)
  })
})
