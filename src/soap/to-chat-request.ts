/**
 * The response element to a ServiceRecord, by one table of fields. The contract is the service's WSDL: strings may be
 * left out (null); ints and dates may not, but may be `xsi:nil`. A number stays text until the table says that it is one.
 */

import type { ChatRequest, ServiceRecord, ServiceResponse } from '../domain/chat-request.ts'
import { BodyProblem } from './body-problem.ts'
import { SERVICE_NAMESPACE } from './names.ts'
import { readDateTime, readInt } from './simple-types.ts'
import type { XmlElement } from './xml.ts'

const XSI_NAMESPACE = 'http://www.w3.org/2001/XMLSchema-instance'

interface Field {
  /** Our name. */
  key: string
  type: 'int' | 'string' | 'dateTime'
  /** A different bit for each field of a part. */
  bit: number
}

interface Part<T> {
  /** By the element's name on the wire. */
  fields: ReadonlyMap<string, Field>
  /** Bits of the fields that may not be left out. */
  mandatory: number
  /** Every key in its order, with null. */
  empty: T
}

/** Our name -> the element's name on the wire and its XML Schema type. */
type Table<T> = {
  readonly [K in keyof T]: readonly [element: string, type: T[K] extends number | null ? 'int' : 'string' | 'dateTime']
}

function partOf<T extends object>(table: Table<T>): Part<T> {
  const rows = Object.entries<Table<T>[keyof T]>(table)
  const fields = rows.map(([key, [element, type]], at): [string, Field] => [element, { key, type, bit: 1 << at }])
  return {
    fields: new Map(fields),
    mandatory: fields.reduce((bits, [, { type, bit }]) => (type === 'string' ? bits : bits | bit), 0),
    empty: Object.fromEntries(rows.map(([key]) => [key, null])) as T,
  }
}

const RESPONSE = partOf<ServiceResponse>({
  code: ['responseCode', 'int'],
  description: ['responseDescription', 'string'],
  encryptedSymmetricKey: ['encryptedSymmetrickey', 'string'], // their spelling
})

const CHAT_REQUEST = partOf<ChatRequest>({
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
})

const RESULT = 'GetChatRequestByConnectionIdResult'
const IN_RESPONSE: ReadonlyMap<string, true> = new Map([[RESULT, true]])
const IN_RESULT: ReadonlyMap<string, true> = new Map([
  ['response', true],
  ['ChatRequest', true],
])

/**
 * Throws a BodyProblem (`not-contract`) that names the field, never its value. Elements that we do not know are ignored
 * beside ours. But if there is content and none of it is ours, or the record stands in an element that we do not know, it
 * is the record written in another way, so only an empty response means nothing found.
 */
export function toServiceRecord(responseElement: XmlElement): ServiceRecord {
  const result = ownChildren(responseElement, IN_RESPONSE).get(RESULT)
  const parts = result && ownChildren(result, IN_RESULT)
  const chatRequest = readPart(parts?.get('ChatRequest'), CHAT_REQUEST)
  if (chatRequest === null) refuseMisplaced(responseElement, PLACES)
  return { response: readPart(parts?.get('response'), RESPONSE), chatRequest }
}

/** Where the record's names may stand although nothing was found: in a ChatRequest that is nil. */
const PLACES = [RESULT, 'ChatRequest']
/** The record itself, and the field that no record is without. */
const RECORD = /^(?:ChatRequest|IdRequest)$/i
/** The same in text that was escaped. Only a description may say so: it is written for people. */
const ESCAPED_RECORD = /<(?:[\w.-]{1,64}:)?(?:ChatRequest|IdRequest)[\s/>]/i

/** `places`: the names on the way to where a ChatRequest belongs. */
function refuseMisplaced(parent: XmlElement, [place, ...inner]: string[]): void {
  for (const child of parent.children) {
    const isPlace = child.name === place && child.namespace === SERVICE_NAMESPACE
    const isText = !RESPONSE.fields.has(child.name) && ESCAPED_RECORD.test(child.text)
    if (!isPlace && (RECORD.test(child.name) || isText)) {
      throw problem('expected ChatRequest in its place, got it in another')
    }
    refuseMisplaced(child, isPlace ? inner : [])
  }
}

