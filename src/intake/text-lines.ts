/**
 * Bytes to lines of text. Only LF and CRLF end a line: Node's readline would also cut at U+2028, which may stand in an id
 * and in JSON, and would keep a line of any length in memory.
 */

export type TextLine = { line: number; text: string; end: '\n' | '\r\n' } | { line: number; problem: string }

/** Bytes. A longer line holds no lookup, and is not kept. */
export const MAX_LINE = 16 * 1024

const LF = 0x0a
const CR = 0x0d
const TOO_LONG = `expected at most ${MAX_LINE} bytes in a line, got more`

/** The lines with their numbers and what ended them, a byte order mark taken off. */
export async function* readTextLines(bytes: AsyncIterable<Buffer>): AsyncGenerator<TextLine> {
  for await (const lines of readLinesTogether(bytes)) for (const line of lines) yield line
}

/** The same, those together that came together: for whoever reads millions, a turn for each costs as much as reading it. */
export async function* readLinesTogether(bytes: AsyncIterable<Buffer>): AsyncGenerator<TextLine[]> {
  let line = 1
  let rest: Buffer = Buffer.alloc(0)
  let tooLong = false
  for await (const chunk of bytes) {
    let start = 0
    const lines: TextLine[] = []
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      const piece = chunk.subarray(start, end)
      lines.push(finished(line++, rest.length > 0 ? Buffer.concat([rest, piece]) : piece, tooLong))
      rest = Buffer.alloc(0)
      tooLong = false
      start = end + 1
    }
    if (!tooLong) rest = Buffer.concat([rest, chunk.subarray(start)])
    if (rest.length > MAX_LINE) {
      tooLong = true
      rest = Buffer.alloc(0)
    }
    if (lines.length > 0) yield lines
  }
  if (tooLong || rest.length > 0) yield [finished(line, rest, tooLong)]
}

function finished(line: number, bytes: Buffer, tooLong: boolean): TextLine {
  if (tooLong || bytes.length > MAX_LINE) return { line, problem: TOO_LONG }
  const crlf = bytes.at(-1) === CR
  const text = (crlf ? bytes.subarray(0, -1) : bytes).toString('utf8')
  return { line, text: line === 1 ? text.replace(/^\uFEFF/, '') : text, end: crlf ? '\r\n' : '\n' }
}
