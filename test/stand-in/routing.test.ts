import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type StandIn, startStandIn } from '../../src/stand-in/stand-in.ts'
import { ACTION, ask, envelope11, envelope12, lookup, operation, post, postBare, postId } from './ask.ts'

const answers = [
  { id: 'a & <b>', result: { response: { responseCode: 7, responseDescription: 'references' } } },
  { id: ' x ', result: { response: { responseCode: 8 } } },
  { id: 'José', result: { response: { responseCode: 11 } } },
  { id: 'Jos\ufffd', result: { response: { responseCode: 12 } } },
  { id: 'bad', fault: { code: 'Server' as const, string: 'down' } },
]

let standIn: StandIn
beforeAll(async () => {
  standIn = await startStandIn({ answers })
})
afterAll(() => standIn.close())

const T11 = 'text/xml; charset=utf-8'
const T12 = 'application/soap+xml; charset=utf-8'
const good = envelope11(lookup('1'))
const logged = () => standIn.requests.at(-1)

describe('version and action', () => {
  it.each([ACTION, `"${ACTION}"`, ACTION.replace('://', '%3A%2F%2F')])('SOAPAction %s is known', async (soapaction) => {
    expect((await post(standIn, good, { soapaction })).status).toBe(200)
    expect(logged()).toMatchObject({ id: '1', soapVersion: '1.1', outcome: 'answer', status: 200 })
  })

  it.each([
    ['', ''],
    ['""', ''],
    [`'${ACTION}'`, `'${ACTION}'`],
    [ACTION.toLowerCase(), ACTION.toLowerCase()],
  ])('SOAPAction %s is not', async (soapaction, shown) => {
    const got = await post(standIn, 'whatever', { soapaction })
    expect(got.status).toBe(500)
    expect(got.headers['cache-control']).toBe('private')
    expect(got.text).toContain(
      `<faultcode>soap:Client</faultcode><faultstring>Server did not recognize the value of HTTP Header SOAPAction: ${shown}.</faultstring><detail />`,
    )
    expect(logged()).toMatchObject({ id: null, outcome: 'bad-action' })
  })

  it('without SOAPAction the body decides, and a 1.1 envelope is answered in 1.1', async () => {
    const got = await postBare(standIn, good, 'text/xml')
    expect([got.status, got.headers['content-type']]).toEqual([200, T11])
  })

  it('a SOAPAction beside application/soap+xml is ignored', async () => {
    const got = await post(standIn, envelope12(lookup('1')), { 'content-type': T12, soapaction: 'urn:other' })
    expect([got.status, got.headers['content-type']]).toEqual([200, T12])
  })

  it.each([`${T12}; action="${ACTION}"`, `${T12};action=${ACTION}`, `${T12}; action="urn:unknown"`])(
    'content type %s with the right element works',
    async (contentType) => expect((await postBare(standIn, envelope12(lookup('1')), contentType)).status).toBe(200),
  )

  it('an action that nobody knows with an element that nobody knows is a Sender fault', async () => {
    const got = await postBare(standIn, envelope12('<x/>'), `${T12}; action="urn:unknown"`)
    expect(got.status).toBe(500)
    expect(got.text).toContain('<soap:Value>soap:Sender</soap:Value>')
    expect(got.text).toContain("Unable to handle request. The action 'urn:unknown' was not recognized.")
  })

  it('a wrong operation element with the right SOAPAction is answered: every parameter is null', async () => {
    const got = await post(
      standIn,
      envelope11('<Other xmlns="http://tempuri.org/"><ChatConnectionIDBD>1</ChatConnectionIDBD></Other>'),
    )
    expect(got.status).toBe(200)
    expect(logged()).toMatchObject({ id: null, outcome: 'answer' })
  })
})

describe('content type', () => {
  it.each(['application/json', 'application/xml', 'text/plain', ''])('%s is 415 without a body', async (type) => {
    const got = await post(standIn, good, { 'content-type': type })
    expect([got.status, got.text, got.headers['content-length']]).toEqual([415, '', '0'])
    expect(got.headers['content-type']).toBe(T11)
  })

  it.each(['TEXT/XML', 'text/xml; foo=bar', 'Application/SOAP+xml'])('%s is accepted', async (type) => {
    const body = type.startsWith('A') ? envelope12(lookup('1')) : good
    expect((await post(standIn, body, { 'content-type': type })).status).toBe(200)
  })

  it('a 1.1 envelope as application/soap+xml is 415', async () => {
    expect((await postBare(standIn, good, T12)).status).toBe(415)
  })

  it('JSON without SOAPAction fails before that, in routing', async () => {
    const got = await postBare(standIn, '{"a":1}', 'application/json')
    expect([got.status, got.headers['content-type']]).toEqual([500, T12])
    expect(got.text).toContain('soap:Receiver')
    expect(got.text).toContain(
      'Server was unable to process request. ---&gt; Data at the root level is invalid. Line 1, position 1.',
    )
  })
})