/** The children with our names, except those that are nil. */
function ownChildren(parent: XmlElement, names: ReadonlyMap<string, true>): Map<string, XmlElement> {
  refuseText(parent)
  const own = new Map<string, XmlElement>()
  for (const child of parent.children) {
    if (!known(child, names)) continue
    if (own.has(child.name)) throw twice(parent, child.name)
    own.set(child.name, child)
  }
  if (own.size === 0 && parent.children.length > 0) throw problem(`expected ${[...names.keys()]}, got other elements`)
  for (const [name, child] of own) if (isNil(child)) own.delete(name)
  return own
}

function readPart<T extends object>(parent: XmlElement | undefined, part: Part<T>): T | null {
  if (!parent) return null
  const values = { ...part.empty } as Record<string, string | number | null>
  let seen = 0
  for (const child of parent.children) {
    const field = known(child, part.fields)
    if (!field) continue
    if (seen & field.bit) throw twice(parent, child.name)
    seen |= field.bit
    values[field.key] = readField(child, field.type)
  }
  if ((seen & part.mandatory) !== part.mandatory) throw missing(part, seen)
  return values as T
}

function readField(element: XmlElement, type: Field['type']): string | number | null {
  const { name, text, children } = element
  if (isNil(element)) return null
  if (children.length > 0) throw problem(`expected text in ${name}, got elements`)
  if (type === 'string') return readText(name, text)
  const value = type === 'int' ? readInt(text) : readDateTime(text)
  if (value === undefined) {
    throw problem(`expected ${name} to be of type ${type}, got ${text.length} characters that are not`)
  }
  return typeof value === 'string' ? copied(value) : value
}

/**
 * Names, an address, a description, keys in base64: the service's columns have room for far less. A text of hundreds of KiB
 * would be in each result, and Redis would be full of few of them.
 */
const MOST_CHARACTERS = 8192

function readText(name: string, text: string): string {
  if (text.length <= MOST_CHARACTERS) return copied(text)
  throw problem(`expected at most ${MOST_CHARACTERS} characters in ${name}, got ${text.length}`)
}

/** The engine copies what is shorter; a longer part of a string keeps the whole in memory. */
const COPIED_LENGTH = 13

/** A record that somebody keeps must not keep its answer, up to a mebibyte: the text is put into a string of its own. */
function copied(text: string): string {
  return text.length < COPIED_LENGTH ? text : ` ${text}`.slice(1)
}

/** What `names` has for the element; undefined if it is unknown. Throws if only its namespace or case is not ours. */
function known<T>({ name, namespace }: XmlElement, names: ReadonlyMap<string, T>): T | undefined {
  const found = names.get(name)
  if (found !== undefined && namespace === SERVICE_NAMESPACE) return found
  for (const ours of names.keys()) {
    if (ours.toLowerCase() === name.toLowerCase()) {
      throw problem(`expected ${ours} in ${SERVICE_NAMESPACE}, got it in another namespace or case`)
    }
  }
  return undefined
}

/** Refuses text between elements: a record that was escaped into one text would otherwise read as nothing found. */
function refuseText({ name, text }: XmlElement): void {
  if (NOT_SPACE.test(text)) throw problem(`expected elements in ${name}, got text`)
}

const NOT_SPACE = /[^ \t\r\n]/

function isNil({ name, attributes, children, text }: XmlElement): boolean {
  if (attributes.length === 0) return false
  const nil = attributes.find((each) => each.name === 'nil' && each.namespace === XSI_NAMESPACE)
  if (nil === undefined || !['true', '1'].includes(nil.value.trim())) return false
  if (children.length > 0 || NOT_SPACE.test(text))
    throw problem(`expected nothing in ${name}, which is nil, got content`)
  return true
}

function twice(parent: XmlElement, name: string): BodyProblem {
  const found = parent.children.filter((child) => child.name === name)
  return problem(`expected one ${name}, got ${found.length}`)
}

function missing<T>({ fields, mandatory }: Part<T>, seen: number): BodyProblem {
  const names = [...fields].filter(([, { bit }]) => mandatory & bit & ~seen).map(([name]) => name)
  return problem(`expected ${names[0]}, got none`)
}

function problem(message: string): BodyProblem {
  return new BodyProblem('not-contract', message)
}
