/** The manners of an .asmx service that nothing else here tests, in the order in which a request meets them. */

import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type StandIn, startStandIn } from '../../src/stand-in/stand-in.ts'
import {
  ACTION,
  ask,
  envelope11,
  envelope12,
  JSON_TYPE,
  lookup,
  openSocket,
  operation,
  post,
  postBare,
  rawRequest,
} from './ask.ts'

const T11 = 'text/xml; charset=utf-8'
const T12 = 'application/soap+xml; charset=utf-8'
const PATH = '/semp/TPClientWebServicesAPI.asmx'
const answers = [
  { id: 'crlf', result: { response: { responseCode: 0, responseDescription: 'a\r\nb\rc' } } },
  { id: 'ints', result: { response: { responseCode: -2147483648 }, ChatRequest: { IdRequest: 2147483647 } } },
  { id: 'late', result: { ChatRequest: { CreationDate: '9999-12-31T23:59:59.9999999' } } },
  {
    id: 'bad',
    fault: { code: 'Server' as const, string: 'Server was unable to process request. ---> Outer ---> Inner' },
  },
]

let standIn: StandIn
let mono: StandIn
beforeAll(async () => {
  standIn = await startStandIn({ answers })
  mono = await startStandIn({ answers, flavour: 'mono' })
})
afterAll(() => Promise.all([standIn.close(), mono.close()]))
const good = envelope11(lookup('1'))
const good12 = envelope12(lookup('1'))

describe('before routing', () => {
  it.each(['HEAD', 'PUT', 'PATCH', 'TRACE'])('%s is 405', async (method) => {
    expect((await ask(standIn, { method })).status).toBe(405)
  })

  it('?disco, in any case, names the WSDL and both bindings', async () => {
    const got = await ask(standIn, { path: `${PATH}?DISCO`, headers: { host: 'a.example' } })
    expect([got.status, got.headers['content-type']]).toEqual([200, T11])
    expect(got.text).toContain(`<contractRef ref="http://a.example${PATH}?wsdl" docRef="http://a.example${PATH}"`)
    expect(got.text).toMatch(/binding="q1:\w+Soap".*binding="q2:\w+Soap12"/s)
  })

  it.each([`${PATH}?op=GetChatRequestByConnectionId`, `${PATH}?WSDL`, `${PATH}?`])('POST %s is SOAP', async (path) => {
    const headers = { 'content-type': T11, soapaction: ACTION }
    const got = await ask(standIn, { method: 'POST', path, headers, body: good })
    expect(got.text).toContain('<IdRequest>')
  })

  it('even a lone / behind .asmx is not SOAP', async () => {
    const headers = { 'content-type': T11, soapaction: ACTION }
    const got = await ask(standIn, { method: 'POST', path: `${PATH}/`, headers, body: good })
    expect([got.status, got.headers['content-type']]).toEqual([500, 'text/html; charset=utf-8'])
    expect(got.text).toContain("unexpectedly ending in '/'.")
  })

  it('paths are of any case on IIS, and of one on Mono', async () => {
    expect((await ask(standIn, { path: PATH.toUpperCase() })).status).toBe(200)
    expect((await ask(mono, { path: PATH.toUpperCase() })).status).toBe(404)
    expect((await ask(mono, { path: PATH })).status).toBe(200)
  })

  it('the operation page is broken on Mono alone', async () => {
    const path = `${PATH}?op=GetChatRequestByConnectionId`
    expect((await ask(standIn, { path })).status).toBe(200)
    expect((await ask(mono, { path })).status).toBe(500)
  })

  it('a body over 30,000,000 bytes is refused by IIS itself', async () => {
    const got = await post(standIn, Buffer.alloc(30_000_001, 'x'))
    expect([got.status, got.headers['content-type']]).toEqual([413, 'text/html; charset=utf-8'])
    expect(standIn.requests.at(-1)).toMatchObject({ outcome: 'too-long', status: 413 })
  })

  it('on Mono a body too long has a text of its own', async () => {
    const got = await post(mono, envelope11(lookup('x'.repeat(4 * 1024 * 1024))))
    expect(got.text).toContain('Upload size exceeds httpRuntime limit.')
  })
})

