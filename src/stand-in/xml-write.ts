/** Answers and faults as .NET's XmlTextWriter puts them: one line, `soap` in both versions, soap, xsi, xsd in this order. */

import {
  CHAT_REQUEST_FIELDS,
  type ChatRequestRecord,
  type FaultRecord,
  type FieldKind,
  RESPONSE_FIELDS,
  type ResponseRecord,
  type ResultRecord,
} from './records.ts'
import type { EnvelopeVersion } from './reply.ts'
import { ENVELOPE_NAMESPACE, OPERATION, SERVICE_NAMESPACE } from './soap-read.ts'

/** What .NET writes for a value type that nobody set: an int and a date are never left out. */
const UNSET: Readonly<Record<FieldKind, string | null>> = { int: '0', dateTime: '0001-01-01T00:00:00', string: null }

const RESPONSE = Object.entries(RESPONSE_FIELDS) as [keyof ResponseRecord, FieldKind][]
const CHAT_REQUEST = Object.entries(CHAT_REQUEST_FIELDS) as [keyof ChatRequestRecord, FieldKind][]

/** The type's name in the WSDL. It is made up, because the service's own name is not known. */
const RESULT_TYPE = 'ChatRequestResult'
const XMLNS = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
const HEAD: Record<EnvelopeVersion, string> = { '1.1': head('1.1'), '1.2': head('1.2') }

function head(version: EnvelopeVersion): string {
  return `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="${ENVELOPE_NAMESPACE[version]}" ${XMLNS}>`
}

/** Only what .NET escapes: `&`, `<`, `>`, and control characters as references that XML 1.0 does not know. CR stays as it is. */
export function escapeText(text: string): string {
  for (let i = 0; i < text.length; i += 1) {
    if (needsEscape(text.charCodeAt(i))) return text.slice(0, i) + escapeFrom(text, i)
  }
  return text
}

function needsEscape(code: number): boolean {
  if (code === 0x26 || code === 0x3c || code === 0x3e) return true
  if (code < 0x20) return code !== 9 && code !== 10 && code !== 13
  return code >= 0xfffe
}

function escapeFrom(text: string, start: number): string {
  let escaped = ''
  for (let i = start; i < text.length; i += 1) {
    const code = text.charCodeAt(i)
    if (!needsEscape(code)) escaped += text[i]
    else if (code === 0x26) escaped += '&amp;'
    else if (code === 0x3c) escaped += '&lt;'
    else if (code === 0x3e) escaped += '&gt;'
    else escaped += `&#x${code.toString(16).toUpperCase()};`
  }
  return escaped
}

function element(name: string, content: string): string {
  return content === '' ? `<${name} />` : `<${name}>${content}</${name}>`
}

function fields<R>(record: R, table: readonly [keyof R & string, FieldKind][]): string {
  let xml = ''
  for (const [name, kind] of table) {
    const value = (record[name] as string | number | null | undefined) ?? UNSET[kind]
    if (value !== null) xml += element(name, typeof value === 'number' ? String(value) : escapeText(value))
  }
  return xml
}

/** The part of an answer that is the same in both versions: the operation's response element. */
export function responseXml(result: ResultRecord | null): string {
  const opened = `<${OPERATION}Response xmlns="${SERVICE_NAMESPACE}"`
  if (result === null) return `${opened} />`
  return `${opened}>${element(`${OPERATION}Result`, resultParts(result))}</${OPERATION}Response>`
}

function resultParts(result: ResultRecord): string {
  let inner = ''
  if (result.response) inner += element('response', fields(result.response, RESPONSE))
  if (result.ChatRequest) inner += element('ChatRequest', fields(result.ChatRequest, CHAT_REQUEST))
  return inner
}

/** The result alone, without an envelope, as HTTP POST gets it. */
export function resultDocument(result: ResultRecord | null): string {
  const opened = `<?xml version="1.0" encoding="utf-8"?>\r\n<${RESULT_TYPE} ${XMLNS}`
  if (result === null) return `${opened} xsi:nil="true" xmlns="${SERVICE_NAMESPACE}" />`
  return `${opened} xmlns="${SERVICE_NAMESPACE}">${resultParts(result)}</${RESULT_TYPE}>`
}

export function envelopeXml(version: EnvelopeVersion, body: string, header = ''): string {
  const headerXml = header === '' ? '' : `<soap:Header>${header}</soap:Header>`
  return `${HEAD[version]}${headerXml}<soap:Body>${body}</soap:Body></soap:Envelope>`
}

export interface Fault extends Omit<FaultRecord, 'code'> {
  code: FaultRecord['code'] | 'VersionMismatch' | 'MustUnderstand'
  /** A fault about a header block has no detail at all. */
  aboutHeader?: true
}

const CODE_IN_12: Readonly<Record<Fault['code'], string>> = {
  Client: 'Sender',
  Server: 'Receiver',
  VersionMismatch: 'VersionMismatch',
  MustUnderstand: 'MustUnderstand',
}

export function faultXml(version: EnvelopeVersion, fault: Fault): string {
  const body = version === '1.1' ? fault11(fault) : fault12(fault)
  return envelopeXml(version, `<soap:Fault>${body}</soap:Fault>`, fault.code === 'VersionMismatch' ? UPGRADE : '')
}

function fault11(fault: Fault): string {
  const actor = fault.actor ? element('faultactor', escapeText(fault.actor)) : ''
  const text = element('faultstring', escapeText(fault.string))
  return `<faultcode>soap:${fault.code}</faultcode>${text}${actor}${detail(fault, '<detail />')}`
}

function fault12(fault: Fault): string {
  const code = `<soap:Code><soap:Value>soap:${CODE_IN_12[fault.code]}</soap:Value></soap:Code>`
  const reason = `<soap:Reason><soap:Text xml:lang="en">${escapeText(fault.string)}</soap:Text></soap:Reason>`
  const node = fault.actor ? element('soap:Node', escapeText(fault.actor)) : ''
  return code + reason + node + detail(fault, '<soap:Detail />')
}

/** A SoapException's own detail keeps its unqualified name in 1.2 too; only the empty one is the envelope's. */
function detail(fault: Fault, empty: string): string {
  if (fault.aboutHeader) return ''
  return fault.detail ? `<detail>${fault.detail}</detail>` : empty
}

const UPGRADE =
  `<soap12:Upgrade xmlns:soap12="${ENVELOPE_NAMESPACE['1.2']}">` +
  `<soap12:SupportedEnvelope qname="soap:Envelope" xmlns:soap="${ENVELOPE_NAMESPACE['1.1']}" />` +
  `<soap12:SupportedEnvelope qname="soap12:Envelope" xmlns:soap12="${ENVELOPE_NAMESPACE['1.2']}" />` +
  '</soap12:Upgrade>'
