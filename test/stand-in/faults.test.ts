import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FAULT_KINDS, type FaultKind, type StandIn, startStandIn } from '../../src/stand-in/stand-in.ts'
import { envelope12, firstChunk, lookup, openSocket, post, postBare, postId, rawRequest, readToEnd } from './ask.ts'

const CUSTOMER = 'Zuleica'
const answers = [{ id: '1', result: { ChatRequest: { IdRequest: 5, UserName: CUSTOMER, UserLastName: 'Sá' } } }]

let standIn: StandIn
beforeAll(async () => {
  standIn = await startStandIn({ answers, faultRate: 1 })
})
afterAll(() => standIn.close())
beforeEach(() => standIn.requests.clear())

const tested = new Set<FaultKind>()
function faulty(kind: FaultKind, test: () => Promise<void>): void {
  tested.add(kind)
  it(kind, async () => {
    standIn.set({ faults: [kind] })
    await test()
    expect(logged()?.outcome).toBe(kind)
  })
}
const logged = () => standIn.requests.at(0)
const html = 'text/html; charset=utf-8'

describe('IIS and what stands before it', () => {
  faulty('503', async () => {
    const got = await postId(standIn, '1')
    expect([got.status, got.headers['content-type'], got.headers['retry-after']]).toEqual([503, html, undefined])
    expect(got.text).toContain('Service Unavailable')
    expect(got.text).toContain(CUSTOMER)
    expect(logged()).toMatchObject({ id: '1', soapVersion: '1.1', status: 503 })
  })
  faulty('503-retry-after', async () => {
    const got = await postId(standIn, '1')
    expect([got.status, got.headers['retry-after']]).toEqual([503, '1'])
    standIn.set({ retryAfter: 'Wed, 21 Oct 2026 07:28:00 GMT' })
    expect((await postId(standIn, '1')).headers['retry-after']).toBe('Wed, 21 Oct 2026 07:28:00 GMT')
    standIn.set({ retryAfter: '1' })
  })
  faulty('429', async () => {
    const got = await postId(standIn, '1')
    expect([got.status, got.headers['retry-after']]).toEqual([429, '1'])
    expect(got.text).toContain(CUSTOMER)
  })
  faulty('401', async () => {
    const got = await postId(standIn, '1')
    expect([got.status, got.headers['www-authenticate']]).toEqual([401, 'Negotiate, NTLM'])
    expect(got.text).toContain(CUSTOMER)
  })
  faulty('400', async () => {
    const got = await postId(standIn, '1')
    expect([got.status, got.text, got.headers['content-type']]).toEqual([400, '', 'text/xml; charset=utf-8'])
  })
  faulty('403', async () => {
    const got = await postId(standIn, '1')
    expect([got.status, got.headers['content-type']]).toEqual([403, html])
    expect(got.text).toContain(CUSTOMER)
  })
  faulty('404', async () => expect((await postId(standIn, '1')).status).toBe(404))
  faulty('405', async () => {
    const got = await postId(standIn, '1')
    expect([got.status, got.headers['content-type'], got.headers.allow]).toEqual([
      405,
      html,
      'GET, HEAD, OPTIONS, TRACE',
    ])
  })
  faulty('415', async () => {
    const got = await postBare(standIn, envelope12(lookup('1')), 'application/soap+xml')
    expect([got.status, got.text]).toEqual([415, ''])
    expect(got.headers['content-type']).toBe('application/soap+xml; charset=utf-8')
  })
  faulty('redirect', async () => {
    const got = await postId(standIn, '1')
    expect(got.status).toBe(302)
    expect(got.headers.location).toMatch(/^\/semp\/login\.aspx\?/)
    expect(got.text).toContain('Object moved')
  })
  faulty('html', async () => {
    const got = await postId(standIn, '1')
    expect([got.status, got.headers['content-type']]).toEqual([200, html])
    expect(got.text).toContain('type="password"')
    expect(got.text).toContain(CUSTOMER)
  })
  faulty('500-html', async () => {
    const got = await postId(standIn, '1')
    expect([got.status, got.headers['content-type']]).toEqual([500, html])
    expect(got.text).toContain("Server Error in '/semp' Application.")
    expect(got.text).toContain(CUSTOMER)
  })
})