describe('the envelope', () => {
  it.each(['urn:other', ''])('of namespace "%s" is a version mismatch with an Upgrade header', async (namespace) => {
    const got = await post(standIn, `<Envelope xmlns="${namespace}"><Body/></Envelope>`)
    expect([got.status, got.headers['content-type']]).toEqual([500, T11])
    expect(got.text).toContain('<faultcode>soap:VersionMismatch</faultcode>')
    expect(got.text).toContain(
      `Possible SOAP version mismatch: Envelope namespace ${namespace} was unexpected. Expecting http://schemas.xmlsoap.org/soap/envelope/.`,
    )
    expect(got.text).toContain('<soap:Header><soap12:Upgrade xmlns:soap12=')
  })

  it('without a Body is a Client fault', async () => {
    const got = await post(standIn, '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"/>')
    expect(got.status).toBe(500)
    expect(got.text).toContain(
      '<faultcode>soap:Client</faultcode><faultstring>Server was unable to read request. ---&gt; Request format is invalid: Missing required soap:Body element.',
    )
  })

  it('with a header block that must be understood is refused, without detail', async () => {
    const header =
      '<soap:Header><x xmlns="urn:x"/><w:Security xmlns:w="urn:w" soap:mustUnderstand="1"><w:a/></w:Security></soap:Header>'
    const got = await post(standIn, envelope11(lookup('1'), header))
    expect(got.status).toBe(500)
    expect(got.headers['cache-control']).toBe('private, max-age=0')
    expect(got.text).toContain(
      '<faultcode>soap:MustUnderstand</faultcode><faultstring>SOAP header Security was not understood.</faultstring></soap:Fault>',
    )
    expect((await post(standIn, envelope11(lookup('1'), header.replace('"1"', '"0"')))).status).toBe(200)
    expect((await post(standIn, envelope11(lookup('bad'), header))).text).toBe(got.text)
  })
})

describe('parameters', () => {
  const idOf = async (inner: string) => {
    expect((await post(standIn, envelope11(operation(inner)))).status).toBe(200)
    return logged()?.id
  }

  it.each([
    ['<ChatConnectionIDBD>a &amp; &#60;b&#x3e;</ChatConnectionIDBD>', 'a & <b>'],
    ['<ChatConnectionIDBD><![CDATA[a & <b>]]></ChatConnectionIDBD>', 'a & <b>'],
    ['<ChatConnectionIDBD> x </ChatConnectionIDBD>', ' x '],
    ['<ChatConnectionIDBD>   </ChatConnectionIDBD>', '   '],
    ['<ChatConnectionIDBD>a\r\nb\rc&#13;</ChatConnectionIDBD>', 'a\nb\nc\r'],
    ['<ChatConnectionIDBD/>', ''],
    ['<ChatConnectionIDBD xsi:nil="true" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"/>', ''],
    ['<x><ChatConnectionIDBD>no</ChatConnectionIDBD></x><ChatConnectionIDBD>yes</ChatConnectionIDBD>', 'yes'],
    ['<ChatConnectionIDBD>first</ChatConnectionIDBD><ChatConnectionIDBD>second</ChatConnectionIDBD>', 'first'],
    [
      '<t:ChatConnectionIDBD xmlns:t="http://tempuri.org/">prefix</t:ChatConnectionIDBD><PublicKey1>k</PublicKey1>',
      'prefix',
    ],
    ['<chatConnectionIDBD>1</chatConnectionIDBD>', null],
    ['<ChatConnectionIDBD xmlns="urn:other">1</ChatConnectionIDBD>', null],
    ['', null],
  ])('%s', async (inner, id) => expect(await idOf(inner)).toBe(id))

  it('answers what was asked for', async () => {
    const got = await post(standIn, envelope11(operation('<ChatConnectionIDBD>a &amp; &lt;b></ChatConnectionIDBD>')))
    expect(got.text).toContain('<responseCode>7</responseCode><responseDescription>references</responseDescription>')
  })
})