describe('which comes first', () => {
  it('an unknown SOAPAction, before the content type and the XML', async () => {
    const got = await post(standIn, '<', { 'content-type': 'application/json', soapaction: 'urn:x' })
    expect(got.status).toBe(500)
    expect(got.text).toContain('HTTP Header SOAPAction: urn:x.')
  })

  it('the content type, before the XML', async () => {
    expect((await post(standIn, '<', { 'content-type': 'text/plain' })).status).toBe(415)
  })

  it('a SOAPAction is unquoted once, and may hold escapes', async () => {
    expect((await post(standIn, good, { soapaction: `""${ACTION}""` })).status).toBe(500)
    expect((await post(standIn, good, { soapaction: `"${encodeURIComponent(ACTION)}"` })).status).toBe(200)
  })

  it('with the action of 1.2 the element is not looked at, and all is null', async () => {
    const got = await postBare(standIn, envelope12('<Other/>'), `${T12}; action="${ACTION}"`)
    expect([got.status, got.headers['content-type']]).toEqual([200, T12])
    expect(standIn.requests.at(-1)).toMatchObject({ id: null })
  })

  it('the element counts with its namespace where nothing names the action', async () => {
    const body = envelope12(lookup('1').replace('http://tempuri.org/', 'urn:other'))
    const got = await postBare(standIn, body, T12)
    expect(got.text).toContain('<soap:Value>soap:Sender</soap:Value>')
    expect(got.text).toContain(
      'Unable to handle request without a valid action parameter. Please supply a valid soap action.',
    )
  })

  it.each([
    ['with SOAPAction', { soapaction: ACTION }],
    ['without', {}],
  ])('a 1.2 envelope as text/xml, %s, is answered in 1.2', async (_, more) => {
    const headers = { 'content-type': 'text/xml', ...more }
    const got = await ask(standIn, { method: 'POST', headers, body: good12 })
    expect([got.status, got.headers['content-type']]).toEqual([200, T12])
  })

  it.each([
    ['soap:Envelope', '<soap:Envelop xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"/>'],
    ['soap:Body', envelope11('').replace(/<soap:Body>.*Body>/, '')],
  ])('a document without %s is a fault that says so', async (missing, body) => {
    const got = await post(standIn, body)
    expect(got.status).toBe(500)
    expect(got.text).toContain(`Request format is invalid: Missing required ${missing} element.`)
  })

  it('an empty body with a known SOAPAction is 400, without one a Receiver fault in 1.2', async () => {
    expect((await post(standIn, '')).status).toBe(400)
    const got = await postBare(standIn, '', T11)
    expect([got.status, got.headers['content-type']]).toEqual([500, T12])
  })

  it('a DTD met while routing is a fault, met later a 400', async () => {
    const body = `<!DOCTYPE x [<!ENTITY a "b">]>${good}`
    expect((await postBare(standIn, body, 'text/xml')).text).toContain('For security reasons DTD is prohibited')
    expect((await post(standIn, body)).status).toBe(400)
  })

  it('a header that must be understood in 1.2', async () => {
    const header = '<s:Header><w:Security xmlns:w="urn:w" s:mustUnderstand="true"/></s:Header>'
    const got = await postBare(standIn, envelope12(lookup('1'), header), T12)
    expect([got.status, got.headers['content-type']]).toEqual([500, T12])
    expect(got.text).toContain('<soap:Value>soap:MustUnderstand</soap:Value>')
    expect(got.text).not.toContain('Detail')
  })
})

describe('answers', () => {
  it('are one line, without a mark, declared in the order soap, xsi, xsd, with prefix soap in both versions', async () => {
    for (const [got, namespace] of [
      [await post(standIn, good), 'http://schemas.xmlsoap.org/soap/envelope/'],
      [await postBare(standIn, good12, T12), 'http://www.w3.org/2003/05/soap-envelope'],
    ] as const) {
      const start = `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="${namespace}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body><GetChat`
      expect(got.text.startsWith(start)).toBe(true)
      expect(got.text).not.toMatch(/>\s+</)
    }
  })

  it('have exactly the headers of ASP.NET on IIS: no cookie, no compression even when asked for', async () => {
    const got = await post(standIn, good, { 'accept-encoding': 'gzip, deflate, br' })
    expect(Object.keys(got.headers).sort()).toEqual([
      'cache-control',
      'content-length',
      'content-type',
      'date',
      'server',
      'x-aspnet-version',
      'x-powered-by',
    ])
    expect(got.headers).toMatchObject({
      'cache-control': 'private, max-age=0',
      'content-length': String(got.bytes.length),
      'x-aspnet-version': '4.0.30319',
    })
  })

  it('are UTF-8 whatever the request was', async () => {
    const body = Buffer.from(`\ufeff${good}`, 'utf16le')
    const got = await post(standIn, body, { 'content-type': 'text/xml; charset=utf-16' })
    expect(got.headers['content-type']).toBe(T11)
    expect(got.text.startsWith('<?xml version="1.0" encoding="utf-8"?>')).toBe(true)
  })

  it('write CR raw, ints to their limits, and the largest date', async () => {
    expect((await post(standIn, envelope11(lookup('crlf')))).text).toContain('>a\r\nb\rc</responseDescription>')
    const { text } = await post(standIn, envelope11(lookup('ints')))
    expect(text).toContain('<responseCode>-2147483648</responseCode>')
    expect(text).toContain('<IdRequest>2147483647</IdRequest>')
    expect((await post(standIn, envelope11(lookup('late')))).text).toContain(
      '<CreationDate>9999-12-31T23:59:59.9999999<',
    )
  })

  it('that are faults are 500 in both versions, with max-age=0 once the method was called', async () => {
    const old = await post(standIn, envelope11(lookup('bad')))
    expect([old.status, old.headers['cache-control']]).toEqual([500, 'private, max-age=0'])
    expect(old.text).toContain(
      '<soap:Fault><faultcode>soap:Server</faultcode><faultstring>Server was unable to process request. ---&gt; Outer ---&gt; Inner</faultstring><detail /></soap:Fault>',
    )
    const now = await postBare(standIn, envelope12(lookup('bad')), T12)
    expect([now.status, now.headers['content-type']]).toEqual([500, T12])
    expect(now.text).toContain(
      '<soap:Fault><soap:Code><soap:Value>soap:Receiver</soap:Value></soap:Code><soap:Reason><soap:Text xml:lang="en">Server was unable to process request. ---&gt; Outer ---&gt; Inner</soap:Text></soap:Reason><soap:Detail /></soap:Fault>',
    )
  })
})