describe('SOAP faults, in the version of the request', () => {
  faulty('server-fault', async () => {
    const old = await postId(standIn, '1')
    expect([old.status, old.headers['content-type']]).toEqual([500, 'text/xml; charset=utf-8'])
    expect(old.text).toContain('<faultcode>soap:Server</faultcode>')
    expect(old.text).toContain(CUSTOMER)
    const now = await postBare(standIn, envelope12(lookup('1')), 'application/soap+xml')
    expect(now.text).toContain('<soap:Value>soap:Receiver</soap:Value>')
  })
  faulty('client-fault', async () => {
    const got = await postId(standIn, '1')
    expect(got.status).toBe(500)
    expect(got.text).toContain('<faultcode>soap:Client</faultcode>')
    expect(got.text).toContain(CUSTOMER)
  })
})

describe('everybody is refused', () => {
  faulty('denied', async () => {
    expect((await postId(standIn, '1')).text).toContain('<responseCode>9</responseCode>')
    standIn.set({ refuse: { responseCode: -12 } })
    const inBand = await postId(standIn, '1')
    expect(inBand.status).toBe(200)
    expect(inBand.text).toContain('<responseCode>-12</responseCode>')
    expect(inBand.text).not.toContain('ChatRequest>')
    standIn.set({ refuse: '401' })
    expect((await postId(standIn, '1')).status).toBe(401)
    standIn.set({ refuse: 'client-fault' })
    expect((await postId(standIn, '1')).text).toContain('<faultcode>soap:Client</faultcode>')
    standIn.set({ refuse: { responseCode: 9 } })
  })
})

describe('the network', () => {
  faulty('hang', async () => {
    const socket = await openSocket(standIn)
    let bytes = 0
    socket.on('data', (chunk) => {
      bytes += chunk.length
    })
    socket.write(rawRequest(standIn, '1'))
    await standIn.requests.arrived(1)
    // Another request is answered while this one is not; and this one holds until its caller gives up.
    standIn.set({ faultRate: 0 })
    expect((await postId(standIn, '2')).status).toBe(200)
    standIn.set({ faultRate: 1 })
    expect([bytes, socket.readyState, standIn.requests.stats().inFlight]).toEqual([0, 'open', 1])
    expect(logged()).toMatchObject({ status: null })
    socket.destroy()
  })
  faulty('reset', async () => {
    const socket = await openSocket(standIn)
    socket.write(rawRequest(standIn, '1'))
    expect(await readToEnd(socket)).toEqual({ text: '', reset: true })
    expect(logged()).toMatchObject({ status: null })
  })
  faulty('reset-midway', async () => {
    const socket = await openSocket(standIn)
    socket.write(rawRequest(standIn, '1'))
    const { text, reset } = await readToEnd(socket)
    const [head = '', body = ''] = text.split('\r\n\r\n')
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(Buffer.byteLength(body)).toBe(Number(/content-length: (\d+)/i.exec(head)?.[1]) >> 1)
    expect(reset).toBe(true)
    expect(logged()).toMatchObject({ status: 200 })
  })
  faulty('slow', async () => {
    const socket = await openSocket(standIn)
    socket.write(rawRequest(standIn, '1'))
    expect((await firstChunk(socket)).toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n<?$/s)
    expect((await firstChunk(socket)).length).toBe(1)
    expect((await firstChunk(socket)).length).toBe(1)
    socket.destroy()
  })
  faulty('slow-headers', async () => {
    const socket = await openSocket(standIn)
    socket.write(rawRequest(standIn, '1'))
    expect((await firstChunk(socket)).toString()).toBe('H')
    expect((await firstChunk(socket)).toString()).toBe('T')
    socket.destroy()
  })
  const cutOff = async () => {
    const socket = await openSocket(standIn)
    socket.write(rawRequest(standIn, '1'))
    const { text } = await readToEnd(socket)
    const [head = '', body = ''] = text.split('\r\n\r\n')
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    return { head: head.toLowerCase(), body }
  }
  faulty('truncated', async () => {
    const { head, body } = await cutOff()
    const promised = Number(/content-length: (\d+)/.exec(head)?.[1])
    expect(Buffer.byteLength(body)).toBe(promised >> 1)
    await expect(postId(standIn, '1')).rejects.toThrow('aborted')
  })
  faulty('truncated-chunked', async () => {
    const { head, body } = await cutOff()
    expect(head).toContain('transfer-encoding: chunked')
    expect(body).not.toContain('\r\n0\r\n')
    await expect(postId(standIn, '1')).rejects.toThrow('aborted')
  })
  faulty('truncated-close', async () => {
    const { head, body } = await cutOff()
    expect(head).not.toMatch(/content-length|transfer-encoding/)
    expect(body).not.toContain('</soap:Envelope>')
    // Nothing in HTTP tells it from a whole answer.
    expect((await postId(standIn, '1')).text).toBe(body)
  })
})

