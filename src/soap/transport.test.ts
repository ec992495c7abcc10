import type http from 'node:http'
import { gzipSync } from 'node:zlib'
import { describe, expect, it, vi } from 'vitest'
import { recording } from '../../test/recordings/recording.ts'
import { clientFor, failureOf, serve, serveBytes } from '../../test/recordings/serve.ts'
import { every } from '../clock.ts'

const XML = { 'content-type': 'text/xml; charset=utf-8' }
const OK = recording('ok-soap11.res').body
const HALF = OK.subarray(0, 600)
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\n'

/** The failure of one lookup, and how the call was counted. */
async function failing(endpoint: string, changes: Parameters<typeof clientFor>[1] = {}) {
  const { client, events } = clientFor(endpoint, changes)
  const { failure } = await failureOf(client.lookup('12345'))
  return { failure, finished: events.at(-1) }
}

describe('time', () => {
  it('a server that says nothing is a timeout', async () => {
    const { failure, finished } = await failing(await serve(() => undefined), { callTimeoutMs: 60 })
    expect(failure).toEqual({ code: 'timeout', class: 'transient', reason: 'timeout', message: expect.any(String) })
    expect(finished).toMatchObject({ type: 'call-finished', outcome: 'timeout', responseBytes: 0 })
    expect(finished).not.toHaveProperty('httpStatus')
  })

  it('a slow drip is cut off at the deadline, however alive it looks', async () => {
    const endpoint = await serve((_request, response) => {
      response.writeHead(200, XML)
      let at = 0
      const drip = every(5, () => void response.write(OK.subarray(at, ++at)))
      response.on('close', drip.stop)
    })
    const { failure, finished } = await failing(endpoint, { callTimeoutMs: 100 })
    expect(failure).toMatchObject({ code: 'timeout', class: 'transient' })
    expect(finished).toMatchObject({ outcome: 'timeout', httpStatus: 200 })
  })

  it('a status that says it all needs no body in time', async () => {
    const endpoint = await serve((_request, response) => {
      response.writeHead(503, { 'retry-after': '7' }).flushHeaders()
    })
    const { failure } = await failing(endpoint, { callTimeoutMs: 60 })
    expect(failure).toMatchObject({ code: 'http-status', httpStatus: 503, retryAfterMs: 7_000 })
  })

  it('a TLS handshake that never ends is no connection', async () => {
    const endpoint = (await serveBytes(() => undefined)).replace('http:', 'https:')
    const { failure } = await failing(endpoint, { connectTimeoutMs: 50 })
    expect(failure).toMatchObject({ code: 'network', class: 'transient', reason: 'connect' })
  })

  it('the deadline also ends a call that waits for its connection', async () => {
    const endpoint = (await serveBytes(() => undefined)).replace('http:', 'https:')
    const { failure } = await failing(endpoint, { callTimeoutMs: 50, connectTimeoutMs: 500 })
    expect(failure).toMatchObject({ code: 'timeout', reason: 'timeout' })
  })

  it('the deadline also ends a call that waits for a socket', async () => {
    const endpoint = await serve(() => undefined)
    const { client } = clientFor(endpoint, { callTimeoutMs: 60, maxSockets: 1 })
    const failures = await Promise.all(['1', '2', '3'].map((id) => failureOf(client.lookup(id))))
    expect(failures.map(({ failure }) => failure.code)).toEqual(['timeout', 'timeout', 'timeout'])
  })
})

