/** The SOAP envelope of a request: which operation it asks for, and with which parameters. */

import type { EnvelopeVersion } from './reply.ts'
import type { XmlReader } from './xml-read.ts'
import { XmlError } from './xml-text.ts'

export const SERVICE_NAMESPACE = 'http://tempuri.org/'
export const OPERATION = 'GetChatRequestByConnectionId'
export const ENVELOPE_NAMESPACE: Record<EnvelopeVersion, string> = {
  '1.1': 'http://schemas.xmlsoap.org/soap/envelope/',
  '1.2': 'http://www.w3.org/2003/05/soap-envelope',
}

export const PARAMETER_NAMES = [
  'PublicKey1',
  'EncryptedUser',
  'EncryptedPassword',
  'EncryptedSignature',
  'ChatConnectionIDBD',
] as const
export type ParameterName = (typeof PARAMETER_NAMES)[number]
/** null: not sent under its qualified name. */
export type Parameters = Record<ParameterName, string | null>

/** Well-formed XML that is no SOAP message. The message is .NET's. */
export class FormatError extends Error {
  override name = 'FormatError'
}
const NO_ENVELOPE = 'Request format is invalid: Missing required soap:Envelope element.'
const NO_BODY = 'Request format is invalid: Missing required soap:Body element.'
const NOT_SIMPLE =
  "Unexpected node type. 'ReadElementString' method can only be called on elements with simple or empty content."

export function versionOfEnvelope(namespace: string): EnvelopeVersion | null {
  if (namespace === ENVELOPE_NAMESPACE['1.1']) return '1.1'
  return namespace === ENVELOPE_NAMESPACE['1.2'] ? '1.2' : null
}

/** Reads from the root to the first element of the Body, and no further. True if that element is our operation. */
export function bodyAsksForOperation(reader: XmlReader): boolean {
  const namespace = reader.namespace
  enterEnvelope(reader, namespace)
  while (reader.nextContent() !== 'end') {
    if (reader.kind !== 'start') continue
    if (reader.localName === 'Body' && reader.namespace === namespace) {
      return reader.nextContent() === 'start' && isOperation(reader)
    }
    reader.skip()
  }
  throw new FormatError(NO_BODY)
}

export interface Call {
  parameters: Parameters
  /** Local name of the first header block that must be understood, none of which the service knows. */
  notUnderstood: string | null
}

/** Reads from the root to its end. All of that must be well-formed; what follows is not read. */
export function readCall(reader: XmlReader): Call {
  const namespace = reader.namespace
  enterEnvelope(reader, namespace)
  let kind = reader.nextContent()
  let notUnderstood: string | null = null
  if (kind === 'start' && reader.localName === 'Header' && reader.namespace === namespace) {
    notUnderstood = readHeaders(reader)
    kind = reader.nextContent()
  }
  if (kind !== 'start' || reader.localName !== 'Body' || reader.namespace !== namespace) throw new FormatError(NO_BODY)
  const parameters = readBody(reader)
  while (reader.next() !== 'end' || reader.depth > 0);
  reader.next()
  return { parameters, notUnderstood }
}

function enterEnvelope(reader: XmlReader, namespace: string): void {
  if (reader.localName !== 'Envelope' || reader.namespace !== namespace) throw new FormatError(NO_ENVELOPE)
}

function readHeaders(reader: XmlReader): string | null {
  let first: string | null = null
  while (reader.nextContent() !== 'end') {
    if (reader.kind !== 'start') continue
    if (mustBeUnderstood(reader)) first ??= reader.localName
    reader.skip()
  }
  return first
}

/** The attribute of either version counts, in both. */
function mustBeUnderstood(reader: XmlReader): boolean {
  const attribute = reader.attributes.find(
    (each) => each.localName === 'mustUnderstand' && versionOfEnvelope(each.namespace) !== null,
  )
  return attribute !== undefined && ['1', 'true'].includes(attribute.value)
}

function isOperation(reader: XmlReader): boolean {
  return reader.localName === OPERATION && reader.namespace === SERVICE_NAMESPACE
}

/** Reads the Body from its start tag to its end tag. If its element is not the operation, every parameter is null. */
function readBody(reader: XmlReader): Parameters {
  const parameters: Parameters = {
    PublicKey1: null,
    EncryptedUser: null,
    EncryptedPassword: null,
    EncryptedSignature: null,
    ChatConnectionIDBD: null,
  }
  while (reader.nextContent() !== 'end') {
    if (reader.kind !== 'start') continue
    if (isOperation(reader)) readParameters(reader, parameters)
    else reader.skip()
  }
  return parameters
}

function readParameters(reader: XmlReader, into: Parameters): void {
  const read = new Set<string>()
  while (reader.nextContent() !== 'end') {
    if (reader.kind !== 'start') continue
    const name = PARAMETER_NAMES.find((each) => each === reader.localName)
    if (name && reader.namespace === SERVICE_NAMESPACE && !read.has(name)) {
      read.add(name)
      into[name] = readString(reader)
    } else reader.skip()
  }
}

function readString(reader: XmlReader): string {
  let value = ''
  while (reader.next() === 'text') value += reader.value
  if (reader.kind !== 'end') throw new XmlError(NOT_SIMPLE)
  return value
}
