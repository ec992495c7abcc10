import { createServer, type Server } from 'node:http'
import type { AddressInfo, LookupFunction, Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { recording } from '../recordings/recording.ts'
import { clientFor, failureOf, serve, serveBytes } from '../recordings/serve.ts'
import { startScriptedService } from '../support/scripted-service.ts'

const XML = { 'content-type': 'text/xml; charset=utf-8' }
const OK = recording('ok-soap11.res').body
const HEAD = `HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: ${OK.length}\r\n\r\n`
const WHOLE = Buffer.concat([Buffer.from(HEAD), OK])

/** Asks until it is answered, as the worker's quick retries do; every failure must be one that costs no more than a retry. */
async function answered(client: ReturnType<typeof clientFor>['client'], id: string, atMost = 3): Promise<number> {
  for (let tries = 1; ; tries++) {
    try {
      expect(await client.lookup(id)).toMatchObject({ status: 'enriched' })
      return tries
    } catch (error) {
      expect((error as Awaited<ReturnType<typeof failureOf>>).failure).toMatchObject({ class: 'transient' })
      if (tries === atMost) throw error
    }
  }
}

describe('a service that closes its sockets', () => {
  it.each<[string, number, (socket: Socket) => void]>([
    ['FIN', 3, (socket) => socket.end(WHOLE)],
    // Node 24 hears of it only once the next request is on its way, so that every other call on such a connection fails.
    ['RST', 20, (socket) => socket.write(WHOLE, () => setImmediate(() => socket.resetAndDestroy()))],
  ])('after each answer, with %s costs at most retries', async (_name, atMost, respond) => {
    const { client } = clientFor(await serveBytes(respond), { maxSockets: 4 })
    await Promise.all(Array.from({ length: 40 }, (_, i) => answered(client, `${i}`, atMost)))
  })

  it.each<[string, (socket: Socket) => void]>([
    ['FIN', (socket) => socket.end()],
    ['RST', (socket) => socket.resetAndDestroy()],
  ])('instead of a later answer, by %s, costs one retry, told as a reset', async (_name, close) => {
    const endpoint = await serveBytes((socket, request) => {
      if (request % 2 === 1) socket.write(WHOLE)
      else close(socket)
    })
    const { client } = clientFor(endpoint, { maxSockets: 1 })
    for (let turn = 0; turn < 5; turn++) {
      expect(await client.lookup('1')).toMatchObject({ status: 'enriched' })
      const { failure } = await failureOf(client.lookup('2'))
      expect(failure).toMatchObject({ code: 'network', class: 'transient', reason: 'reset' })
    }
  })

  it.each<[string, (socket: Socket) => void]>([
    ['FIN', (socket) => socket.end()],
    ['RST', (socket) => socket.resetAndDestroy()],
  ])('while idle, by %s, costs nothing: another connection is opened', async (_name, close) => {
    const sockets: Socket[] = []
    const endpoint = await serveBytes((socket) => {
      sockets.push(socket)
      socket.write(WHOLE)
    })
    const { client } = clientFor(endpoint, { maxSockets: 1 })
    for (let turn = 0; turn < 5; turn++) {
      expect(await answered(client, '1')).toBe(1)
      const last = sockets.at(-1) as Socket
      const closed = new Promise((resolve) => last.once('close', resolve))
      close(last)
      await closed
      // Our end hears of it in the next turns of its own loop.
      for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate)
    }
    expect(new Set(sockets).size).toBe(5)
  })

  it.each<[string, (socket: Socket) => void]>([
    ['FIN', (socket) => socket.end()],
    ['RST', (socket) => socket.resetAndDestroy()],
  ])('in the middle of an answer, by %s, costs one retry', async (_name, close) => {
    let requests = 0
    const endpoint = await serveBytes((socket) => {
      requests += 1
      if (requests % 2 === 0) socket.write(WHOLE)
      else socket.write(WHOLE.subarray(0, HEAD.length + 300), () => close(socket))
    })
    const { client } = clientFor(endpoint)
    for (let turn = 0; turn < 5; turn++) expect(await answered(client, '1')).toBe(2)
  })
})

// Fails without: src/soap/transport.ts: endForGood.
describe('calls that are broken off', () => {
  it.each<[string, (socket: Socket) => void]>([
    ['before their answer', () => {}],
    ['in the middle of their answer', (socket) => socket.write(WHOLE.subarray(0, HEAD.length + 300))],
  ])('%s leave no connection behind', async (_name, write) => {
    const service = await startScriptedService({ latencyMs: 0 })
    onTestFinished(() => service.close())
    service.script = () => ({ say: 'wire', write })
    const { client } = clientFor(service.url, { callTimeoutMs: 200 })
    const failures = await Promise.all(Array.from({ length: 10 }, (_, i) => failureOf(client.lookup(`${i}`))))
    expect(failures.every(({ failure }) => failure.code === 'timeout')).toBe(true)
    await expect.poll(() => service.open).toBe(0)
    service.script = () => ({ say: 'chat' })
    expect(await client.lookup('last')).toMatchObject({ status: 'enriched' }) // whatever would come before has come
    expect(service.connections).toBe(10 + 1)
  })
})

describe('as many connections as calls may be on the way', () => {
  it('and no more, kept for the next ones', async () => {
    const sockets = new Set<Socket>()
    const endpoint = await serve((request, response) => {
      sockets.add(request.socket)
      setImmediate(() => response.writeHead(200, XML).end(OK))
    })
    const { client } = clientFor(endpoint, { maxSockets: 3 })
    await Promise.all(Array.from({ length: 60 }, (_, i) => client.lookup(`${i}`)))
    expect(sockets.size).toBeLessThanOrEqual(3)
  })
})

describe('a name whose address changes', () => {
  const listening = async (host: string, port: number, answeredBy: string[]): Promise<Server> => {
    const server = createServer((request, response) => {
      request.resume().on('end', () => {
        answeredBy.push(host)
        response.writeHead(200, XML).end(OK)
      })
    })
    await new Promise<void>((resolve) => server.listen(port, host, resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    return server
  }

  it('is asked at its new one soon, also by a connection that is never idle', async () => {
    const answeredBy: string[] = []
    const first = await listening('127.0.0.1', 0, answeredBy)
    const { port } = first.address() as AddressInfo
    await listening('127.0.0.2', port, answeredBy)
    let address = '127.0.0.1'
    const lookup: LookupFunction = (_host, options, callback) => {
      if (options.all) callback(null, [{ address, family: 4 }])
      else callback(null, address, 4)
    }
    const { client } = clientFor(`http://service.example:${port}/x.asmx`, { lookup, socketLifeMs: 30, maxSockets: 1 })
    await client.lookup('1')
    address = '127.0.0.2'
    do await client.lookup('2')
    while (answeredBy.at(-1) !== '127.0.0.2')
    expect(answeredBy[0]).toBe('127.0.0.1')
  })
})
