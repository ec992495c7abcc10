/** One SOAP request over HTTP: it is read, routed, logged as it arrives, and answered (or not) when its time has come. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { refusal } from './access.ts'
import { type Delivery, deliver, statusOf } from './delivery.ts'
import { TOO_LARGE } from './error-pages.ts'
import { type FaultKind, makeFault } from './faults.ts'
import type { Flavour } from './flavour.ts'
import { formCall } from './form-call.ts'
import { type Reply, soapReply } from './reply.ts'
import type { LoggedRequest, RequestLog } from './request-log.ts'
import { headerNotUnderstood, type Refusal, type RoutedCall, route } from './routing.ts'
import type { Answer, Service } from './service.ts'
import type { Settings, Weather } from './settings.ts'
import { envelopeXml, faultXml } from './xml-write.ts'

/** httpRuntime maxRequestLength, .NET's default: a longer body gets a fault. */
const MAX_BODY_BYTES = 4 * 1024 * 1024
/** requestLimits maxAllowedContentLength: IIS itself refuses a longer body. */
const MAX_BYTES = 30_000_000

export interface Parts {
  service: Service
  settings: Settings
  log: RequestLog
  flavour: Flavour
  /** Where each request is written as well. */
  write: ((entry: LoggedRequest) => void) | null
}

/** How a request is answered, and what the log says of it. */
interface Outcome {
  id: string | null
  soapVersion: LoggedRequest['soapVersion']
  outcome: string
  delivery: Delivery
  delayMs: number
}

export function exchange(request: IncomingMessage, response: ServerResponse, parts: Parts): void {
  parts.log.began()
  response.once('close', () => parts.log.ended())
  readBody(request, (body) => {
    const outcome = outcomeOf(request, body, parts)
    writeDown(outcome, parts)
    later(response, outcome.delayMs, () => deliver(response, outcome.delivery, parts.flavour))
  })
}

/** A call by the test form. Faults and latency do not apply: they are for SOAP, and this is for people. */
export function exchangeForm(request: IncomingMessage, response: ServerResponse, parts: Parts): void {
  parts.log.began()
  response.once('close', () => parts.log.ended())
  readBody(request, (body) => {
    const outcome = formOutcome(body, parts)
    writeDown(outcome, parts)
    deliver(response, outcome.delivery, parts.flavour)
  })
}

function formOutcome(body: Body, { service, settings }: Parts): Outcome {
  if (body === 'broken-off') return BROKEN_OFF
  if (typeof body === 'string') return FAR_TOO_LONG
  const { id, outcome, reply } = formCall(body.toString(), service, settings.access)
  return { id, soapVersion: null, outcome, delivery: { how: 'whole', reply }, delayMs: 0 }
}

const NOTHING_READ = { id: null, soapVersion: null, delayMs: 0 } as const
const BROKEN_OFF: Outcome = { ...NOTHING_READ, outcome: 'broken-off', delivery: { how: 'silence' } }
const FAR_TOO_LONG: Outcome = { ...NOTHING_READ, outcome: 'too-long', delivery: { how: 'whole', reply: TOO_LARGE } }

function outcomeOf(request: IncomingMessage, body: Body, parts: Parts): Outcome {
  if (body === 'broken-off') return BROKEN_OFF
  return body === 'far-too-long' ? FAR_TOO_LONG : decide(request, body, parts)
}

type Body = Buffer | 'too-long' | 'far-too-long' | 'broken-off'

/** Calls `done` once. A body that is too long is read to its end, because the client sees the answer only then. */
function readBody(request: IncomingMessage, done: (body: Body) => void): void {
  const chunks: Buffer[] = []
  let bytes = 0
  let open = true
  const finish = (body: Body) => {
    if (open) done(body)
    open = false
  }
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > MAX_BYTES) finish('far-too-long')
    else if (bytes <= MAX_BODY_BYTES) chunks.push(chunk)
    else chunks.length = 0
  })
  request.once('end', () => {
    if (bytes > MAX_BODY_BYTES) finish('too-long')
    else finish(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks))
  })
  request.once('close', () => finish('broken-off'))
}

