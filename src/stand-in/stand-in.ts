/**
 * The stand-in of the SOAP service, for demos and tests: as awkward as the real one on IIS, and worse on request. It
 * imports nothing of the product, so that what the product gets wrong cannot be wrong here in the same way.
 */

import { createWriteStream, type WriteStream } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, isIPv6 } from 'node:net'
import { BEHAVIOUR_NAMES, type Behaviour } from './behaviour.ts'
import { contentTypeBase } from './charset.ts'
import { CONSOLE_PAGE } from './console-page.ts'
import { control, isControl } from './control.ts'
import { send } from './delivery.ts'
import { METHOD_NOT_ALLOWED, NOT_FOUND, unrecognisedUrl } from './error-pages.ts'
import { exchange, exchangeForm, type Parts } from './exchange.ts'
import { FLAVOURS, type Flavour, type FlavourName } from './flavour.ts'
import { SERVICE_PATH } from './help-page.ts'
import { isLoopback } from './loopback.ts'
import { documentation } from './pages.ts'
import type { AnswersEntry } from './records.ts'
import { htmlReply, type Reply } from './reply.ts'
import { RequestLog } from './request-log.ts'
import { Service } from './service.ts'
import { Settings } from './settings.ts'
import { OPERATION } from './soap-read.ts'

export { type AcceptedCredentials, parseCredentials, type Refuse } from './access.ts'
export { parseAnswers } from './answers.ts'
export type { Behaviour, Outage, Rule } from './behaviour.ts'
export { CheckError } from './checks.ts'
export { FAULT_KINDS, type FaultKind } from './faults.ts'
export type { FlavourName } from './flavour.ts'
export type { Latency } from './latency.ts'
export type { AnswersEntry, ChatRequestRecord, FaultRecord, ResponseRecord, ResultRecord } from './records.ts'
export { type LoggedRequest, RequestLog, type RequestStats } from './request-log.ts'

/** Fields that are missing are those of a good day: no latency, no fault, any credentials. */
export interface StandInOptions extends Partial<Behaviour> {
  /** Default 127.0.0.1. */
  host?: string
  /** Default 0: any free port. */
  port?: number
  /** The entries that parseAnswers has read. Ids that are not among them get a made-up chat. */
  answers?: readonly AnswersEntry[]
  /** Default iis. */
  flavour?: FlavourName
  /** File that gets a line of JSON for each SOAP request as it arrives. */
  requestLog?: string
  /** Seed of the random choice of faults and latency: the same seed, the same series. Default: a random one. */
  seed?: number
}

export interface StandIn {
  /** URL of the .asmx. */
  url: string
  origin: string
  port: number
  requests: RequestLog
  readonly seed: number
  /** Changes the behaviour from the next request on. host, port and requestLog are fixed at the start. */
  set(options: Partial<StandInOptions>): void
  /** Ends every connection at once, answered or not. */
  close(): Promise<void>
}

/** IIS keeps an idle connection for two minutes. */
const KEEP_ALIVE_MS = 120_000

export async function startStandIn(options: StandInOptions = {}): Promise<StandIn> {
  const { host = '127.0.0.1', port = 0, requestLog, ...behaviour } = options
  const parts = makeParts(options.seed)
  apply(parts, behaviour)
  const file = requestLog === undefined ? null : await openLog(requestLog)
  if (file) parts.write = (entry) => file.write(`${JSON.stringify(entry)}\n`)
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) =>
    serve(request, response, parts),
  )
  await listen(server, host, port).catch((error) => {
    file?.end()
    throw error
  })
  const bound = (server.address() as AddressInfo).port
  const origin = `http://${reachable(host)}:${bound}`
  return {
    url: origin + SERVICE_PATH,
    origin,
    port: bound,
    requests: parts.log,
    get seed() {
      return parts.settings.seed
    },
    set: (changes) => apply(parts, changes),
    close: () => close(server, file),
  }
}

function makeParts(seed = Math.floor(Math.random() * 2 ** 32)): Parts {
  return {
    service: new Service(),
    settings: new Settings(seed),
    log: new RequestLog(),
    flavour: FLAVOURS.iis,
    write: null,
  }
}

const SETTLED = ['host', 'port', 'requestLog']

function apply(parts: Parts, options: Partial<StandInOptions>): void {
  const settled = SETTLED.find((name) => name in options)
  if (settled) throw new Error(`${settled} cannot be changed while the stand-in runs`)
  parts.settings.change(
    Object.fromEntries(
      BEHAVIOUR_NAMES.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
    ),
  )
  if (options.seed !== undefined) parts.settings.seed = options.seed
  if (options.answers) parts.service.answers = options.answers
  if (options.flavour) parts.flavour = FLAVOURS[options.flavour]
}

function serve(request: IncomingMessage, response: ServerResponse, parts: Parts): void {
  const url = request.url ?? '/'
  const question = url.indexOf('?')
  const path = question < 0 ? url : url.slice(0, question)
  const tail = tailOf(path, parts.flavour)
  if (tail === '' && request.method === 'POST') exchange(request, response, parts)
  else if (isFormCall(tail, request)) exchangeForm(request, response, parts)
  else if (isControl(path)) control(path, request, response, parts).catch(() => response.destroy())
  else {
    const query = question < 0 ? '' : url.slice(question + 1)
    send(response, page(path, tail, query, request, parts), parts.flavour)
    request.resume()
  }
}

/** A call by plain HTTP POST, as the test form sends it. .NET answers it to local callers only. */
function isFormCall(tail: string | null, request: IncomingMessage): boolean {
  if (tail !== `/${OPERATION}` || request.method !== 'POST' || !isLocal(request)) return false
  return contentTypeBase(request.headers['content-type'] ?? '') === 'application/x-www-form-urlencoded'
}

function isLocal(request: IncomingMessage): boolean {
  return isLoopback(request.socket.remoteAddress)
}

/** The rest behind the service's path, which IIS accepts in any case of letters; null: another path. */
function tailOf(path: string, { anyCase }: Flavour): string | null {
  const start = path.slice(0, SERVICE_PATH.length)
  if (start !== SERVICE_PATH && !(anyCase && start.toLowerCase() === SERVICE_PATH.toLowerCase())) return null
  const tail = path.slice(SERVICE_PATH.length)
  return tail === '' || tail.startsWith('/') ? tail : null
}

function page(path: string, tail: string | null, query: string, request: IncomingMessage, parts: Parts): Reply {
  const read = request.method === 'GET'
  if (tail) return unrecognisedUrl(tail)
  if (tail === '') {
    if (!read) return METHOD_NOT_ALLOWED
    return documentation(query, request.headers.host ?? '', parts.flavour, isLocal(request))
  }
  if (path === '/') return read ? htmlReply(200, CONSOLE_PAGE) : METHOD_NOT_ALLOWED
  return NOT_FOUND
}

async function openLog(path: string): Promise<WriteStream> {
  const file = createWriteStream(path, { flags: 'a' })
  await new Promise<void>((resolve, reject) => file.once('open', () => resolve()).once('error', reject))
  return file
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** The address to call if the server listens on this one. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return isIPv6(host) ? `[${host}]` : host
}

async function close(server: Server, file: WriteStream | null): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeAllConnections()
  await closed
  if (file && !file.closed) await new Promise<void>((resolve) => file.end(() => resolve()))
}
