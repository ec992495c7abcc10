/** The answers file: what the service says for which connection id. Its errors say which entry, which field, and what was expected. */

import { type Check, CheckError, checkObject, type Fields, isObject, wrong } from './checks.ts'
import { type AnswersEntry, CHAT_REQUEST_FIELDS, RESPONSE_FIELDS } from './records.ts'
import { XmlReader } from './xml-read.ts'

/** Throws a CheckError whose message names the entry, the field, what was expected and what was got. */
export function parseAnswers(text: string): AnswersEntry[] {
  const entries = parseJson(text)
  if (!Array.isArray(entries)) throw wrong('the answers file', 'a JSON array of entries', entries)
  const seen = new Map<string, number>()
  entries.forEach((entry: unknown, index) => {
    checkEntry(entry, index)
    const { id } = entry as AnswersEntry
    const before = seen.get(id)
    if (before !== undefined)
      throw new CheckError(`entry ${index}, id: expected an id of its own, got that of entry ${before}`)
    seen.set(id, index)
  })
  return entries as AnswersEntry[]
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''))
  } catch (error) {
    // Node's own message would show a piece of the file.
    const place = /position \d+/.exec((error as Error).message)?.[0] ?? 'its end'
    throw new CheckError(`the answers file: expected JSON, got something else at ${place}`)
  }
}

function checkEntry(entry: unknown, index: number): void {
  const id = isObject(entry) && typeof entry.id === 'string' ? ` (id ${JSON.stringify(entry.id)})` : ''
  const where = `entry ${index}${id}`
  if (!isObject(entry)) throw wrong(where, 'an object with id and result or fault', entry)
  if ('result' in entry === 'fault' in entry) throw wrong(where, 'either result or fault', Object.keys(entry))
  checkObject(entry, where, ENTRY_FIELDS, ['id'], partOfEntry)
}

const isString: Check = (value, where) => {
  if (typeof value !== 'string') throw wrong(where, 'a string', value)
  if (!value.isWellFormed()) throw wrong(where, 'a string without lone surrogates', value)
}
const isStringOrNull: Check = (value, where) => {
  if (value === null) return
  if (typeof value !== 'string') throw wrong(where, 'a string or null', value)
  isString(value, where)
}
const isIntOrNull: Check = (value, where) => {
  const fits = Number.isInteger(value) && (value as number) >= -(2 ** 31) && (value as number) < 2 ** 31
  if (value !== null && !fits) throw wrong(where, 'a 32-bit integer or null', value)
}
const isDelay: Check = (value, where) => {
  const fits = typeof value === 'number' && value >= 0 && value < 2 ** 31
  if (!fits) throw wrong(where, 'milliseconds, 0 or more', value)
}
const isFaultCode: Check = (value, where) => {
  if (value !== 'Client' && value !== 'Server') throw wrong(where, '"Client" or "Server"', value)
}
const isXml: Check = (value, where) => {
  isString(value, where)
  const reader = new XmlReader(`<detail>${value as string}</detail>`)
  try {
    while (reader.next() !== 'eof');
  } catch (cause) {
    throw new CheckError(`${where}: expected XML that may stand inside detail, got ${(cause as Error).message}`, {
      cause,
    })
  }
}

const RECORD_CHECK = { int: isIntOrNull, dateTime: isStringOrNull, string: isStringOrNull }
const RESPONSE_CHECKS = recordChecks(RESPONSE_FIELDS)
const CHAT_REQUEST_CHECKS = recordChecks(CHAT_REQUEST_FIELDS)
const RESULT_FIELDS: Fields = {
  response: objectOrNull(RESPONSE_CHECKS),
  ChatRequest: objectOrNull(CHAT_REQUEST_CHECKS),
}
const FAULT_FIELDS: Fields = { code: isFaultCode, string: isString, actor: isString, detail: isXml }
const ENTRY_FIELDS: Fields = {
  id: isString,
  delayMs: isDelay,
  result: objectOrNull(RESULT_FIELDS),
  fault: (value, where) => {
    if (!isObject(value)) throw wrong(where, 'an object with code and string', value)
    checkObject(value, where, FAULT_FIELDS, ['code', 'string'], partOfEntry)
  },
}

function recordChecks(table: Readonly<Record<string, keyof typeof RECORD_CHECK>>): Fields {
  return Object.fromEntries(Object.entries(table).map(([name, kind]) => [name, RECORD_CHECK[kind]]))
}

function objectOrNull(fields: Fields): Check {
  return (value, where) => {
    if (value === null) return
    if (!isObject(value)) throw wrong(where, 'an object or null', value)
    checkObject(value, where, fields, [], partOfEntry)
  }
}

/** `entry 3 (id "x"), result.ChatRequest.IdQueue` */
function partOfEntry(where: string, name: string): string {
  return where.includes(', ') ? `${where}.${name}` : `${where}, ${name}`
}