describe('XML that it refuses while reading parameters: 400, empty, in the content type of the version', () => {
  const bad = {
    comment: envelope11(lookup('a<!-- c -->b')),
    instruction: envelope11(lookup('a<?p?>b')),
    child: envelope11(lookup('<b/>')),
    'control character': envelope11(lookup('&#x1;')),
    entity: envelope11(lookup('&nbsp;')),
    'lone ampersand': envelope11(lookup('a & b')),
    ']]> in text': envelope11(lookup('a]]>b')),
    'undeclared prefix': envelope11('<p:x/>'),
    'duplicate attribute': envelope11('<x a="1" a="2"/>'),
    'unclosed tag': good.replace('</soap:Body>', ''),
    'text after the end': `${good}x`,
    'two roots': `${good}<x/>`,
    DTD: `<!DOCTYPE x [<!ENTITY a "b">]>${good}`,
    'space before the declaration': ` <?xml version="1.0"?>${good}`,
    'version 1.1': `<?xml version="1.1"?>${good}`,
    nothing: '',
  }
  it.each(Object.entries(bad))('%s', async (_, body) => {
    const got = await post(standIn, body)
    expect([got.status, got.text, got.headers['content-type']]).toEqual([400, '', T11])
    expect(got.headers['cache-control']).toBe('private')
    expect(logged()).toMatchObject({ outcome: 'bad-xml', status: 400 })
  })

  it('in 1.2', async () => {
    const got = await postBare(standIn, envelope12(lookup('<b/>')), T12)
    expect([got.status, got.text, got.headers['content-type']]).toEqual([400, '', T12])
  })

  it('while routing by the body: a Receiver fault in 1.2', async () => {
    const got = await postBare(standIn, '', 'text/xml')
    expect([got.status, got.headers['content-type']]).toEqual([500, T12])
    expect(got.text).toContain('Server was unable to process request. ---&gt; Root element is missing.')
  })

  it('comments, instructions and white space elsewhere do no harm', async () => {
    const inner = '<!-- a --><?p q?>\n<ChatConnectionIDBD>1</ChatConnectionIDBD> <!-- b -->'
    const body = `<?xml version='1.0' encoding='utf-8' standalone='yes'?>\n<!-- x -->${envelope11(operation(inner))}\n<!-- y -->\n`
    expect((await post(standIn, body)).status).toBe(200)
    expect(logged()?.id).toBe('1')
  })
})

describe('character sets of requests', () => {
  const xml = envelope11(lookup('José'))
  const declared = (encoding: string) => `<?xml version="1.0" encoding="${encoding}"?>${xml}`
  const utf16 = (text: string) => Buffer.from(text, 'utf16le')
  const cases: [string, Buffer, string][] = [
    ['charset=utf-8', Buffer.from(xml), 'text/xml; charset=utf-8'],
    ['charset="UTF-8"', Buffer.from(xml), 'text/xml; charset="UTF-8"'],
    ["charset='utf-8'", Buffer.from(xml), "text/xml; charset='utf-8'"],
    ['charset=iso-8859-1', Buffer.from(declared('utf-8'), 'latin1'), 'text/xml; charset=iso-8859-1'],
    ['charset=utf-16', utf16(declared('utf-16')), 'text/xml; charset=utf-16'],
    ['declared iso-8859-1', Buffer.from(declared('iso-8859-1'), 'latin1'), 'text/xml'],
    ['declared windows-1252', Buffer.from(declared('windows-1252'), 'latin1'), 'text/xml'],
    ['unknown charset, declared utf-8', Buffer.from(declared('utf-8')), 'text/xml; charset=nonsense'],
    ['utf-8 mark', Buffer.from(`\ufeff${declared('utf-8')}`), 'text/xml; charset=utf-8'],
    ['utf-16 mark', utf16(`\ufeff${declared('utf-16')}`), 'text/xml'],
    ['utf-16 big-endian mark', utf16(`\ufeff${xml}`).swap16(), 'text/xml'],
  ]
  it.each(cases)('%s', async (_, body, contentType) => {
    expect((await post(standIn, body, { 'content-type': contentType })).text).toContain('<responseCode>11<')
  })

  it('Latin-1 bytes under charset=utf-8 are taken with U+FFFD', async () => {
    expect((await post(standIn, Buffer.from(xml, 'latin1'))).text).toContain('<responseCode>12<')
  })

  it('a compressed request is not understood', async () => {
    const got = await post(standIn, Buffer.from('1f8b0800000000000003', 'hex'), { 'content-encoding': 'gzip' })
    expect(got.status).toBe(400)
  })
})

