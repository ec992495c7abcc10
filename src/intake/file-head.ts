/**
 * What the first lines of a file say: whether it is text, which format it has, and where its header is. A file that may
 * be something else than it looks is refused here, before one lookup of it is enqueued.
 */

import type { Readable } from 'node:stream'
import { within } from '../clock.ts'
import { delimitersIn, headerDelimiter } from './columns.ts'

export type FileFormat = 'lines' | 'csv' | 'ndjson'

/** How to read the file. `headerLine`: the number of the line with the column names. */
export type FileLayout =
  | { format: 'ndjson' }
  /** `isSaid`: by the caller, who knows that each line is an id. */
  | { format: 'lines'; isSaid: boolean }
  | { format: 'csv'; delimiter: string; headerLine: number; hasSeparatorLine: boolean }

export interface HeadLine {
  line: number
  text: string
}

/** How many lines are looked at. A report has title, date and filters above its table. */
const MOST_LINES = 20
const MOST_BYTES = 64 * 1024
/**
 * If nothing comes for this long, we go on with what is there: somebody who types expects each line to be enqueued as it
 * comes.
 */
const SILENT_MS = 100

/** The source's bytes, and those of its first lines. */
export async function peek(source: Readable): Promise<{ bytes: AsyncGenerator<Buffer>; head: HeadLine[] }> {
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer | string>
  const next = () => {
    const promise = chunks.next()
    promise.catch(() => {}) // told to whoever reads on
    return promise
  }
  let pending = next()
  let head: Buffer = Buffer.alloc(0)
  let ended = false
  while (!ended && !isEnough(head)) {
    const reading = settled(pending)
    const read = hasLine(head) ? await within(SILENT_MS, reading) : await reading
    if (read === 'late' || 'error' in read) break
    if (read.done) ended = true
    else head = Buffer.concat([head, Buffer.from(read.value)])
    if (!ended) pending = next()
  }
  refuseBinary(head)
  async function* bytes() {
    yield head
    while (!ended) {
      const { value, done } = await pending
      if (done) return
      yield Buffer.from(value)
      pending = next()
    }
  }
  return { bytes: bytes(), head: linesOf(head, ended) }
}

type Read = IteratorResult<Buffer | string> | { error: unknown }

function settled(pending: Promise<IteratorResult<Buffer | string>>): Promise<Read> {
  return pending.catch((error: unknown) => ({ error }))
}

function hasLine(head: Buffer): boolean {
  return /\S.*\n/.test(textOf(head))
}

function isEnough(head: Buffer): boolean {
  return head.length >= MOST_BYTES || linesOf(head, false).length >= MOST_LINES
}

function textOf(head: Buffer): string {
  return head.toString('utf8').replace(/^\uFEFF/, '')
}

/** The lines that are whole and not blank. The last one counts if it is longer than all that was read. */
function linesOf(head: Buffer, ended: boolean): HeadLine[] {
  const lines = textOf(head).split(/\r?\n/)
  const whole = ended || lines.length === 1 ? lines : lines.slice(0, -1)
  return whole
    .map((text, index) => ({ line: index + 1, text }))
    .filter(({ text }) => text.trim() !== '')
    .slice(0, MOST_LINES)
}

/** First bytes, what begins with them, and the cure. */
const BINARY: [bytes: number[], what: string, cure: string][] = [
  [[0x1f, 0x8b], 'a gzip file', 'pipe it through zcat'],
  [[0x50, 0x4b, 0x03, 0x04], 'a zip file, or an Excel workbook', 'unzip it, or save the workbook as CSV (UTF-8)'],
  [[0xd0, 0xcf, 0x11, 0xe0], 'an old Excel workbook', 'save it as CSV (UTF-8)'],
  [[0x42, 0x5a, 0x68], 'a bzip2 file', 'pipe it through bzcat'],
  [[0xfd, 0x37, 0x7a, 0x58], 'an xz file', 'pipe it through xzcat'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'a zstd file', 'pipe it through zstdcat'],
  [[0x25, 0x50, 0x44, 0x46], 'a PDF', 'export it as CSV'],
  [[0x7b, 0x5c, 0x72, 0x74, 0x66], 'an RTF document', 'save it as plain text (UTF-8)'],
  [[0xff, 0xfe], 'UTF-16', 'pipe it through iconv -f UTF-16 -t UTF-8'],
  [[0xfe, 0xff], 'UTF-16', 'pipe it through iconv -f UTF-16 -t UTF-8'],
]

