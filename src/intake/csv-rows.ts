/**
 * Turns lines of a CSV file into rows. Each row is parsed by itself, so that a misplaced quote costs one line, and not
 * everything up to the next quote.
 */

import { parse } from 'csv-parse'
import { MAX_LINE, type TextLine } from './text-lines.ts'

export type CsvRow = { line: number; values: string[] } | { line: number; problem: string }

type Line = Extract<TextLine, { text: string }>

const QUOTE = '"'
/** The row's end as the parser is told it: text that no line can contain, because a row is whole before it is parsed. */
const NEVER = '\n\n\u0000'
const BAD_QUOTE = 'expected a row of CSV, got a quote in the wrong place'

/**
 * A quoted value may span several lines. Its row then has the number of its last line, because whoever stops there
 * continues behind it, and not in the middle of somebody's text.
 */
export async function* readCsvRows(lines: AsyncIterable<TextLine>, delimiter: string): AsyncGenerator<CsvRow> {
  let open: Line[] = []
  for await (const read of lines) {
    if ('problem' in read) {
      yield* settled(open, delimiter)
      yield read
      open = []
    } else if (open.length > 0 || read.text !== '') {
      open.push(read)
      if (isTooLong(open)) open = yield* withoutFirst(open, delimiter)
      else if (isWhole(open)) open = yield* parsed(open, delimiter)
    }
  }
  yield* settled(open, delimiter)
}

/** With an even number of quotes, none is open. */
function isWhole(lines: Line[]): boolean {
  return lines.reduce((quotes, { text }) => quotes + text.split(QUOTE).length - 1, 0) % 2 === 0
}

function isTooLong(lines: Line[]): boolean {
  return lines.reduce((length, { text }) => length + text.length + 1, 0) > MAX_LINE
}

/**
 * Yields the row. If the lines are no row, reports the first line and tries the others again. Returns the lines that wait
 * for more.
 */
async function* parsed(lines: Line[], delimiter: string): AsyncGenerator<CsvRow, Line[]> {
  const values = await valuesOf(lines, delimiter)
  if (!values) return yield* withoutFirst(lines, delimiter)
  yield { line: (lines.at(-1) as Line).line, values }
  return []
}

async function* withoutFirst([first, ...others]: Line[], delimiter: string): AsyncGenerator<CsvRow, Line[]> {
  yield { line: (first as Line).line, problem: BAD_QUOTE }
  let open: Line[] = []
  for (const line of others) {
    if (open.length === 0 && line.text === '') continue
    open.push(line)
    if (isWhole(open)) open = yield* parsed(open, delimiter)
  }
  return open
}

/** At the end of the file an open quote stays open. */
async function* settled(lines: Line[], delimiter: string): AsyncGenerator<CsvRow> {
  let open = lines
  while (open.length > 0) open = yield* withoutFirst(open, delimiter)
}

async function valuesOf(lines: Line[], delimiter: string): Promise<string[] | null> {
  const row = lines.map(({ text, end }, index) => (index < lines.length - 1 ? text + end : text)).join('')
  if (!row.includes(QUOTE)) return row.split(delimiter)
  return new Promise((resolve) => {
    parse(row, { delimiter, record_delimiter: NEVER }, (error, rows: string[][]) => {
      resolve(error || rows.length !== 1 ? null : (rows[0] ?? null))
    })
  })
}
