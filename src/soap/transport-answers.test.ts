import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { recording } from '../../test/recordings/recording.ts'
import { clientFor, failing, failureOf, serve, serveBytes } from '../../test/recordings/serve.ts'

const XML = { 'content-type': 'text/xml; charset=utf-8' }
const OK = recording('ok-soap11.res').body
const HALF = OK.subarray(0, 600)
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\n'

describe('bodies', () => {
  it.each([
    ['by Content-Length', `${HEAD}Content-Length: ${OK.length}\r\n\r\n${HALF}`],
    ['by chunks', `${HEAD}Transfer-Encoding: chunked\r\n\r\n${HALF.length.toString(16)}\r\n${HALF}\r\n`],
    ['by closing', `${HEAD}Connection: close\r\n\r\n${HALF}`],
    ['before it begins', `${HEAD}Connection: close\r\n\r\n`],
  ])('cut off %s are unreadable', async (_name, bytes) => {
    const { failure, finished } = await failing(await serveBytes((socket) => socket.end(bytes)))
    expect(failure).toMatchObject({ code: 'unreadable', class: 'transient', reason: 'unreadable' })
    expect(finished).toMatchObject({ outcome: 'unreadable', httpStatus: 200 })
  })

  it('that end with the connection are read', async () => {
    const endpoint = await serveBytes((socket) => socket.end(`${HEAD}Connection: close\r\n\r\n${OK}`))
    expect(await clientFor(endpoint).client.lookup('1')).toMatchObject({ status: 'enriched' })
  })

  it('of 50 MB are not read to the end', async () => {
    let sent = 0
    const chunk = Buffer.alloc(65_536, 'x')
    const endpoint = await serve((_request, response) => {
      response.writeHead(200, XML)
      const more = () => {
        while (sent < 50_000_000 && !response.destroyed) {
          sent += chunk.length
          if (!response.write(chunk)) return
        }
      }
      response.on('drain', more)
      more()
    })
    const { failure, finished } = await failing(endpoint)
    expect(failure).toMatchObject({ code: 'too-large', class: 'permanent-after-retry', reason: 'too_large' })
    expect(sent).toBeLessThan(25_000_000)
    expect((finished as { responseBytes: number }).responseBytes).toBeLessThanOrEqual(1_048_576)
  })

  it('of exactly the limit are taken', async () => {
    const endpoint = await serve((_request, response) => response.writeHead(200, XML).end(OK))
    expect(await clientFor(endpoint, { maxResponseBytes: OK.length }).client.lookup('1')).toMatchObject({
      status: 'enriched',
    })
    expect((await failing(endpoint, { maxResponseBytes: OK.length - 1 })).failure).toMatchObject({ code: 'too-large' })
  })

  it('compressed unasked are refused', async () => {
    const endpoint = await serve((_request, response) => {
      response.writeHead(200, { ...XML, 'content-encoding': 'gzip' }).end(gzipSync(OK))
    })
    const { failure } = await failing(endpoint)
    expect(failure).toMatchObject({ code: 'unreadable', class: 'transient' })
  })

  it.each([
    ['text', 'text/plain', 'OK', 'transient'],
    ['JSON', 'application/json', '{"ok":true}', 'transient'],
    ['nothing', 'text/xml', '', 'transient'],
    [
      'latin-1 that says utf-8',
      'text/xml; charset=utf-8',
      Buffer.from(OK.toString().replace('Maria', 'José'), 'latin1'),
      'transient',
    ],
    ['an HTML page', 'text/html', '<!DOCTYPE html><html><body>Sign in<br></body></html>', 'configuration'],
    ['an HTML page that says XML', 'text/xml', '\n<html><body>Sign in</body></html>', 'configuration'],
    ['what only its type says is a page', 'text/html; charset=utf-8', 'Sign in', 'configuration'],
  ])('with 200 that are %s', async (_name, contentType, body, className) => {
    const endpoint = await serve((_request, response) =>
      response.writeHead(200, { 'content-type': contentType }).end(body),
    )
    const { failure, finished } = await failing(endpoint)
    expect(failure).toMatchObject({ code: 'unreadable', class: className })
    expect(finished).toMatchObject({ outcome: 'unreadable' })
  })

  it('that are not HTTP', async () => {
    const { failure } = await failing(await serveBytes((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n')))
    expect(failure).toMatchObject({ code: 'unreadable', class: 'transient' })
  })
})

describe('statuses', () => {
  it('302 is not followed', async () => {
    let requests = 0
    const endpoint = await serve((_request, response) => {
      requests += 1
      response.writeHead(302, { location: '/login', 'retry-after': '5' }).end()
    })
    const { failure, finished } = await failing(endpoint)
    expect(failure).toEqual({
      code: 'http-status',
      class: 'configuration',
      reason: 'http_status',
      httpStatus: 302,
      message: expect.any(String),
    })
    expect(finished).toMatchObject({ outcome: 'http_error', httpStatus: 302 })
    expect(requests).toBe(1)
  })

  it('401 is the configuration', async () => {
    const endpoint = await serve((_request, response) =>
      response.writeHead(401, { 'www-authenticate': 'Negotiate' }).end(),
    )
    expect((await failing(endpoint)).failure).toMatchObject({ class: 'configuration', httpStatus: 401 })
  })

  it.each([
    ['7', 7_000],
    ['86400', 3_600_000],
    ['Fri, 31 Dec 2100 23:59:59 GMT', 3_600_000],
    ['Fri, 31 Dec 1999 23:59:59 GMT', 0],
    ['soon', undefined],
  ])('503 with Retry-After: %s', async (retryAfter, expected) => {
    const endpoint = await serve((_request, response) => {
      response
        .writeHead(503, { 'retry-after': retryAfter, 'content-type': 'text/html' })
        .end('<h2>Service Unavailable</h2>')
    })
    const { failure } = await failing(endpoint)
    expect(failure).toMatchObject({ code: 'http-status', class: 'transient', httpStatus: 503 })
    expect(failure.retryAfterMs).toBe(expected)
  })

  it.each([-30, 0, 30])('503 whose clock is %d minutes off says how long to wait all the same', async (minutes) => {
    const there = Date.UTC(2026, 10, 23) + minutes * 60_000
    const endpoint = await serve((_request, response) => {
      const [date, until] = [there, there + 20_000].map((at) => new Date(at).toUTCString())
      response.writeHead(503, { date: date as string, 'retry-after': until as string }).end()
    })
    expect((await failing(endpoint)).failure.retryAfterMs).toBe(20_000)
  })

  it('the sockets of all of them are used again', async () => {
    const sockets = new Set()
    const endpoint = await serve((request, response) => {
      sockets.add(request.socket)
      response.writeHead(404, XML).end('x'.repeat(10_000))
    })
    const { client } = clientFor(endpoint, { maxSockets: 1 })
    for (const id of ['1', '2', '3']) await failureOf(client.lookup(id))
    expect(sockets.size).toBe(1)
  })
})
