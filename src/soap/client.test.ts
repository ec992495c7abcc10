import { describe, expect, it } from 'vitest'
import { recording } from '../../test/recordings/recording.ts'
import { CREDENTIALS, clientFor, failureOf, NO_CODES, serve, serveBytes } from '../../test/recordings/serve.ts'

const XML = { 'content-type': 'text/xml; charset=utf-8' }
const OK = recording('ok-soap11.res').body

describe('a call', () => {
  it('brings the ChatRequest, and tells what happened', async () => {
    const { client, events } = clientFor(await serve((_request, response) => response.writeHead(200, XML).end(OK)))
    const outcome = await client.lookup('12345')
    expect(outcome).toMatchObject({ status: 'enriched', response: { code: 0 }, chatRequest: { userName: 'Maria' } })
    expect(events).toEqual([
      { type: 'call-started' },
      {
        type: 'call-finished',
        outcome: 'answer',
        durationMs: expect.any(Number),
        responseBytes: 1152,
        httpStatus: 200,
      },
    ])
  })

  it.each([
    ['1.1', 'text/xml; charset=utf-8', '"http://tempuri.org/GetChatRequestByConnectionId"', 'ok-soap11'],
    [
      '1.2',
      'application/soap+xml; charset=utf-8; action="http://tempuri.org/GetChatRequestByConnectionId"',
      undefined,
      'ok-soap12',
    ],
  ] as const)('asks in SOAP %s as the page shows it', async (version, contentType, soapAction, name) => {
    let seen: unknown
    const endpoint = await serve((request, response) => {
      const { method, url, headers, text } = request
      seen = {
        method,
        url,
        text,
        type: headers['content-type'],
        action: headers.soapaction,
        encoding: headers['accept-encoding'],
        agent: headers['user-agent'],
      }
      response.writeHead(200, XML).end(OK)
    })
    await clientFor(`${endpoint}?tenant=a%20b`, { version }).client.lookup('12345')
    expect(seen).toEqual({
      method: 'POST',
      url: '/semp/TPClientWebServicesAPI.asmx?tenant=a%20b',
      text: recording(`${name}.req`).body.toString(),
      type: contentType,
      action: soapAction,
      encoding: 'identity',
      agent: 'chat-enricher',
    })
  })

  it('reads the recorded bytes from the wire, HTTP/1.0 and its keep-alive included', async () => {
    const connections = new Set()
    const endpoint = await serveBytes((socket) => {
      connections.add(socket)
      socket.write(recording('ok-soap12.res').raw)
    })
    const { client } = clientFor(endpoint, { version: '1.2', maxSockets: 1 })
    for (const id of ['1', '2', '3']) expect(await client.lookup(id)).toMatchObject({ status: 'enriched' })
    expect(connections.size).toBe(1)
  })

  it.each([
    ['id11-exception', { code: 'soap-fault', class: 'transient', soapFaultCode: 'Server', httpStatus: 500 }],
    ['id12-soapfault', { code: 'soap-fault', class: 'permanent', soapFaultCode: 'Sender', httpStatus: 500 }],
    ['xml-malformed', { code: 'http-status', class: 'transient', httpStatus: 400 }],
    ['ctype-json', { code: 'http-status', class: 'configuration', httpStatus: 415 }],
  ])('%s is the failure it should be', async (name, expected) => {
    const endpoint = await serveBytes((socket) => socket.end(recording(`${name}.res`).raw))
    const { failure } = await failureOf(clientFor(endpoint).client.lookup('1'))
    expect(failure).toMatchObject(expected)
    expect(failure.message).not.toMatch(/signature|Database|---/)
  })

  it('hands on the record of an answer that is refused by its code', async () => {
    const endpoint = await serve((_request, response) =>
      response.writeHead(200, XML).end(recording('id11-nochat.res').body),
    )
    const { client, events } = clientFor(endpoint, { codes: { ...NO_CODES, notFound: new Set([404]) } })
    const { failure, record } = await failureOf(client.lookup('1'))
    expect(failure).toMatchObject({ code: 'response-code', class: 'permanent' })
    expect(record?.response).toEqual({ code: 3, description: 'Chat request not found', encryptedSymmetricKey: null })
    expect(events.at(-1)).toMatchObject({ type: 'call-finished', outcome: 'answer' })
  })

  it('takes a good answer under a wrong content type, and says so', async () => {
    const endpoint = await serve((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end(OK),
    )
    const { client, events } = clientFor(endpoint)
    expect(await client.lookup('1')).toMatchObject({ status: 'enriched' })
    expect(events.map(({ type }) => type)).toEqual(['call-started', 'unexpected-content-type', 'call-finished'])
  })
})

describe('settings', () => {
  it('reads the credentials anew for every call', async () => {
    const keys: string[] = []
    const endpoint = await serve((request, response) => {
      keys.push(/<PublicKey1>(.*)<\/PublicKey1>/.exec(request.text)?.[1] ?? '')
      response.writeHead(200, XML).end(OK)
    })
    let key = 'old'
    const { client } = clientFor(endpoint, { credentials: () => ({ ...CREDENTIALS, publicKey1: key }) })
    await client.lookup('1')
    key = 'new'
    await client.lookup('1')
    expect(keys).toEqual(['old', 'new'])
  })

  it.each([
    ['credentials', { credentials: unreadable }],
    ['certificates', { tls: unreadable }],
    ['characters', { credentials: () => ({ ...CREDENTIALS, publicKey1: '\0' }) }],
  ])('that cannot be used hold the fleet, with no call: %s', async (_name, changes) => {
    const { client, events } = clientFor('http://127.0.0.1:9/', changes)
    const { failure } = await failureOf(client.lookup('1'))
    expect(failure).toMatchObject({ code: 'network', class: 'configuration', reason: 'internal' })
    expect(JSON.stringify(failure)).not.toContain('/secret/path')
    expect(events).toEqual([])
  })

  it('an id that XML cannot carry is invalid, with no call', async () => {
    const { client, events } = clientFor('http://127.0.0.1:9/')
    expect((await failureOf(client.lookup('a\x00b'))).failure).toMatchObject({ code: 'invalid', class: 'permanent' })
    expect(events).toEqual([])
  })
})

function unreadable(): never {
  throw new Error('ENOENT: no such file, open /secret/path')
}
