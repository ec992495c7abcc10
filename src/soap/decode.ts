/**
 * Bytes -> text. The charset is the one that the answer names: byte order mark, then `charset` of the content type (it
 * wins over the document, RFC 7303), then the XML declaration, else UTF-8. Never a replacement character of ours: bytes
 * that are not of the charset are refused, because a wrong name that looks right is worse than a retry.
 */

import { BodyProblem } from './body-problem.ts'

/** Labels -> decoder. `iso-8859-1` is read as windows-1252, as the Encoding Standard has it: 80-9F differ, and mean that. */
const DECODERS: ReadonlyMap<string, string> = new Map([
  ['utf-8', 'utf-8'],
  ['utf8', 'utf-8'],
  ['us-ascii', 'utf-8'],
  ['utf-16', 'utf-16'],
  ['unicode', 'utf-16'],
  ['utf-16le', 'utf-16le'],
  ['utf-16be', 'utf-16be'],
  ['iso-8859-1', 'windows-1252'],
  ['latin1', 'windows-1252'],
  ['windows-1252', 'windows-1252'],
])
const BYTE_ORDER_MARKS: readonly (readonly [string, string])[] = [
  ['efbbbf', 'utf-8'],
  ['fffe', 'utf-16le'],
  ['feff', 'utf-16be'],
]
/** An XML declaration stands in the first bytes or not at all. */
const SNIFFED_BYTES = 256

/** Throws a BodyProblem where the charset is unknown or the bytes are not of it. */
export function decodeText(bytes: Uint8Array, contentType: string | null): string {
  const decoder = markedDecoder(bytes) ?? namedDecoder(bytes, contentType)
  if (decoder === 'windows-1252') return decodeWindows1252(bytes)
  try {
    return new TextDecoder(decoder, { fatal: true }).decode(bytes)
  } catch {
    throw new BodyProblem('unreadable', `expected ${decoder} text, got bytes that are not`)
  }
}

/** 80-9F of windows-1252; the five that it leaves open stay what they are. */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ'

/** By hand: Node's own decoder of this name gives control characters for 80-9F (seen in 20.20). */
function decodeWindows1252(bytes: Uint8Array): string {
  const utf16 = Buffer.alloc(bytes.length * 2)
  bytes.forEach((byte, at) => {
    utf16.writeUInt16LE(byte >= 0x80 && byte <= 0x9f ? WINDOWS_1252.charCodeAt(byte - 0x80) : byte, at * 2)
  })
  return utf16.toString('utf16le')
}

function markedDecoder(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, 3)).toString('hex')
  return BYTE_ORDER_MARKS.find(([mark]) => start.startsWith(mark))?.[1]
}

function namedDecoder(bytes: Uint8Array, contentType: string | null): string {
  const start = Buffer.from(bytes.subarray(0, SNIFFED_BYTES)).toString('latin1')
  const byteOrder = start.startsWith('\0<') ? 'utf-16be' : 'utf-16le'
  const ofHeader = charsetOf(contentType)
  if (ofHeader !== undefined) return known(ofHeader, byteOrder)
  if (start.startsWith('<\0') || start.startsWith('\0<')) return byteOrder
  const declared = /^<\?xml\s[^>]*?\bencoding\s*=\s*["']([^"']*)["']/.exec(start)?.[1]
  // A declaration that can be read byte by byte is not UTF-16, whatever it says: .NET string writers say so anyway.
  if (declared === undefined || declared.toLowerCase().startsWith('utf-16')) return 'utf-8'
  return known(declared, byteOrder)
}

function known(label: string, byteOrder: string): string {
  const decoder = DECODERS.get(label.toLowerCase())
  if (decoder === undefined) throw new BodyProblem('unreadable', 'expected a known charset, got another')
  return decoder === 'utf-16' ? byteOrder : decoder
}

function charsetOf(contentType: string | null): string | undefined {
  return /;\s*charset\s*=\s*(?:"([^"]*)"|([^\s;"]+))/i
    .exec(contentType ?? '')
    ?.slice(1)
    .find((label) => label !== undefined)
}
