/**
 * Reads a file of lookups as a stream, in memory that does not grow with it: one id a line, CSV with a header, or NDJSON.
 * A line that is none is reported and does not stop the others.
 */

import type { Readable } from 'node:stream'
import { readCsvRows } from './csv-rows.ts'
import type { Request } from './submit.ts'
import { MAX_LINE, readTextLines, type TextLine } from './text-lines.ts'

export type FileFormat = 'lines' | 'csv' | 'ndjson'
export type ReadRequest = { line: number; request: Request } | { line: number; problem: string }

/** What says that the bytes were no UTF-8: an id with it would be asked for in vain. */
const REPLACEMENT = '\uFFFD'
const JSON_ARRAY =
  'the file: expected one lookup a line, got a JSON array: pipe it through jq -c ".[]" (ids that begin with [ need --format lines)'
const NOT_UTF8 = 'expected text in UTF-8, got bytes that are none'

/** Throws when the whole source is not what it should be: compressed, UTF-16, a CSV without the column. */
export async function* readRequests(source: Readable, format: FileFormat | null): AsyncGenerator<ReadRequest> {
  const { bytes, head } = await peek(source)
  const first = firstLine(head)
  switch (format ?? formatOf(first)) {
    case 'lines':
      return yield* readIds(readTextLines(bytes))
    case 'ndjson':
      return yield* readNdjson(readTextLines(bytes))
    case 'csv':
      return yield* readCsv(bytes, first)
  }
}

/** Told by the first line that is not blank: an object, a header with connectionId (however spelt), or else an id. */
export function formatOf(firstLine: string): FileFormat {
  if (firstLine.trimStart().startsWith('{')) return 'ndjson'
  if (firstLine.trimStart().startsWith('[')) throw new Error(JSON_ARRAY)
  return firstLine.split(/[,;\t]/).some(isConnectionId) ? 'csv' : 'lines'
}

/** The source's bytes, and as many of them as its first line that is not blank needs. */
async function peek(source: Readable): Promise<{ bytes: AsyncGenerator<Buffer>; head: Buffer }> {
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer | string>
  let head: Buffer = Buffer.alloc(0)
  let ended = false
  while (!ended && head.length < MAX_LINE && !/\S.*\n/.test(textOf(head))) {
    const { value, done } = await chunks.next()
    if (done) ended = true
    else head = Buffer.concat([head, Buffer.from(value)])
  }
  refuseForeign(head)
  async function* bytes() {
    yield head
    while (!ended) {
      const { value, done } = await chunks.next()
      if (done) return
      yield Buffer.from(value)
    }
  }
  return { bytes: bytes(), head }
}

function refuseForeign(head: Buffer): void {
  const [first, second] = head
  if (first === 0x1f && second === 0x8b)
    throw new Error('the file: expected text, got a gzip file: pipe it through zcat')
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw new Error('the file: expected text in UTF-8, got UTF-16: pipe it through iconv -f UTF-16 -t UTF-8')
  }
}

function textOf(head: Buffer): string {
  return head.toString('utf8').replace(/^\uFEFF/, '')
}

function firstLine(head: Buffer): string {
  return (
    textOf(head)
      .split(/\r?\n/)
      .find((line) => line.trim() !== '') ?? ''
  )
}

async function* readIds(lines: AsyncIterable<TextLine>): AsyncGenerator<ReadRequest> {
  for await (const read of lines) {
    if ('problem' in read) yield read
    else if (read.text !== '') yield requestOrProblem(read.line, { connectionId: read.text }, read.text)
  }
}

async function* readNdjson(lines: AsyncIterable<TextLine>): AsyncGenerator<ReadRequest> {
  for await (const read of lines) {
    if ('problem' in read) yield read
    else if (read.text.trim() !== '') yield fromJson(read.line, read.text)
  }
}

function fromJson(line: number, text: string): ReadRequest {
  const value = parseJson(text)
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  const wrong = isObject ? misspelt(Object.keys(value)) : null
  if (wrong) return { line, problem: `a field: ${wrong}` }
  if (isObject) return requestOrProblem(line, withoutNulls(value as Record<string, unknown>), text)
  return { line, problem: 'expected a JSON object with a connectionId, got something else' }
}

async function* readCsv(bytes: AsyncGenerator<Buffer>, header: string): AsyncGenerator<ReadRequest> {
  let columns: string[] | null = null
  for await (const row of readCsvRows(readTextLines(bytes), delimiterOf(header))) {
    if ('problem' in row) yield row
    else if (columns === null) columns = checkedColumns(row.values.map((name) => name.trim()))
    else if (row.values.length > columns.length) yield { line: row.line, problem: TOO_MANY_VALUES }
    else yield requestOrProblem(row.line, fieldsOf(columns, row.values), row.values.join(''))
  }
}

/** Some id has been cut in two, and which one nobody knows. */
const TOO_MANY_VALUES = 'expected as many values as the header has columns, got more'

/** The character that parts connectionId from its neighbours: the other two may stand in values. */
function delimiterOf(header: string): string {
  return [',', ';', '\t'].find((delimiter) => header.split(delimiter).some(isConnectionId)) ?? ','
}

const FIELDS = ['connectionId', 'correlationId', 'metadata', 'expiresAt', 'idempotencyKey']

/** However it is spelt: what is meant to be one of ours, and is not quite, is refused rather than passed over. */
function meantBy(name: string): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z]/g, '')
  return FIELDS.find((field) => plain(field) === plain(name))
}

function isConnectionId(column: string): boolean {
  return meantBy(column) === 'connectionId'
}

/** Null where all names are ours, or nothing like it. */
function misspelt(names: string[]): string | null {
  const wrong = names.find((name) => meantBy(name) !== undefined && meantBy(name) !== name)
  return wrong === undefined ? null : `expected ${meantBy(wrong)}, got ${wrong}`
}

/** Says no column that is not ours: without a header they are somebody's data. */
function checkedColumns(columns: string[]): string[] {
  const wrong = misspelt(columns)
  if (wrong) throw new Error(`the file: a column of its CSV header: ${wrong}`)
  if (columns.includes('connectionId')) return columns
  throw new Error(
    `the file: expected a CSV header with a column connectionId, got ${columns.length} columns without it`,
  )
}

/** What is empty in a CSV is not given. */
function fieldsOf(columns: string[], values: string[]): Record<string, unknown> {
  const filled = columns.map((column, index) => [column, values[index] ?? '']).filter(([, value]) => value !== '')
  const { metadata, ...fields } = Object.fromEntries(filled) as Record<string, string>
  return metadata === undefined ? fields : { ...fields, metadata: parseJson(metadata) ?? metadata }
}

function requestOrProblem(line: number, fields: Record<string, unknown>, text: string): ReadRequest {
  if (text.includes(REPLACEMENT)) return { line, problem: NOT_UTF8 }
  const { connectionId, correlationId, metadata, expiresAt, idempotencyKey } = fields
  return { line, request: { connectionId, correlationId, metadata, expiresAt, idempotencyKey } }
}

/** As some languages write what is not there. */
function withoutNulls(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([name, value]) => value !== null || name === 'connectionId'))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