function decide(request: IncomingMessage, body: Buffer | 'too-long', parts: Parts): Outcome {
  const soapRequest = {
    contentType: request.headers['content-type'] ?? '',
    soapAction: request.headers.soapaction as string | undefined,
    body: body === 'too-long' ? null : body,
  }
  const routed = route(soapRequest, parts.flavour)
  const weather = parts.settings.next(routed.kind === 'call' ? routed.parameters.ChatConnectionIDBD : null)
  if (weather.fault) return faultOutcome(weather.fault, routed, parts, weather)
  if (routed.kind === 'refusal') return refusalOutcome(routed, null, weather.latencyMs)
  return callOutcome(routed, parts, weather.latencyMs)
}

function faultOutcome(kind: FaultKind, routed: RoutedCall | Refusal, parts: Parts, weather: Weather): Outcome {
  const { service, settings } = parts
  const { version } = routed
  const id = routed.kind === 'call' ? routed.parameters.ChatConnectionIDBD : null
  const answer = () => (routed.kind === 'call' ? replyTo(service.call(id), version) : routed.reply)
  const { retryAfter, latencyMs } = weather
  const { refuse } = settings.access
  const delivery = makeFault(kind, { version, customer: customerOf(service, id), answer, retryAfter, refuse })
  return { id, soapVersion: version, outcome: kind, delivery, delayMs: latencyMs }
}

function callOutcome(call: RoutedCall, parts: Parts, latency: number): Outcome {
  const { service, settings, flavour } = parts
  const { version, notUnderstood, parameters } = call
  const id = parameters.ChatConnectionIDBD
  // Header blocks are checked before the method runs, so its answer does not matter.
  if (notUnderstood !== null) return refusalOutcome(headerNotUnderstood(version, notUnderstood, flavour), id, latency)
  if (settings.access.admits(parameters)) return answerOutcome(service.call(id), call, latency)
  const reply = refusal(settings.access.refuse, version)
  return {
    id,
    soapVersion: version,
    outcome: 'invalid-credentials',
    delivery: { how: 'whole', reply },
    delayMs: latency,
  }
}

function customerOf(service: Service, id: string | null): string {
  const chat = service.record(id).ChatRequest
  const name = [chat?.UserName, chat?.UserLastName].filter(Boolean).join(' ')
  return name || 'José da Conceição'
}

function refusalOutcome(refusal: Refusal, id: string | null, delayMs: number): Outcome {
  const { version, outcome, reply } = refusal
  return { id, soapVersion: version, outcome, delivery: { how: 'whole', reply }, delayMs }
}

function answerOutcome(answer: Answer, call: RoutedCall, latency: number): Outcome {
  const { version, parameters } = call
  const delayMs = latency + answer.delayMs
  const reply = replyTo(answer, version)
  return {
    id: parameters.ChatConnectionIDBD,
    soapVersion: version,
    outcome: answer.kind,
    delivery: { how: 'whole', reply },
    delayMs,
  }
}

function replyTo(answer: Answer, version: RoutedCall['version']): Reply {
  if (answer.kind === 'fault') return soapReply(500, version, faultXml(version, answer.fault), true)
  return soapReply(200, version, envelopeXml(version, answer.xml), true)
}

function writeDown(outcome: Outcome, parts: Parts): void {
  const entry: LoggedRequest = {
    at: performance.timeOrigin + performance.now(),
    id: outcome.id,
    soapVersion: outcome.soapVersion,
    outcome: outcome.outcome,
    status: statusOf(outcome.delivery),
  }
  parts.log.push(entry)
  parts.write?.(entry)
}

function later(response: ServerResponse, ms: number, act: () => void): void {
  if (ms > 0) {
    const timer = setTimeout(act, ms)
    response.once('close', () => clearTimeout(timer))
  } else act()
}
