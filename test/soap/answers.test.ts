import { deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { every } from '../../src/clock.ts'
import { recording } from '../recordings/recording.ts'
import { clientFor, failing, serve, serveBytes } from '../recordings/serve.ts'

const OK = recording('ok-soap11.res').body
const text = OK.toString()
const XML = 'text/xml; charset=utf-8'
const JOAO = text.replace('<UserName>Maria<', '<UserName>João<')
const XSI = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
const FAULTS = {
  '1.1': recording('id11-exception.res').body,
  '1.2': recording('id12-exception-inner.res').body,
}

function service(status: number, contentType: string | null, body: Buffer | string, headers = {}) {
  return serve((_request, response) => {
    response
      .writeHead(status, { ...(contentType === null ? {} : { 'content-type': contentType }), ...headers })
      .end(body)
  })
}

const head = (type: string, more: string) => `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\n${more}\r\n\r\n`
const chunk = (part: Buffer | string) => `${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`

async function nameIn(endpoint: string): Promise<string | null | undefined> {
  const outcome = await clientFor(endpoint).client.lookup('12345')
  expect(outcome.status).toBe('enriched')
  return outcome.chatRequest?.userName
}

describe('a fault', () => {
  const versions = ['1.1', '1.2'] as const
  const cases = versions.flatMap((asked) =>
    versions.flatMap((got) => [200, 400, 404, 500, 503].map((status) => [got, status, asked] as const)),
  )
  it.each(cases)('of SOAP %s with HTTP %d to a SOAP %s request is the service’s', async (got, status, version) => {
    const { failure } = await failing(await service(status, XML, FAULTS[got]), { version })
    const soapFaultCode = got === '1.1' ? 'Server' : 'Receiver'
    expect(failure).toMatchObject({ code: 'soap-fault', class: 'transient', soapFaultCode })
  })
})

describe('what is no SOAP', () => {
  it.each([
    [400, XML, '', 'http-status', 'transient'],
    [415, XML, '', 'http-status', 'configuration'],
    [200, XML, '', 'unreadable', 'transient'],
    [200, 'text/html', '<html><body>Hi</body></html>', 'unreadable', 'configuration'],
    [500, 'text/html', '<html><body>Runtime Error</body></html>', 'http-status', 'transient'],
    [200, 'application/json', '{"ok":true}', 'unreadable', 'transient'],
    [500, 'application/json', '{"ok":false}', 'http-status', 'transient'],
    [301, 'text/html', '', 'http-status', 'configuration'],
    [307, null, '', 'http-status', 'configuration'],
    [200, XML, '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 'contract', 'permanent-after-retry'],
    [200, XML, '<a/>', 'contract', 'permanent-after-retry'],
  ])('%d, %s, %j is %s, %s', async (status, contentType, body, code, className) => {
    expect((await failing(await service(status, contentType, body))).failure).toMatchObject({ code, class: className })
  })
})

describe('a good answer', () => {
  it.each([
    ['no content type', null, OK],
    ['a wrong content type', 'application/octet-stream', OK],
    ['a wrong content type that names the charset', 'text/plain; charset=iso-8859-1', Buffer.from(JOAO, 'latin1')],
    ['ISO-8859-1 in the header', 'text/xml; charset=iso-8859-1', Buffer.from(JOAO, 'latin1')],
    [
      'windows-1252 in the declaration',
      'text/xml',
      Buffer.from(JOAO.replace('encoding="utf-8"', 'encoding="windows-1252"'), 'latin1'),
    ],
    ['UTF-16 with its mark', 'text/xml', Buffer.from(`\ufeff${JOAO}`, 'utf16le')],
    ['a UTF-8 mark', XML, `\ufeff${JOAO}`],
    ['a wrong charset in the header, but a mark', 'text/xml; charset=utf-16', `\ufeff${JOAO}`],
    ['numeric references', XML, text.replace('>Maria<', '>Jo&#227;o<')],
    ['CDATA', XML, text.replace('>Maria<', '><![CDATA[Jo]]>&#xE3;o<')],
    ['a comment in the name', XML, JOAO.replace('João', 'Jo<!-- x -->ão')],
    ['xsi:type', XML, JOAO.replace('<UserName>', `<UserName ${XSI} i:type="xsd:string">`)],
    ['line ends between the elements', XML, JOAO.replaceAll('><', '>\r\n  <')],
    ['unknown elements', XML, JOAO.replace('<UserName>', '<Maiden><UserName>No</UserName></Maiden><UserName>')],
    ['prefixes', XML, JOAO.replaceAll('soap:', 'SOAP-ENV:').replace('xmlns:soap=', 'xmlns:SOAP-ENV=')],
  ])('may come with %s', async (_name, contentType, body) => {
    const name = await nameIn(await service(200, contentType, body))
    expect(name).toBe(body === OK ? 'Maria' : 'João')
  })

  it('may have null for a name', async () => {
    const body = text.replace('<UserName>Maria</UserName>', `<UserName ${XSI} i:nil="true"/>`)
    expect(await nameIn(await service(200, XML, body))).toBeNull()
  })

  it.each([
    ['a byte at a time', [...OK].map((byte) => chunk(String.fromCharCode(byte)))],
    ['one chunk, with an extension and a trailer', [chunk(text).replace('\r\n', ';a=b\r\n')]],
  ])('may come chunked: %s', async (_name, chunks) => {
    const endpoint = await serveBytes((socket) => {
      socket.write(head(XML, 'Transfer-Encoding: chunked'))
      for (const part of chunks) socket.write(part)
      socket.write('0\r\nX-Trailer: 1\r\n\r\n')
    })
    expect(await nameIn(endpoint)).toBe('Maria')
  })

  const INTERIM = [
    ['100 Continue', ''],
    ['100 Continue', 'Date: Mon, 23 Nov 2026 09:00:00 GMT\r\nVia: 1.1 proxy\r\n'],
    ['102 Processing', ''],
    ['103 Early Hints', 'Link: </style.css>; rel=preload\r\n'],
    ['199 Unheard', 'Content-Length: 5\r\n'],
  ].map(([status, headers]) => `HTTP/1.1 ${status}\r\n${headers}\r\n`)
  const whole = Buffer.concat([Buffer.from(head(XML, `Content-Length: ${OK.length}`)), OK])

  it.each<[string, string[]]>([
    ...INTERIM.map((interim) => [JSON.stringify(interim.slice(9, 40)), [interim]] as [string, string[]]),
    ['one of each', INTERIM],
    ['a hundred', Array.from({ length: 100 }, (_, at) => INTERIM[at % INTERIM.length] ?? '')],
  ])('may come after answers that only announce it, on a connection that goes on: %s', async (_name, interim) => {
    const sockets = new Set()
    const endpoint = await serveBytes((socket) => {
      sockets.add(socket)
      socket.write(Buffer.concat([Buffer.from(interim.join('')), whole]))
    })
    const { client } = clientFor(endpoint, { maxSockets: 1 })
    for (const id of ['1', '2', '3']) expect(await client.lookup(id)).toMatchObject({ status: 'enriched' })
    expect(sockets.size).toBe(1)
  })

  it('may come after a 100 Continue that comes a byte at a time', async () => {
    const endpoint = await serveBytes((socket) => {
      socket.setNoDelay(true)
      for (const byte of INTERIM.join('')) socket.write(byte)
      socket.write(whole)
    })
    expect(await nameIn(endpoint)).toBe('Maria')
  })

  it('is not what only announces it, without end', async () => {
    const endpoint = await serveBytes((socket) => {
      const more = every(1, () => void socket.write(INTERIM.join('')))
      socket.on('close', more.stop)
    })
    expect((await failing(endpoint, { callTimeoutMs: 100 })).failure).toMatchObject({ code: 'timeout' })
  })

  it.each([
    'UTF-8',
    'utf8',
    'none',
    'text/xml',
    'identity',
    '',
    'Identity, utf-8',
    '7bit',
    'ISO-8859-1',
    'gzipped',
    ' , ',
  ])('may call its Content-Encoding %j, which is none', async (encoding) => {
    expect(await nameIn(await service(200, XML, OK, { 'content-encoding': encoding }))).toBe('Maria')
  })

  it.each(['GZIP', 'utf-8, gzip', 'gzip, identity', ' br ', 'x-gzip', 'zstd', 'compress', 'x-compress', 'exi', 'dcb'])(
    'is not taken in %j, which names a coding that we never ask for',
    async (encoding) => {
      const { failure } = await failing(await service(200, XML, OK, { 'content-encoding': encoding }))
      expect(failure).toMatchObject({ code: 'unreadable', class: 'transient' })
    },
  )

  it.each(['\n', '\r\n\r\n', ' \t', '\ufeff', '\ufeff\r\n', '\n\ufeff', '\ufeff\ufeff\n\ufeff', '\n'.repeat(5_000)])(
    'may come with %j before its declaration',
    async (before) => {
      expect(await nameIn(await service(200, XML, before + text))).toBe('Maria')
      expect(await nameIn(await service(200, null, Buffer.from(before + text, 'utf16le')))).toBe('Maria')
    },
  )

  it.each(["text/xml; charset='utf-8'", 'text/xml; charset=ISO_8859-1', "text/xml; CHARSET='Latin1'"])(
    'may come as %s',
    async (contentType) => {
      const bytes = Buffer.from(JOAO, /utf-8/.test(contentType) ? 'utf8' : 'latin1')
      expect(await nameIn(await service(200, contentType, bytes))).toBe('João')
    },
  )

  it.each([
    ['gzip', gzipSync(OK)],
    ['deflate', deflateSync(OK)],
    ['br', OK],
  ])('is not taken in %s, which we never ask for', async (encoding, body) => {
    let accepted: unknown
    const endpoint = await serve((request, response) => {
      accepted = request.headers['accept-encoding']
      response.writeHead(200, { 'content-type': XML, 'content-encoding': encoding }).end(body)
    })
    expect((await failing(endpoint)).failure).toMatchObject({ code: 'unreadable', class: 'transient' })
    expect(accepted).toBe('identity')
  })

  it('cut at any byte, by closing, is no answer', async () => {
    let length = 0
    const endpoint = await serveBytes((socket) => {
      socket.end(Buffer.concat([Buffer.from(head(XML, 'Connection: close')), OK.subarray(0, length)]))
    })
    const { client } = clientFor(endpoint)
    for (; length < OK.length; length++) {
      const failure = await client.lookup('1').then(
        () => 'an outcome',
        (error) => error.failure.code,
      )
      expect(failure, `cut at ${length}`).toBe('unreadable')
    }
  })
})
