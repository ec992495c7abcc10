/** Answers written, and read, by XML libraries that are not ours: @xmldom/xmldom and sax, which came with npm's soap. */

import { createRequire } from 'node:module'
import { DOMImplementation, XMLSerializer } from '@xmldom/xmldom'
import type { ChatRequest, ServiceRecord, ServiceResponse } from '../../src/domain/chat-request.ts'

const SERVICE = 'http://tempuri.org/'
const XSI = 'http://www.w3.org/2001/XMLSchema-instance'
const SOAP = {
  '1.1': 'http://schemas.xmlsoap.org/soap/envelope/',
  '1.2': 'http://www.w3.org/2003/05/soap-envelope',
} as const

/** Wire name -> our name, written down here a second time on purpose. */
export const RESPONSE_NAMES: Record<string, keyof ServiceResponse> = {
  responseCode: 'code',
  responseDescription: 'description',
  encryptedSymmetrickey: 'encryptedSymmetricKey',
}
export const CHAT_NAMES: Record<string, keyof ChatRequest> = {
  IdRequest: 'idRequest',
  CaseNumber: 'caseNumber',
  CreationDate: 'creationDate',
  IdQueue: 'idQueue',
  KeepAliveRouterDate: 'keepAliveRouterDate',
  AssignAgentRouterDate: 'assignAgentRouterDate',
  IdConnection: 'idConnection',
  IdRequestTransfer: 'idRequestTransfer',
  UserName: 'userName',
  UserLastName: 'userLastName',
  UserEmail: 'userEmail',
  UserOffsetTime: 'userOffsetTime',
  EncryptedChatRequestId: 'encryptedChatRequestId',
}
const STRINGS = new Set([
  'responseDescription',
  'encryptedSymmetrickey',
  'UserName',
  'UserLastName',
  'UserEmail',
  'EncryptedChatRequestId',
])

export interface Manner {
  version: '1.1' | '1.2'
  /** Of the service's elements; empty: a default namespace. */
  prefix: string
  /** Null strings as `xsi:nil` instead of left out. */
  nil: boolean
  cdata: boolean
  reversed: boolean
  /** An element that nobody knows between all others. */
  strangers: boolean
}

export function write(record: ServiceRecord, manner: Manner): string {
  const document = new DOMImplementation().createDocument(SOAP[manner.version], 'soap:Envelope', null)
  const named = (name: string) => document.createElementNS(SERVICE, manner.prefix ? `${manner.prefix}:${name}` : name)
  const leaf = (name: string, value: string | number | null) => {
    const element = named(name)
    if (value === null) element.setAttributeNS(XSI, 'xsi:nil', 'true')
    else if (manner.cdata && STRINGS.has(name) && !/\]\]>|\r/.test(`${value}`) && value !== '')
      element.appendChild(document.createCDATASection(`${value}`))
    else element.appendChild(document.createTextNode(`${value}`))
    return element
  }
  const part = (name: string, names: Record<string, string>, values: object) => {
    const leaves = Object.entries(names).flatMap(([wire, ours]) => {
      const value = (values as Record<string, string | number | null>)[ours] ?? null
      if (value === null && !manner.nil && STRINGS.has(wire)) return []
      return manner.strangers ? [leaf('Stranger', 'IdRequest'), leaf(wire, value)] : [leaf(wire, value)]
    })
    const element = named(name)
    for (const child of manner.reversed ? leaves.reverse() : leaves) element.appendChild(child)
    return element
  }
  const result = named('GetChatRequestByConnectionIdResult')
  if (record.response) result.appendChild(part('response', RESPONSE_NAMES, record.response))
  if (record.chatRequest) result.appendChild(part('ChatRequest', CHAT_NAMES, record.chatRequest))
  const response = named('GetChatRequestByConnectionIdResponse')
  response.appendChild(result)
  const body = document.createElementNS(SOAP[manner.version], 'soap:Body')
  body.appendChild(response)
  document.documentElement?.appendChild(body)
  return new XMLSerializer().serializeToString(document)
}

interface SaxParser {
  onopentag: (tag: {
    local: string
    uri: string
    attributes: Record<string, { local: string; uri: string; value: string }>
  }) => void
  onclosetag: () => void
  ontext: (text: string) => void
  oncdata: (text: string) => void
  onerror: (error: Error) => void
  write(text: string): SaxParser
  close(): void
}
const sax = createRequire(import.meta.url)('sax') as { parser(strict: boolean, options: object): SaxParser }

/** The texts of the ChatRequest by sax, by wire name, each first in its part; null if sax refuses the document. */
export function readBySax(xml: string): Record<string, string | null> | null {
  const parser = sax.parser(true, { xmlns: true, strictEntities: true })
  const path: string[] = []
  const texts: Record<string, string | null> = {}
  let wrong = false
  parser.onerror = () => {
    wrong = true
    Object.assign(parser, { error: null })
  }
  parser.onopentag = ({ local, uri, attributes }) => {
    path.push(`{${uri}}${local}`)
    const nil = Object.values(attributes).some(
      (a) => a.local === 'nil' && a.uri === XSI && /^\s*(true|1)\s*$/.test(a.value),
    )
    if (isField(path)) texts[local] = nil ? null : ''
  }
  const text = (piece: string) => {
    const name = path.at(-1)?.split('}')[1] ?? ''
    if (isField(path) && texts[name] !== null) texts[name] += piece
  }
  parser.ontext = text
  parser.oncdata = text
  parser.onclosetag = () => path.pop()
  try {
    parser.write(xml).close()
  } catch {
    return null
  }
  return wrong ? null : texts
}

function isField(path: string[]): boolean {
  return path.length === 6 && path[4] === `{${SERVICE}}ChatRequest` && path[5]?.startsWith(`{${SERVICE}}`) === true
}
