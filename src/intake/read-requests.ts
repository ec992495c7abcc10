/**
 * Reads a file of lookups as a stream, in memory that does not grow with the file: one id a line, CSV with a header, or
 * NDJSON. A line without a lookup is reported and does not stop the others.
 */

import type { Readable } from 'node:stream'
import { problemOfMetadata } from '../domain/exact-json.ts'
import { checkedColumns, delimitersIn, FIELDS, misspelt, unknownField } from './columns.ts'
import { readCsvRows } from './csv-rows.ts'
import { type FileFormat, type FileLayout, layoutOf, OR_LINES, peek } from './file-head.ts'
import type { Request } from './submit.ts'
import { readLinesTogether, readTextLines, type TextLine } from './text-lines.ts'

export type { FileFormat } from './file-head.ts'
export type ReadRequest = { line: number; request: Request } | { line: number; problem: string }

/** The decoder's sign that bytes were not UTF-8. The service knows no id that holds it. */
const REPLACEMENT = '\uFFFD'
const NOT_UTF8 = 'expected text in UTF-8, got bytes that are not UTF-8'

/** Throws if the source as a whole cannot be read: it is binary, UTF-16, or a table without a column of ours. */
export async function* readRequests(source: Readable, format: FileFormat | null): AsyncGenerator<ReadRequest> {
  const { bytes, head } = await peek(source)
  const layout = layoutOf(head, format)
  const lines = readTextLines(bytes)
  switch (layout.format) {
    case 'lines':
      return yield* readIds(layout.isSaid ? lines : withoutTables(lines))
    case 'ndjson':
      return yield* readNdjson(bytes)
    case 'csv':
      return yield* readCsv(lines, layout)
  }
}

async function* readIds(lines: AsyncIterable<TextLine>): AsyncGenerator<ReadRequest> {
  for await (const read of lines) {
    if ('problem' in read) yield read
    else if (read.text !== '') yield requestOrProblem(read.line, { connectionId: read.text })
  }
}

type Text = Extract<TextLine, { text: string }>

/**
 * Reports the rows of a table that begins below the first lines, because its columns are somebody's names and numbers. As in
 * the first lines, it is a table if two successive lines, or the last one, hold the same separator; so a line with a
 * separator waits for the next one.
 */
async function* withoutTables(lines: AsyncIterable<TextLine>): AsyncGenerator<TextLine> {
  let held: Text | null = null
  let isInTable = false
  for await (const read of lines) {
    if ('text' in read && read.text === '') continue
    const goesOn = held !== null && 'text' in read && delimitersIn(held.text).some((one) => read.text.includes(one))
    if (held) yield goesOn || isInTable ? asRow(held) : held
    isInTable = goesOn
    held = 'text' in read && delimitersIn(read.text).length > 0 ? read : null
    if (!held) yield read
  }
  if (held) yield asRow(held)
}

function asRow({ line, text }: Text): TextLine {
  return { line, problem: `expected an id, got ${JSON.stringify(delimitersIn(text)[0])}, as a table has: ${OR_LINES}` }
}

/** NDJSON whose fields are all ours: one that is not known is a mistake, and no column of somebody's table. */
export function readLookupLines(bytes: AsyncIterable<Buffer>): AsyncGenerator<ReadRequest> {
  return readNdjson(bytes, unknownField)
}

async function* readNdjson(bytes: AsyncIterable<Buffer>, wrongIn = misspelt): AsyncGenerator<ReadRequest> {
  for await (const lines of readLinesTogether(bytes)) {
    for (const read of lines) {
      if ('problem' in read) yield read
      else if (read.text.trim() !== '') yield fromJson(read.line, read.text, wrongIn)
    }
  }
}

function fromJson(line: number, text: string, wrongIn: typeof misspelt): ReadRequest {
  const value = parseJson(text)
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  const wrong = isObject ? wrongIn(Object.keys(value)) : null
  if (wrong) return { line, problem: `a field: ${wrong}` }
  const inexact = isObject ? problemOfMetadata(text) : null
  if (inexact) return { line, problem: inexact }
  if (isObject) return requestOrProblem(line, withoutNulls(value as Record<string, unknown>))
  return { line, problem: 'expected a JSON object with a connectionId, got something else' }
}

type CsvLayout = Extract<FileLayout, { format: 'csv' }>

async function* readCsv(lines: AsyncGenerator<TextLine>, layout: CsvLayout): AsyncGenerator<ReadRequest> {
  yield* linesAbove(lines, layout)
  let columns: string[] | null = null
  for await (const row of readCsvRows(lines, layout.delimiter)) {
    if ('problem' in row) yield row
    else if (columns === null) columns = checkedColumns(row.values.map((name) => name.trim()))
    else if (row.values.length > columns.length) yield { line: row.line, problem: TOO_MANY_VALUES }
    else yield fromCsv(row.line, fieldsOf(columns, row.values))
  }
}

/**
 * Lines above the header are reported. Otherwise somebody whose first lines are ids would never know that these were left
 * out.
 */
async function* linesAbove(lines: AsyncGenerator<TextLine>, layout: CsvLayout): AsyncGenerator<ReadRequest> {
  for (let line = 1; line < layout.headerLine; line++) {
    const { value: read, done } = await lines.next()
    if (done) return
    const isSeparator = layout.hasSeparatorLine && 'text' in read && /^"?sep=/i.test(read.text)
    const isBlank = 'text' in read && read.text.trim() === ''
    if (!isSeparator && !isBlank) yield { line, problem: `it stands above the CSV header in line ${layout.headerLine}` }
  }
}

/** With too many values, one of them was cut in two, and nobody knows which. */
const TOO_MANY_VALUES = 'expected as many values as the header has columns, got more'

/** An empty value of a CSV is a missing one. */
function fieldsOf(columns: string[], values: string[]): Record<string, string> {
  return Object.fromEntries(
    columns.map((column, index) => [column, values[index] ?? '']).filter(([, value]) => value !== ''),
  )
}

function fromCsv(line: number, { metadata, ...fields }: Record<string, string>): ReadRequest {
  if (metadata === undefined) return requestOrProblem(line, fields)
  const value = parseJson(metadata)
  const problem = value === undefined ? null : problemOfMetadata(`{"metadata":${metadata}}`)
  return problem ? { line, problem } : requestOrProblem(line, { ...fields, metadata: value ?? metadata })
}

/** Only our columns must be UTF-8; accents in other columns may have any encoding. */
function requestOrProblem(line: number, fields: Record<string, unknown>): ReadRequest {
  const request: Request = { connectionId: fields.connectionId }
  for (const name of FIELDS) {
    const value = fields[name]
    if (value === undefined) continue
    if (isBroken(value)) return { line, problem: NOT_UTF8 }
    request[name] = value
  }
  return { line, request }
}

function isBroken(value: unknown): boolean {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.includes(REPLACEMENT)
}

/** Some languages write null for a field that is missing. */
function withoutNulls(fields: Record<string, unknown>): Record<string, unknown> {
  if (!Object.values(fields).includes(null)) return fields
  return Object.fromEntries(Object.entries(fields).filter(([name, value]) => value !== null || name === 'connectionId'))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
