/** Servers on 127.0.0.1 for tests of one call: real HTTP, and raw bytes for what no HTTP server would send. */

import http from 'node:http'
import net from 'node:net'
import { onTestFinished } from 'vitest'
import type { LookupEvent } from '../../src/domain/event.ts'
import { SoapClient, type SoapSettings } from '../../src/soap/client.ts'
import type { LookupFailure } from '../../src/soap/lookup-failure.ts'

export type Respond = (request: http.IncomingMessage & { text: string }, response: http.ServerResponse) => void

/** URL of an HTTP server that answers once it has the whole request. */
export async function serve(respond: Respond): Promise<string> {
  const server = http.createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    respond(Object.assign(request, { text }), response)
  })
  return listen(server, () => server.closeAllConnections())
}

/** The same for bytes: `respond` gets the socket and the number of the request on it, counted from 1. */
export async function serveBytes(respond: (socket: net.Socket, request: number) => void): Promise<string> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    let received = ''
    let requests = 0
    socket.on('data', (chunk) => {
      received += chunk
      if (!received.endsWith('Envelope>')) return
      received = ''
      requests += 1
      respond(socket, requests)
    })
  })
  return listen(server, () => sockets.forEach((socket) => socket.destroy()))
}

export async function listen(server: net.Server, cut: () => void, scheme = 'http'): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    cut()
    server.close()
  })
  return `${scheme}://127.0.0.1:${(server.address() as net.AddressInfo).port}/semp/TPClientWebServicesAPI.asmx`
}

export const CREDENTIALS = {
  publicKey1: 'pk',
  encryptedUser: 'user',
  encryptedPassword: 'pass',
  encryptedSignature: 'sig',
}

export const NO_CODES: SoapSettings['codes'] = { enriched: null, notFound: null, retry: new Set(), hold: new Set() }

/** A client and the events it told; closed when the test is over. */
export function clientFor(endpoint: string, changes: Partial<SoapSettings> = {}) {
  const events: LookupEvent[] = []
  const settings: SoapSettings = {
    endpoint,
    version: '1.1',
    credentials: () => CREDENTIALS,
    callTimeoutMs: 5_000,
    connectTimeoutMs: 3_000,
    maxResponseBytes: 1_048_576,
    codes: NO_CODES,
    retryAfterMaxMs: 3_600_000,
    ...changes,
  }
  const client = new SoapClient(settings, (event) => events.push(event))
  onTestFinished(() => client.close())
  return { client, events }
}

/** The failure of a lookup that must fail. */
export async function failureOf(lookup: Promise<unknown>): Promise<LookupFailure> {
  return lookup.then(
    (outcome) => Promise.reject(new Error(`expected a failure, got ${JSON.stringify(outcome)}`)),
    (error) => error,
  )
}

/** The failure of one lookup, and how the call was counted. */
export async function failing(endpoint: string, changes: Partial<SoapSettings> = {}) {
  const { client, events } = clientFor(endpoint, changes)
  const { failure } = await failureOf(client.lookup('12345'))
  return { failure, finished: events.at(-1) }
}
