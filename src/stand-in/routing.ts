/**
 * What happens to a SOAP request before the method is called: its version, its operation and its parameters, or how it is
 * refused. The steps are in ASP.NET's order, because clients can tell it from outside.
 */

import { contentTypeBase, contentTypeParameter, decodeRequest } from './charset.ts'
import { type Flavour, TEXTS } from './flavour.ts'
import { type EnvelopeVersion, type Reply, soapReply } from './reply.ts'
import {
  bodyAsksForOperation,
  ENVELOPE_NAMESPACE,
  FormatError,
  OPERATION,
  type Parameters,
  readCall,
  SERVICE_NAMESPACE,
  versionOfEnvelope,
} from './soap-read.ts'
import { XmlReader } from './xml-read.ts'
import { XmlError } from './xml-text.ts'
import { type Fault, faultXml } from './xml-write.ts'

export interface ReceivedRequest {
  contentType: string
  soapAction: string | undefined
  /** null: longer than the service accepts. */
  body: Buffer | null
}

export interface RoutedCall {
  kind: 'call'
  version: EnvelopeVersion
  parameters: Parameters
  notUnderstood: string | null
}
export interface Refusal {
  kind: 'refusal'
  version: EnvelopeVersion
  /** Why, for the request log. */
  outcome:
    | 'bad-action'
    | 'bad-xml'
    | 'bad-envelope'
    | 'media-type'
    | 'version-mismatch'
    | 'must-understand'
    | 'too-long'
  reply: Reply
}

export const ACTION = SERVICE_NAMESPACE + OPERATION

export function route(request: ReceivedRequest, flavour: Flavour): RoutedCall | Refusal {
  const base = contentTypeBase(request.contentType)
  const guess = request.soapAction === undefined || base === 'application/soap+xml' ? '1.2' : '1.1'
  const refused = guess === '1.1' ? routeByHeader(request, flavour) : routeByContent(request, flavour)
  if (refused) return refused
  if (request.body === null) return tooLong(guess, flavour)
  if (base !== 'text/xml' && base !== 'application/soap+xml') return mediaType(guess)
  return readRequest(request.body, request.contentType, guess, flavour)
}

/** SOAP 1.1: the SOAPAction header alone decides; the body is not read. */
function routeByHeader(request: ReceivedRequest, flavour: Flavour): Refusal | null {
  const header = request.soapAction ?? ''
  const quoted = header.length > 1 && header.startsWith('"') && header.endsWith('"')
  const action = urlDecode(quoted ? header.slice(1, -1) : header)
  if (action === ACTION) return null
  const string = flavour.fill(TEXTS.unknownAction, 'SOAPAction', action)
  return refuse('bad-action', '1.1', { code: 'Client', string })
}

/** SOAP 1.2: the action of the content type if it is known, else the first element of the Body. */
function routeByContent(request: ReceivedRequest, flavour: Flavour): Refusal | null {
  const action = urlDecode(contentTypeParameter(request.contentType, 'action') ?? '')
  if (action === ACTION || request.body === null) return null
  let envelope: string | null = null
  try {
    const reader = new XmlReader(decodeRequest(request.body, request.contentType))
    reader.nextContent()
    envelope = reader.namespace
    if (bodyAsksForOperation(reader)) return null
  } catch (error) {
    return notRoutable(error as Error, envelope, flavour)
  }
  const string = action === '' ? TEXTS.noAction : flavour.fill(TEXTS.unknownAction12, action)
  const version = versionOfEnvelope(envelope)
  return version ? refuse('bad-action', version, { code: 'Client', string }) : versionMismatch(envelope, flavour)
}

/** What cannot be read while routing is a Server fault, in the version of the envelope if that could be read. */
function notRoutable(error: Error, envelope: string | null, flavour: Flavour): Refusal {
  if (!(error instanceof XmlError || error instanceof FormatError)) throw error
  const version = envelope === null ? '1.2' : versionOfEnvelope(envelope)
  if (version === null) return versionMismatch(envelope ?? '', flavour)
  const outcome = error instanceof XmlError ? 'bad-xml' : 'bad-envelope'
  return refuse(outcome, version, { code: 'Server', string: `${TEXTS.unprocessable} ---> ${error.message}` })
}

function readRequest(
  body: Buffer,
  contentType: string,
  guess: EnvelopeVersion,
  flavour: Flavour,
): RoutedCall | Refusal {
  let version = guess
  try {
    const reader = new XmlReader(decodeRequest(body, contentType))
    reader.nextContent()
    const real = versionOfEnvelope(reader.namespace)
    if (real === null) return versionMismatch(reader.namespace, flavour)
    version = real
    // A 1.2 envelope may come as text/xml, a 1.1 envelope as nothing else.
    if (version === '1.1' && contentTypeBase(contentType) !== 'text/xml') return mediaType('1.1')
    const { parameters, notUnderstood } = readCall(reader)
    return { kind: 'call', version, parameters, notUnderstood }
  } catch (error) {
    return notReadable(error as Error, version)
  }
}

/** XML that is not well-formed is a 400 without a body; well-formed XML that is no SOAP is a fault. */
function notReadable(error: Error, version: EnvelopeVersion): Refusal {
  if (error instanceof XmlError) {
    return { kind: 'refusal', version, outcome: 'bad-xml', reply: soapReply(400, version, '', false) }
  }
  if (!(error instanceof FormatError)) throw error
  return refuse('bad-envelope', version, { code: 'Client', string: `${TEXTS.unreadable} ---> ${error.message}` })
}

function versionMismatch(envelope: string, flavour: Flavour): Refusal {
  const string = flavour.fill(TEXTS.versionMismatch, envelope, ENVELOPE_NAMESPACE['1.1'])
  return refuse('version-mismatch', '1.1', { code: 'VersionMismatch', string })
}

function mediaType(version: EnvelopeVersion): Refusal {
  return { kind: 'refusal', version, outcome: 'media-type', reply: soapReply(415, version, '', false) }
}

function tooLong(version: EnvelopeVersion, flavour: Flavour): Refusal {
  return refuse('too-long', version, { code: 'Server', string: `${TEXTS.tooLong} ---> ${flavour.tooLong}` })
}

/** Refusal of a header block that must be understood. It comes once the method is known, before the method runs. */
export function headerNotUnderstood(version: EnvelopeVersion, name: string, flavour: Flavour): Refusal {
  const string = flavour.fill(TEXTS.notUnderstood, name)
  return refuse('must-understand', version, { code: 'MustUnderstand', string, aboutHeader: true }, true)
}

function refuse(outcome: Refusal['outcome'], version: EnvelopeVersion, fault: Fault, called = false): Refusal {
  return { kind: 'refusal', version, outcome, reply: soapReply(500, version, faultXml(version, fault), called) }
}

/** Decodes a form field as HttpUtility.UrlDecode does: a plus is a space, and what is no escape stays. */
function urlDecode(text: string): string {
  if (!/[+%]/.test(text)) return text
  return text
    .replaceAll('+', ' ')
    .replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString())
}
