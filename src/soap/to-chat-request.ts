/**
 * The response element -> ServiceRecord, by one table of fields. The contract is the service's WSDL: strings may be left
 * out (null), ints and dates may not, only be `xsi:nil`. A number stays characters until the table says it is one.
 */

import type { ChatRequest, ServiceRecord, ServiceResponse } from '../domain/chat-request.ts'
import { BodyProblem } from './body-problem.ts'
import { SERVICE_NAMESPACE } from './envelope.ts'
import { readDateTime, readInt } from './simple-types.ts'
import type { XmlElement } from './xml.ts'

const XSI_NAMESPACE = 'http://www.w3.org/2001/XMLSchema-instance'

/** Our name -> the element's name on the wire and its XML Schema type. */
type Fields<T> = {
  readonly [K in keyof T]: readonly [element: string, type: T[K] extends number | null ? 'int' : 'string' | 'dateTime']
}

const RESPONSE_FIELDS: Fields<ServiceResponse> = {
  code: ['responseCode', 'int'],
  description: ['responseDescription', 'string'],
  encryptedSymmetricKey: ['encryptedSymmetrickey', 'string'], // their spelling
}

const CHAT_REQUEST_FIELDS: Fields<ChatRequest> = {
  idRequest: ['IdRequest', 'int'],
  caseNumber: ['CaseNumber', 'int'],
  creationDate: ['CreationDate', 'dateTime'],
  idQueue: ['IdQueue', 'int'],
  keepAliveRouterDate: ['KeepAliveRouterDate', 'dateTime'],
  assignAgentRouterDate: ['AssignAgentRouterDate', 'dateTime'],
  idConnection: ['IdConnection', 'int'],
  idRequestTransfer: ['IdRequestTransfer', 'int'],
  userName: ['UserName', 'string'],
  userLastName: ['UserLastName', 'string'],
  userEmail: ['UserEmail', 'string'],
  userOffsetTime: ['UserOffsetTime', 'int'],
  encryptedChatRequestId: ['EncryptedChatRequestId', 'string'],
}

/** Throws a BodyProblem (`not-contract`) that names the field, never its value. Unknown elements are ignored. */
export function toServiceRecord(responseElement: XmlElement): ServiceRecord {
  const result = childOf(responseElement, 'GetChatRequestByConnectionIdResult')
  const response = result && childOf(result, 'response')
  const chatRequest = result && childOf(result, 'ChatRequest')
  return {
    response: response && readFields(response, RESPONSE_FIELDS),
    chatRequest: chatRequest && readFields(chatRequest, CHAT_REQUEST_FIELDS),
  }
}

function readFields<T>(parent: XmlElement, fields: Fields<T>): T {
  const names = Object.keys(fields) as (keyof T)[]
  const read = (name: keyof T) => {
    const [element, type] = fields[name]
    return [name, readField(parent, element, type)]
  }
  return Object.fromEntries(names.map(read)) as T
}

function readField(parent: XmlElement, name: string, type: 'int' | 'string' | 'dateTime'): string | number | null {
  const element = elementOf(parent, name)
  if (element === null && type !== 'string') throw problem(`expected ${name}, got none`)
  if (element === null || isNil(element)) return null
  if (element.children.length > 0) throw problem(`expected text in ${name}, got elements`)
  if (type === 'string') return copied(element.text)
  const value = type === 'int' ? readInt(element.text) : readDateTime(element.text)
  if (value === undefined) {
    throw problem(`expected ${name} to be of type ${type}, got ${element.text.length} characters that are not`)
  }
  return typeof value === 'string' ? copied(value) : value
}

/** A part of a string keeps the whole in memory: a record that somebody keeps would keep its answer, up to a mebibyte. */
function copied(text: string): string {
  return Buffer.from(text).toString()
}

/** The child of that name unless it is absent or nil. */
function childOf(parent: XmlElement, name: string): XmlElement | null {
  const child = elementOf(parent, name)
  return child && !isNil(child) ? child : null
}

function elementOf(parent: XmlElement, name: string): XmlElement | null {
  const found = parent.children.filter((child) => child.name === name && child.namespace === SERVICE_NAMESPACE)
  if (found.length > 1) throw problem(`expected one ${name}, got ${found.length}`)
  return found[0] ?? null
}

function isNil(element: XmlElement): boolean {
  const nil = element.attributes.find(({ name, namespace }) => name === 'nil' && namespace === XSI_NAMESPACE)
  return nil !== undefined && ['true', '1'].includes(nil.value.trim())
}

function problem(message: string): BodyProblem {
  return new BodyProblem('not-contract', message)
}