describe('parameters', () => {
  it('in any order, with prefixes as PHP and zeep write them', async () => {
    const inner = '<t:ChatConnectionIDBD>1</t:ChatConnectionIDBD><t:PublicKey1>k</t:PublicKey1>'
    const body = envelope11(
      `<t:GetChatRequestByConnectionId xmlns:t="http://tempuri.org/">${inner}</t:GetChatRequestByConnectionId>`,
    )
    expect((await post(standIn, body)).status).toBe(200)
    expect(standIn.requests.at(-1)).toMatchObject({ id: '1' })
  })

  it('without one, a wrong wrapper namespace with a right SOAPAction is 200, and nobody is found', async () => {
    const got = await post(standIn, good.replace('xmlns="http://tempuri.org/"', 'xmlns="urn:other"'))
    expect(got.status).toBe(200)
    expect(got.text).not.toContain('<ChatRequest>')
    expect((await post(standIn, envelope11(operation('')))).status).toBe(200)
  })
})

describe('HTTP', () => {
  it('100-continue is given to who expects it', async () => {
    const body = Buffer.from(good)
    const status = await new Promise((resolve, reject) => {
      const headers = {
        'content-type': T11,
        soapaction: ACTION,
        expect: '100-continue',
        'content-length': String(body.length),
        'user-agent': 'Mozilla/4.0 (compatible; MSIE 6.0; MS Web Services Client Protocol 4.0.30319.42000)',
      }
      const asked = request({
        host: '127.0.0.1',
        port: standIn.port,
        method: 'POST',
        path: PATH,
        headers,
        agent: false,
      })
      asked.on('continue', () => asked.end(body))
      asked.on('response', (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
      asked.on('error', reject)
      asked.flushHeaders()
    })
    expect(status).toBe(200)
  })

  it('requests sent one behind the other without waiting are answered in their order', async () => {
    const socket = await openSocket(standIn)
    let text = ''
    const both = new Promise<void>((resolve) => {
      socket.on('data', (chunk) => {
        text += chunk
        if ((text.match(/<\/soap:Envelope>/g) ?? []).length === 2) resolve()
      })
    })
    socket.write(rawRequest(standIn, 'ints') + rawRequest(standIn, 'late'))
    await both
    socket.destroy()
    expect(text.indexOf('-2147483648')).toBeGreaterThan(0)
    expect(text.indexOf('9999-12-31')).toBeGreaterThan(text.indexOf('-2147483648'))
  })
})

describe('credentials over the wire', () => {
  const credentials = { publicKey1: 'k', encryptedUser: 'u', encryptedPassword: 'p', encryptedSignature: 's' }
  const asking = (password: string) =>
    envelope11(
      operation(
        `<PublicKey1>k</PublicKey1><EncryptedUser>u</EncryptedUser><EncryptedPassword>${password}</EncryptedPassword>` +
          '<EncryptedSignature>s</EncryptedSignature><ChatConnectionIDBD>1</ChatConnectionIDBD>',
      ),
    )
  const tell = (behaviour: object) =>
    ask(standIn, { method: 'POST', path: '/__faults', headers: JSON_TYPE, body: JSON.stringify(behaviour) })

  it('that expired are refused as asked, until new ones are posted', async () => {
    await tell({ credentials })
    expect((await post(standIn, asking('p'))).text).toContain('<IdRequest>')
    await tell({ credentialsExpireAfterMs: 0, refuse: '401' })
    const refused = await post(standIn, asking('p'))
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, 'Negotiate, NTLM'])
    expect(standIn.requests.at(-1)).toMatchObject({ id: '1', outcome: 'invalid-credentials', status: 401 })
    await tell({ refuse: 'client-fault' })
    expect((await post(standIn, asking('p'))).text).toContain('<faultcode>soap:Client</faultcode>')
    await tell({ refuse: { responseCode: 42 } })
    expect((await post(standIn, asking('p'))).text).toContain('<responseCode>42</responseCode>')
    await tell({ credentials: { ...credentials, encryptedPassword: 'new' } })
    expect((await post(standIn, asking('p'))).text).toContain('<responseCode>42</responseCode>')
    expect((await post(standIn, asking('new'))).text).toContain('<IdRequest>')
    await tell({ credentials: null, refuse: { responseCode: 9 } })
    expect((await post(standIn, asking('any'))).text).toContain('<IdRequest>')
  })
})
