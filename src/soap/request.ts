/** The request in both SOAP versions, as the service's own page shows it. */

import { XMLBuilder } from 'fast-xml-parser'
import { ACTION, OPERATION, SERVICE_NAMESPACE, SOAP_NAMESPACES, type SoapVersion } from './names.ts'

/** The four credential fields, sent as given. */
export interface Credentials {
  publicKey1: string
  encryptedUser: string
  encryptedPassword: string
  encryptedSignature: string
}

export interface SoapRequest {
  headers: Record<string, string>
  body: string
}

/** The envelope is written once for each set of credentials; then only the connection id is put into it. */
export class RequestWriter {
  readonly #version: SoapVersion
  readonly #headers: Record<string, string>
  #credentials: Credentials | undefined
  #beforeId = ''
  #afterId = ''

  constructor(version: SoapVersion) {
    this.#version = version
    this.#headers = { ...versionHeaders(version), ...COMMON_HEADERS }
  }

  /** Throws a RangeError if a text holds a character that XML cannot carry. */
  write(credentials: Credentials, connectionId: string): SoapRequest {
    if (!this.#credentials || !areSame(credentials, this.#credentials)) this.#frame(credentials)
    return { headers: this.#headers, body: `${this.#beforeId}${escaped(checked(connectionId))}${this.#afterId}` }
  }

  #frame(credentials: Credentials): void {
    const document = writeEnvelope(this.#version, credentials)
    // Credentials are escaped, so that none of them can hold this tag.
    const at = document.indexOf(`</${ID}>`)
    this.#beforeId = document.slice(0, at)
    this.#afterId = document.slice(at)
    this.#credentials = { ...credentials }
  }
}

function areSame(one: Credentials, other: Credentials): boolean {
  return (
    one.publicKey1 === other.publicKey1 &&
    one.encryptedUser === other.encryptedUser &&
    one.encryptedPassword === other.encryptedPassword &&
    one.encryptedSignature === other.encryptedSignature
  )
}

/** Compression is refused: a small bomb would become a large one after the size limit. */
const COMMON_HEADERS = { 'accept-encoding': 'identity', 'user-agent': 'chat-enricher' }

function versionHeaders(version: SoapVersion): Record<string, string> {
  return version === '1.1'
    ? { 'content-type': 'text/xml; charset=utf-8', soapaction: `"${ACTION}"` }
    : { 'content-type': `application/soap+xml; charset=utf-8; action="${ACTION}"` }
}

/** The writer's own escaping leaves CR as it is, and a raw CR would reach the service as LF. */
const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#xD;' }

function escaped(text: string): string {
  return text.replace(/[&<>\r]/g, (character) => ESCAPES[character] ?? character)
}

const XML_WRITER = new XMLBuilder({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  format: true,
  processEntities: false,
  tagValueProcessor: (_, text) => escaped(String(text)),
})
const ID = 'ChatConnectionIDBD'

/** With an empty connection id. */
function writeEnvelope(version: SoapVersion, credentials: Credentials): string {
  const soap = version === '1.1' ? 'soap' : 'soap12'
  const parameters = {
    PublicKey1: checked(credentials.publicKey1),
    EncryptedUser: checked(credentials.encryptedUser),
    EncryptedPassword: checked(credentials.encryptedPassword),
    EncryptedSignature: checked(credentials.encryptedSignature),
    [ID]: '',
  }
  const document = XML_WRITER.build({
    '?xml': { '@version': '1.0', '@encoding': 'utf-8' },
    [`${soap}:Envelope`]: {
      '@xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance',
      '@xmlns:xsd': 'http://www.w3.org/2001/XMLSchema',
      [`@xmlns:${soap}`]: SOAP_NAMESPACES[version],
      [`${soap}:Body`]: { [OPERATION]: { '@xmlns': SERVICE_NAMESPACE, ...parameters } },
    },
  })
  return document.trimEnd() // without the writer's last line feed
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const NO_CHARACTER = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Surrogate}/u
/** Whether XML can carry the text. */
export function isXmlText(text: string): boolean {
  return !NO_CHARACTER.test(text)
}

function checked(text: string): string {
  if (!isXmlText(text)) throw new RangeError('expected text that XML can carry')
  return text
}