describe('around SOAP', () => {
  it('POST ignores the query', async () => {
    const path = '/semp/TPClientWebServicesAPI.asmx?WSDL'
    const headers = { 'content-type': T11, soapaction: ACTION }
    expect((await ask(standIn, { method: 'POST', path, headers, body: good })).text).toContain('<IdRequest>')
  })

  it.each(['PUT', 'DELETE', 'OPTIONS'])('%s is 405, HTML', async (method) => {
    const got = await ask(standIn, { method })
    expect([got.status, got.headers['content-type']]).toEqual([405, 'text/html; charset=utf-8'])
  })

  it.each(['GET', 'POST'])('%s with something after .asmx is 500, HTML', async (method) => {
    const got = await ask(standIn, { method, path: '/semp/TPClientWebServicesAPI.asmx/Get' })
    expect(got.status).toBe(500)
    expect(got.text).toContain("Request format is unrecognized for URL unexpectedly ending in '/Get'.")
  })

  it.each(['/semp/', '/semp/TPClientWebServicesAPI.asmxx', '/favicon.ico'])('%s is 404', async (path) => {
    expect((await ask(standIn, { path })).status).toBe(404)
  })

  it('a request longer than 4 MiB is a fault', async () => {
    const got = await post(standIn, envelope11(lookup('x'.repeat(4 * 1024 * 1024))))
    expect(got.status).toBe(500)
    expect(got.text).toContain('---&gt; Maximum request length exceeded.')
    expect(logged()).toMatchObject({ id: null, outcome: 'too-long' })
  })

  it('a chunked request works', async () => {
    const headers = { 'content-type': T11, soapaction: ACTION, 'transfer-encoding': 'chunked' }
    expect((await ask(standIn, { method: 'POST', headers, body: good })).status).toBe(200)
  })
})

describe('made-up chats', () => {
  it('are the same every time, for any id, and never without a request number', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1, unit: 'grapheme' }), async (id) => {
        const escaped = id.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
        const [first, second] = await Promise.all([postId(standIn, escaped), postId(standIn, escaped)])
        expect(first.status).toBe(200)
        expect(first.text).toBe(second.text)
        expect(first.text).toMatch(/<IdRequest>[1-9]\d*<\/IdRequest><CaseNumber>\d+<\/CaseNumber><CreationDate>20/)
        expect(standIn.requests.at(-1)?.id).toBe(id)
      }),
      { numRuns: 50 },
    )
  })

  it('any bytes at all get an answer', async () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '/',
      '!',
      '?',
      '&',
      '"',
      "'",
      '=',
      ' ',
      'soap:',
      'x',
      ']]>',
      '<!--',
      '<![CDATA[',
      good,
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece), fc.boolean(), async (pieces, bare) => {
        const body = pieces.join('')
        const got = bare ? await postBare(standIn, body, 'text/xml') : await post(standIn, body)
        expect([200, 400, 500]).toContain(got.status)
      }),
      { numRuns: 200 },
    )
  })
})

describe('credentials', () => {
  const credentials = { publicKey1: 'k', encryptedUser: 'u', encryptedPassword: 'p', encryptedSignature: 's' }
  const withCredentials = (password: string) =>
    envelope11(
      operation(
        `<PublicKey1>k</PublicKey1><EncryptedUser>u</EncryptedUser><EncryptedPassword>${password}</EncryptedPassword>` +
          '<EncryptedSignature>s</EncryptedSignature><ChatConnectionIDBD>1</ChatConnectionIDBD>',
      ),
    )

  it('are refused in the answer, with status 200 and no chat', async () => {
    standIn.set({ credentials })
    expect((await post(standIn, withCredentials('p'))).text).toContain('<IdRequest>')
    const got = await post(standIn, withCredentials('wrong'))
    standIn.set({ credentials: null })
    expect(got.status).toBe(200)
    expect(got.text).toContain(
      '<responseCode>9</responseCode><responseDescription>Invalid credentials</responseDescription>',
    )
    expect(got.text).not.toContain('ChatRequest>')
    expect((await post(standIn, withCredentials('wrong'))).text).toContain('<IdRequest>')
  })
})
