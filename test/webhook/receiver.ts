/** A receiver of webhooks: real HTTP, and what it answers is for the test to say. */

import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

export const SECRET = `whsec_${Buffer.from('a key of 24 bytes or more').toString('base64')}`

export interface Received {
  at: number
  path: string
  headers: IncomingHttpHeaders
  body: string
}

export interface ReceiverAnswer {
  status: number
  headers?: Record<string, string>
  /** The answer comes so late. */
  afterMs?: number
  /** A 100 Continue comes before it, which nobody has asked for. */
  continues?: boolean
}

export interface Receiver {
  url: string
  port: number
  received: Received[]
  /** Ids of the results that it has taken. */
  taken: string[]
  answer: (received: Received) => ReceiverAnswer
  close(): Promise<void>
}

export async function startReceiver(port = 0, tls?: { cert: string; key: string }): Promise<Receiver> {
  const receiver = { received: [], taken: [], answer: () => ({ status: 204 }) } as unknown as Receiver
  const listener: RequestListener = async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const received = { at: performance.now(), path: request.url ?? '', headers: request.headers, body }
    receiver.received.push(received)
    const { status, headers, afterMs = 0, continues } = receiver.answer(received)
    if (continues) response.writeContinue()
    if (afterMs > 0) await new Promise((resolve) => setTimeout(resolve, afterMs))
    if (status < 300) receiver.taken.push(String(request.headers['webhook-id']))
    response.writeHead(status, headers).end()
  }
  const server: Server = tls ? createTlsServer(tls, listener) : createServer(listener)
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  receiver.port = (server.address() as AddressInfo).port
  receiver.url = `${tls ? 'https' : 'http'}://127.0.0.1:${receiver.port}/hook`
  receiver.close = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  return receiver
}

/** As the specification of Standard Webhooks has it, not as our code does. */
export function isSigned({ headers, body }: Received): boolean {
  const key = Buffer.from(SECRET.replace('whsec_', ''), 'base64')
  const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  const age = Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp']))
  return age < 60 && headers['webhook-signature'] === `v1,${createHmac('sha256', key).update(text).digest('base64')}`
}