/** How much of a file tells its kind: 7-Zip, Parquet, RAR and others have control characters there. */
const SIGNATURE_BYTES = 8

function isControl(byte: number): boolean {
  return byte < 0x20 && ![0x09, 0x0a, 0x0d].includes(byte)
}

function refuseBinary(head: Buffer): void {
  const known = BINARY.find(([bytes]) => head.subarray(0, bytes.length).equals(Buffer.from(bytes)))
  if (known) throw new Error(`the file: expected text in UTF-8, got ${known[1]}: ${known[2]}`)
  if (head.subarray(0, SIGNATURE_BYTES).some(isControl)) {
    throw new Error('the file: expected text in UTF-8, got control characters at its start, as a binary file has')
  }
  if (head.includes(0)) {
    throw new Error(
      'the file: expected text in UTF-8, got NUL bytes, as a binary file or UTF-16 has: save it as text in UTF-8',
    )
  }
}

const JSON_ARRAY =
  'the file: expected one lookup a line, got a JSON array: pipe it through jq -c ".[]" (ids that begin with [ need --format lines)'
const MARKUP =
  'the file: expected one id a line, CSV or NDJSON, got XML or HTML: save it as CSV (ids that begin with < need --format lines)'
/** Also told of single lines (read-requests.ts). */
export const OR_LINES = 'add a CSV header with a column connectionId, or say --format lines if these are ids'

/** The format that the caller named, or else that of the first lines. Throws if these cannot be read safely. */
export function layoutOf(lines: HeadLine[], said: FileFormat | null): FileLayout {
  const format = said ?? formatOf(lines)
  if (format === 'csv') return csvLayout(lines)
  return format === 'lines' ? { format, isSaid: said !== null } : { format }
}

function formatOf(lines: HeadLine[]): FileFormat {
  const first = lines[0]?.text.trimStart() ?? ''
  if (first.startsWith('{')) return 'ndjson'
  if (first.startsWith('[')) throw new Error(JSON_ARRAY)
  if (first.startsWith('<')) throw new Error(MARKUP)
  if (separatorIn(first) !== null || lines.some(({ text }) => headerDelimiter(text) !== null)) return 'csv'
  refuseTable(lines)
  return 'lines'
}

/** The first line of files that Excel writes: `sep=;`. */
function separatorIn(line: string): string | null {
  return /^"?sep=(.)"?\s*$/i.exec(line)?.[1] ?? null
}

function csvLayout(lines: HeadLine[]): FileLayout {
  const separator = separatorIn(lines[0]?.text.trimStart() ?? '')
  const hasSeparatorLine = separator !== null
  const candidates = hasSeparatorLine ? lines.slice(1) : lines
  const header = candidates.find(({ text }) => headerDelimiter(text, separator) !== null) ?? candidates[0]
  const delimiter = separator ?? headerDelimiter(header?.text ?? '') ?? ','
  return { format: 'csv', delimiter, headerLine: header?.line ?? 1, hasSeparatorLine }
}

/**
 * Refuses a table without a header: its columns are somebody's names and numbers, and as lines each would be asked for.
 */
function refuseTable(lines: HeadLine[]): void {
  const [first, ...others] = lines
  if (!first) return
  if (/^".*"$/.test(first.text.trim())) throw table(first, 'a value in quotes')
  const [delimiter] = delimitersIn(first.text)
  if (delimiter) throw table(first, JSON.stringify(delimiter))
  // A title may stand above a table. It is a table if two successive lines, or the last one, hold the same separator.
  const row = others.find(({ text }, index) => {
    const next = others[index + 1]
    return delimitersIn(text).some((one) => !next || next.text.includes(one))
  })
  if (row) throw table(row, JSON.stringify(delimitersIn(row.text)[0]))
}

function table({ line }: HeadLine, what: string): Error {
  return new Error(`the file: expected one id a line, got ${what} in line ${line}, as a table has: ${OR_LINES}`)
}
