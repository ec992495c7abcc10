/** How parameters and header blocks are read, and the character sets they come in. */

import type { Case, Subject } from './cases.ts'
import { credentialFields, envelope, escapeXml, operation, type SoapVersion, usual } from './envelope.ts'
import type { Expected } from './expected.ts'

const VERSIONS = ['1.1', '1.2'] as const

export function parameterCases(subject: Subject): Case[] {
  return VERSIONS.flatMap((version) => [
    ...namesAndValues(subject, version),
    ...headerBlocks(subject, version),
    ...charsets(subject, version),
  ])
}

function caseOf(version: SoapVersion, name: string, body: string | Buffer, expected: Expected): Case {
  return { name, version, request: { headers: usual(version), body }, expected }
}

function namesAndValues({ credentials, connectionId }: Subject, version: SoapVersion): Case[] {
  const fields = credentialFields(credentials)
  const id = escapeXml(connectionId)
  const param = (value: string) => `<ChatConnectionIDBD>${value}</ChatConnectionIDBD>`
  const found = (name: string, inner: string) =>
    caseOf(version, name, envelope(version, operation(inner)), { is: 'found', version })
  const reached = (name: string, body: string) =>
    caseOf(version, name, envelope(version, body), { is: 'reached', version })
  return [
    found('parameters in another order', param(id) + fields),
    found('unknown elements', `<x>1</x>${fields}<y><z/></y>${param(id)}`),
    found('a parameter twice: the first counts', `${fields}${param(id)}${param('0')}`),
    found(
      'a parameter of another namespace is none',
      `<ChatConnectionIDBD xmlns="urn:x">0</ChatConnectionIDBD>${fields}${param(id)}`,
    ),
    found('CDATA', fields + param(`<![CDATA[${connectionId.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`)),
    found(
      'references',
      fields + param([...connectionId].map((each) => `&#x${each.codePointAt(0)?.toString(16)};`).join('')),
    ),
    found('comments and white space between', `\n <!-- a --> ${fields} <?p q?>\n${param(id)}\n`),
    caseOf(version, 'prefixes', envelope(version, prefixed(operation(fields + param(id)))), { is: 'found', version }),
    reached('no parameters', operation('')),
    reached('the wrong case of a name', operation('<chatConnectionIDBD>1</chatConnectionIDBD>')),
    reached('empty parameters', operation('<EncryptedUser/><ChatConnectionIDBD/>')),
    ...(version === '1.1'
      ? [reached('another element with the right SOAPAction', '<Other xmlns="urn:x"><a/></Other>')]
      : []),
  ]
}

/** The same with the prefix that PHP and zeep use. */
function prefixed(xml: string): string {
  return xml.replace(/<(\/?)(\w)/g, '<$1ns0:$2').replace('xmlns=', 'xmlns:ns0=')
}

function headerBlocks({ credentials, connectionId }: Subject, version: SoapVersion): Case[] {
  const inner = operation(
    `${credentialFields(credentials)}<ChatConnectionIDBD>${escapeXml(connectionId)}</ChatConnectionIDBD>`,
  )
  const block = (attribute: string) =>
    `<s:Header><w:Security xmlns:w="urn:w" ${attribute}><w:a/></w:Security></s:Header>`
  const sent = (name: string, header: string, expected: Expected) =>
    caseOf(version, name, envelope(version, inner, header), expected)
  const refused: Expected = {
    is: 'fault',
    version,
    code: 'MustUnderstand',
    text: 'SOAP header Security was not understood.',
    noDetail: true,
  }
  return [
    sent('a header block', block(''), { is: 'found', version }),
    sent('a header block with mustUnderstand="0"', block('s:mustUnderstand="0"'), { is: 'found', version }),
    sent('a header block with mustUnderstand="1"', block('s:mustUnderstand="1"'), refused),
    sent('a header block with mustUnderstand="true"', block('s:mustUnderstand="true"'), refused),
  ]
}

function charsets({ credentials, connectionId }: Subject, version: SoapVersion): Case[] {
  const inner = operation(
    `${credentialFields(credentials)}<ChatConnectionIDBD>${escapeXml(connectionId)}</ChatConnectionIDBD>`,
  )
  const declared = (encoding: string) => `<?xml version="1.0" encoding="${encoding}"?>\n${envelope(version, inner)}`
  const as = (charset: string) => usual(version).map((each) => each.replace('charset=utf-8', `charset=${charset}`))
  const found = (name: string, headers: readonly string[], body: Buffer): Case => ({
    name,
    version,
    request: { headers, body },
    expected: { is: 'found', version },
  })
  // Credentials and id must be ASCII for the bytes to be the same: a service of base64 and numbers has no others.
  return [
    found('a UTF-8 byte order mark', usual(version), Buffer.from(`\ufeff${declared('utf-8')}`)),
    found('UTF-16', as('utf-16'), Buffer.from(declared('utf-16'), 'utf16le')),
    found('UTF-16 with a mark', as('utf-16'), Buffer.from(`\ufeff${declared('utf-16')}`, 'utf16le')),
    found(
      'ISO-8859-1',
      as('iso-8859-1'),
      Buffer.from(declared('iso-8859-1').replace('<s:Body>', '<!-- \u00e9 --><s:Body>'), 'latin1'),
    ),
    found('the charset wins over the declaration', usual(version), Buffer.from(declared('iso-8859-1'))),
    found(
      'Latin-1 bytes as UTF-8',
      usual(version),
      Buffer.from(declared('utf-8').replace('<s:Body>', '<!-- \u00e9 --><s:Body>'), 'latin1'),
    ),
  ]
}
