/**
 * Reads a file of lookups as a stream, in memory that does not grow with it: one id a line, CSV with a header, or NDJSON.
 * A line that is none is reported and does not stop the others.
 */

import { createInterface } from 'node:readline'
import { PassThrough, type Readable } from 'node:stream'
import { parse as parseCsv } from 'csv-parse'
import type { Request } from './submit.ts'

export type FileFormat = 'lines' | 'csv' | 'ndjson'
export type ReadRequest = { line: number; request: Request } | { line: number; problem: string }

const BOM = '\uFEFF'
/** A line longer than this holds no lookup; it is cut off rather than kept in memory. */
const MAX_LINE = 16 * 1024

export async function* readRequests(source: Readable, format: FileFormat | null): AsyncGenerator<ReadRequest> {
  const { stream, head } = await peek(source)
  switch (format ?? formatOf(head)) {
    case 'lines':
      return yield* readLines(stream)
    case 'ndjson':
      return yield* readNdjson(stream)
    case 'csv':
      return yield* readCsv(stream)
  }
}

/** Told by the first line: an object, a header with connectionId among several columns, or else an id. */
export function formatOf(head: string): FileFormat {
  const [first = ''] = head.replace(BOM, '').split(/\r?\n/, 1)
  if (first.trimStart().startsWith('{')) return 'ndjson'
  const columns = first.split(/[,;\t]/).map((column) => column.trim().replace(/^"|"$/g, ''))
  return columns.includes('connectionId') ? 'csv' : 'lines'
}

async function peek(source: Readable): Promise<{ stream: Readable; head: string }> {
  const stream = new PassThrough()
  source.on('error', (error) => stream.destroy(error))
  source.pipe(stream)
  const head = await new Promise<Buffer>((resolve, reject) => {
    stream.once('readable', () => resolve((stream.read() as Buffer | null) ?? Buffer.alloc(0)))
    stream.once('end', () => resolve(Buffer.alloc(0)))
    stream.once('error', reject)
  })
  if (head.length > 0) stream.unshift(head)
  return { stream, head: head.toString('utf8') }
}

async function* lines(stream: Readable): AsyncGenerator<{ line: number; text: string }> {
  let line = 0
  for await (const raw of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    line++
    const text = line === 1 ? raw.replace(BOM, '') : raw
    if (text !== '') yield { line, text: text.slice(0, MAX_LINE) }
  }
}

async function* readLines(stream: Readable): AsyncGenerator<ReadRequest> {
  for await (const { line, text } of lines(stream)) yield { line, request: { connectionId: text } }
}

async function* readNdjson(stream: Readable): AsyncGenerator<ReadRequest> {
  for await (const { line, text } of lines(stream)) {
    const value = parseJson(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      yield { line, request: toRequest(value as Record<string, unknown>) }
    } else {
      yield { line, problem: 'expected a JSON object with a connectionId, got something else' }
    }
  }
}

async function* readCsv(stream: Readable): AsyncGenerator<ReadRequest> {
  const parser = parseCsv({
    columns: true,
    bom: true,
    delimiter: [',', ';', '\t'],
    info: true,
    relax_column_count: true,
  })
  stream.on('error', (error) => parser.destroy(error))
  stream.pipe(parser)
  for await (const { record, info } of parser as AsyncIterable<{
    record: Record<string, string>
    info: { lines: number }
  }>) {
    const filled = Object.entries(record).filter(([, value]) => value !== '')
    const { metadata, ...fields } = Object.fromEntries(filled)
    const withMetadata = metadata === undefined ? fields : { ...fields, metadata: parseJson(metadata) ?? metadata }
    yield { line: info.lines, request: toRequest(withMetadata) }
  }
}

function toRequest({
  connectionId,
  correlationId,
  metadata,
  expiresAt,
  idempotencyKey,
}: Record<string, unknown>): Request {
  return {
    connectionId,
    correlationId,
    metadata,
    expiresAt,
    ...(typeof idempotencyKey === 'string' ? { idempotencyKey } : {}),
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