describe('the signal of the caller', () => {
  it('ends a call with its own reason, and the connection with it', async () => {
    const reason = new Error('shutdown')
    const caller = new AbortController()
    let closed: Promise<void> | undefined
    const endpoint = await serve((request) => {
      closed = new Promise((resolve) => request.socket.on('close', () => resolve()))
      caller.abort(reason)
    })
    const { client, events } = clientFor(endpoint)
    await expect(client.lookup('1', caller.signal)).rejects.toBe(reason)
    expect(events.map(({ type }) => type)).toEqual(['call-started', 'call-finished'])
    await closed
  })

  it('ends a call in the middle of the body', async () => {
    const reason = new Error('shutdown')
    const caller = new AbortController()
    const endpoint = await serve((_request, response) => {
      response.writeHead(200, XML).write(HALF, () => setImmediate(() => caller.abort(reason)))
    })
    await expect(clientFor(endpoint).client.lookup('1', caller.signal)).rejects.toBe(reason)
  })

  it('aborted before means no call', async () => {
    const reason = new Error('shutdown')
    const { client, events } = clientFor('http://127.0.0.1:9/')
    await expect(client.lookup('1', AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(events).toEqual([])
  })

  it('keeps no listeners of finished calls', async () => {
    const caller = new AbortController()
    const added = vi.spyOn(caller.signal, 'addEventListener')
    const removed = vi.spyOn(caller.signal, 'removeEventListener')
    const { client } = clientFor(await serve((_request, response) => response.writeHead(200, XML).end(OK)))
    for (const id of ['1', '2', '3']) await client.lookup(id, caller.signal)
    expect(added).toHaveBeenCalled()
    expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(added.mock.calls.map(([, listener]) => listener))
  })
})

describe('connections', () => {
  it('refused', async () => {
    const { failure, finished } = await failing('http://127.0.0.1:1/')
    expect(failure).toMatchObject({ code: 'network', class: 'transient', reason: 'connect' })
    expect(finished).toMatchObject({ outcome: 'network' })
  })

  it('to a host without an address', async () => {
    const { failure } = await failing('http://no-such-host.invalid/')
    expect(failure).toMatchObject({ code: 'network', class: 'transient', reason: 'dns' })
  })

  it('closed by the server instead of a second answer', async () => {
    const endpoint = await serveBytes((socket, request) => {
      if (request === 1) socket.write(recording('ok-soap11.res').raw)
      else socket.destroy()
    })
    const { client } = clientFor(endpoint, { maxSockets: 1 })
    expect(await client.lookup('1')).toMatchObject({ status: 'enriched' })
    expect((await failureOf(client.lookup('2'))).failure).toMatchObject({ code: 'network', reason: 'reset' })
    expect(await client.lookup('3')).toMatchObject({ status: 'enriched' })
  })

  it('reset', async () => {
    const { failure } = await failing(await serveBytes((socket) => socket.resetAndDestroy()))
    expect(failure).toMatchObject({ code: 'network', class: 'transient', reason: 'reset' })
  })

  it('closed by the server after every few answers lose no call', async () => {
    const endpoint = await serveBytes((socket, request) => {
      const last = request === 3
      const head = `${HEAD}Content-Length: ${OK.length}\r\nConnection: ${last ? 'close' : 'keep-alive'}\r\n\r\n`
      socket.write(head)
      if (last) socket.end(OK)
      else socket.write(OK)
    })
    const { client } = clientFor(endpoint, { maxSockets: 2 })
    const outcomes = await Promise.all(Array.from({ length: 60 }, (_, i) => client.lookup(`${i}`)))
    expect(outcomes.every(({ status }) => status === 'enriched')).toBe(true)
  })

  it('are all gone after close(), which waits for calls on the way', async () => {
    let server: http.Server | undefined
    const endpoint = await serve((request, response) => {
      server = (request.socket as unknown as { server: http.Server }).server
      setImmediate(() => response.writeHead(200, XML).end(OK))
    })
    const { client } = clientFor(endpoint)
    await Promise.all(['1', '2', '3'].map((id) => client.lookup(id)))
    const last = client.lookup('4')
    await client.close()
    expect(await last).toMatchObject({ status: 'enriched' })
    await expect.poll(() => new Promise((resolve) => server?.getConnections((_error, count) => resolve(count)))).toBe(0)
  })

  it('are not opened after close()', async () => {
    const { client } = clientFor(await serve((_request, response) => response.writeHead(200, XML).end(OK)))
    await client.close()
    expect((await failureOf(client.lookup('1'))).failure).toMatchObject({ code: 'network', reason: 'internal' })
  })
})

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
