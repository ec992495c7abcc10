import type http from 'node:http'
import { describe, expect, it, vi } from 'vitest'
import { recording } from '../../test/recordings/recording.ts'
import { clientFor, failing, failureOf, serve, serveBytes } from '../../test/recordings/serve.ts'
import { every } from '../clock.ts'

const XML = { 'content-type': 'text/xml; charset=utf-8' }
const OK = recording('ok-soap11.res').body
const HALF = OK.subarray(0, 600)
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\n'

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
    const { failure, finished } = await failing(endpoint, { callTimeoutMs: 1500 }) // a busy machine needs some for the head
    expect(failure).toMatchObject({ code: 'timeout', class: 'transient' })
    expect(finished).toMatchObject({ outcome: 'timeout', httpStatus: 200 })
  })

  it('a status that says it all needs no body in time', async () => {
    const endpoint = await serve((_request, response) => {
      response.writeHead(503, { 'retry-after': '7' }).flushHeaders()
    })
    const { failure } = await failing(endpoint, { callTimeoutMs: 1500 })
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
    // A label longer than DNS has: refused by the resolver itself, whatever network the tests run in.
    const { failure } = await failing(`http://${'a'.repeat(64)}.invalid/`)
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