describe('answers that are none', () => {
  faulty('garbage', async () => {
    const got = await postId(standIn, '1')
    expect([got.status, got.headers['content-type']]).toEqual([200, 'text/xml; charset=utf-8'])
    expect(got.text).toContain(`<UserName>${CUSTOMER} Sá</UserNam`)
    // The stand-in's own reader refuses it when it is sent back as a request.
    standIn.set({ faultRate: 0 })
    const judged = await post(standIn, got.text)
    standIn.set({ faultRate: 1 })
    expect(judged.status).toBe(400)
  })
  faulty('empty', async () => {
    const got = await postId(standIn, '1')
    expect([got.status, got.text, got.headers['content-length']]).toEqual([200, '', '0'])
  })
  faulty('too-large', async () => {
    const got = await postId(standIn, '1')
    expect(got.status).toBe(200)
    expect(got.bytes.length).toBeGreaterThan(4_000_000)
    expect(got.text).toContain(CUSTOMER)
    expect(got.text.endsWith('</soap:Envelope>')).toBe(true)
  })
  faulty('dtd', async () => {
    const { text } = await postId(standIn, '1')
    expect(text).toContain(`<!DOCTYPE soap:Envelope [<!ENTITY lol0 "${CUSTOMER} Sá"><!ENTITY lol1 "&lol0;`)
    expect(text).toContain('<UserName>&lol9;</UserName>')
  })
  faulty('gzip', async () => {
    const got = await postId(standIn, '1')
    expect(got.headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(got.bytes).toString()).toContain(`<UserName>${CUSTOMER}</UserName>`)
  })
  faulty('gzip-bomb', async () => {
    const got = await postId(standIn, '1')
    expect(got.headers['content-encoding']).toBe('gzip')
    expect(got.bytes.length).toBeLessThan(100_000)
    expect(gunzipSync(got.bytes).length).toBeGreaterThan(50_000_000)
  })
})

describe('the table of kinds', () => {
  it('has a test for each', () => expect([...tested].sort()).toEqual([...FAULT_KINDS].sort()))

  it('is gone through in turn', async () => {
    standIn.set({ faults: ['503', '429', 'empty'], seed: 1 })
    const statuses: number[] = []
    for (let i = 0; i < 6; i += 1) statuses.push((await postId(standIn, '1')).status)
    expect(statuses).toEqual([503, 429, 200, 503, 429, 200])
  })

  it('strikes the share asked for, and the same calls with the same seed', async () => {
    const series = async () => {
      standIn.set({ faults: ['503'], faultRate: 0.3, seed: 42 })
      const got: number[] = []
      for (let i = 0; i < 200; i += 1) got.push((await postId(standIn, '1')).status)
      return got
    }
    const first = await series()
    expect(await series()).toEqual(first)
    const faults = first.filter((status) => status === 503).length
    expect(faults).toBeGreaterThan(40)
    expect(faults).toBeLessThan(80)
    standIn.set({ faultRate: 1 })
  })
})
