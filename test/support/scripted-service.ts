/**
 * The service as a test wants it at any moment: what it says follows a script that can be changed in the middle of a run. Of
 * each call it keeps the time and the id. It shares nothing with src/: what it takes for a request is all it needs.
 */

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { SecureContextOptions, TlsOptions } from 'node:tls'

export interface Call {
  /** On performance.now(). */
  at: number
  id: string
  /** EncryptedUser, as sent. */
  user: string
  /** With TLS only: the certificate shown to the service is one it trusts, and has not expired. */
  trusted: boolean
  /** What it was answered; '' until then. */
  said: Answer['say'] | ''
}

export type Answer =
  | { say: 'chat' }
  /** An answer in-band, without a ChatRequest. */
  | { say: 'code'; code: number }
  /** HTTP 500 with a SOAP fault. */
  | { say: 'fault'; code: 'Client' | 'Server' }
  | { say: 'status'; status: number; retryAfter?: number }
  /** An HTML page, as of a proxy (500) or a login (200). */
  | { say: 'page'; status: number }
  | { say: 'hang' }
  | { say: 'reset' }
  /** Whatever `write` puts on the wire, and however it leaves the connection; `chat` is a good answer's XML. */
  | { say: 'wire'; write: (socket: Socket, chat: string) => void }

export const CHAT: Answer = { say: 'chat' }

/** `number` counts the calls from 0. */
export type Script = (call: Call, number: number) => Answer

export interface ScriptedService {
  url: string
  calls: Call[]
  /** Calls that have no answer yet. */
  readonly inFlight: number
  readonly isClosed: boolean
  /** Connections so far; one that TLS refuses never becomes a call. */
  readonly connections: number
  /** Connections that are open. */
  readonly open: number
  script: Script
  latencyMs: number
  /** Closes the port and every connection. */
  refuse(): Promise<void>
  /** Opens it again. */
  accept(): Promise<void>
  /** With TLS only: shows another certificate from now on, on new connections. */
  showCertificate(certificate: SecureContextOptions): void
  close(): Promise<void>
}

export interface ServiceOptions {
  latencyMs?: number
  tls?: TlsOptions
  host?: string
  /** Any that is free, by default. */
  port?: number
}

export async function startScriptedService(options: ServiceOptions = {}): Promise<ScriptedService> {
  const { latencyMs = 50, tls, host = '127.0.0.1' } = options
  const calls: Call[] = []
  const unanswered = new Set<ServerResponse>()
  const listener: RequestListener = async (request, response) => {
    const body = await bodyOf(request)
    if (body === null) return
    const call: Call = {
      at: performance.now(),
      id: field(body, 'ChatConnectionIDBD'),
      user: field(body, 'EncryptedUser'),
      trusted: 'authorized' in request.socket && request.socket.authorized === true,
      said: '',
    }
    calls.push(call)
    unanswered.add(response)
    response.once('close', () => unanswered.delete(response))
    const answer = service.script(call, calls.length - 1)
    setTimeout(() => {
      call.said = answer.say
      say(answer, call.id, response)
    }, service.latencyMs)
  }
  const server: Server | TlsServer = tls ? createTlsServer(tls, listener) : createServer(listener)
  let connections = 0
  const open = new Set<Socket>()
  server.on('connection', (socket) => {
    connections++
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  server.on('tlsClientError', () => {})
  await listen(server, options.port ?? 0, host)
  const { port } = server.address() as AddressInfo
  const refuse = async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }
  const service: ScriptedService = {
    url: `${tls ? 'https' : 'http'}://${host}:${port}/semp/TPClientWebServicesAPI.asmx`,
    calls,
    get inFlight() {
      return unanswered.size
    },
    get isClosed() {
      return !server.listening
    },
    get connections() {
      return connections
    },
    get open() {
      return open.size
    },
    script: () => CHAT,
    latencyMs,
    refuse,
    accept: () => listen(server, port, host),
    showCertificate: (certificate) => {
      ;(server as TlsServer).setSecureContext(certificate)
      server.closeAllConnections()
    },
    close: async () => {
      if (server.listening) await refuse()
    },
  }
  return service
}

function listen(server: Server | TlsServer, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** null where the requester went away. */
async function bodyOf(request: IncomingMessage): Promise<string | null> {
  try {
    let text = ''
    for await (const part of request.setEncoding('utf8')) text += part
    return text
  } catch {
    return null
  }
}

function field(body: string, name: string): string {
  return new RegExp(`<${name}>([^<]*)</`).exec(body)?.[1] ?? ''
}

function say(answer: Answer, id: string, response: ServerResponse): void {
  if (response.destroyed) return
  switch (answer.say) {
    case 'hang':
      return
    case 'reset':
      response.socket?.resetAndDestroy()
      return
    case 'wire':
      // The request's socket: the response has none while what was written before it on the wire was no response of its own.
      answer.write(response.req.socket, envelope(result(0, chat(id))))
      return
    case 'page':
      send(
        response,
        answer.status,
        '<!DOCTYPE html><html><body><form>Sign in, zx@canary.example</form></body></html>',
        'text/html',
      )
      return
    case 'status':
      if (answer.retryAfter !== undefined) response.setHeader('retry-after', answer.retryAfter)
      send(response, answer.status, '', 'text/plain')
      return
    case 'fault':
      send(response, 500, envelope(`<soap:Fault><faultcode>soap:${answer.code}</faultcode>${FAULT_TEXT}</soap:Fault>`))
      return
    case 'code':
      send(response, 200, envelope(result(answer.code, '')))
      return
    case 'chat':
      send(response, 200, envelope(result(0, chat(id))))
  }
}

function send(response: ServerResponse, status: number, body: string, type = 'text/xml; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body)
}

const FAULT_TEXT =
  '<faultstring>Object reference of canary-last-name not set to an instance of an object.</faultstring><detail />'

function envelope(content: string): string {
  return (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" ' +
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">' +
    `<soap:Body>${content}</soap:Body></soap:Envelope>`
  )
}

function result(code: number, chatRequest: string): string {
  return (
    '<GetChatRequestByConnectionIdResponse xmlns="http://tempuri.org/"><GetChatRequestByConnectionIdResult>' +
    `<response><responseCode>${code}</responseCode><responseDescription>said to canary-last-name</responseDescription>` +
    `<encryptedSymmetrickey>a2V5</encryptedSymmetrickey></response>${chatRequest}` +
    '</GetChatRequestByConnectionIdResult></GetChatRequestByConnectionIdResponse>'
  )
}

function chat(id: string): string {
  return (
    '<ChatRequest><IdRequest>12346</IdRequest><CaseNumber>12347</CaseNumber><CreationDate>2024-03-15T10:46:15' +
    '</CreationDate><IdQueue>6</IdQueue><KeepAliveRouterDate>2024-03-15T10:46:45</KeepAliveRouterDate>' +
    '<AssignAgentRouterDate>2024-03-15T10:46:20</AssignAgentRouterDate><IdConnection>12345</IdConnection>' +
    `<IdRequestTransfer>0</IdRequestTransfer><UserName>${id}</UserName><UserLastName>canary-last-name</UserLastName>` +
    '<UserEmail>zx@canary.example</UserEmail><UserOffsetTime>-180</UserOffsetTime>' +
    '<EncryptedChatRequestId>cmVx</EncryptedChatRequestId></ChatRequest>'
  )
}
