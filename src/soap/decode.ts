/**
 * Bytes to text. The answer names the charset: by a byte order mark, then by `charset` of the content type (it wins over
 * the document, RFC 7303), then by the XML declaration, else UTF-8. Names are those of the WHATWG Encoding Standard.
 * Bytes that are not of the charset are refused and never replaced, because a wrong name that looks right is worse than a
 * retry.
 */

import { BodyProblem } from './body-problem.ts'

/** Throws a BodyProblem where the bytes are not of the charset. */
type Decoder = (bytes: Uint8Array) => string

/** Throws a BodyProblem where the charset is unknown or the bytes are not of it. */
export function decodeText(bytes: Uint8Array, contentType: string | null): string {
  const start = startOf(bytes)
  return (markedDecoder(bytes, start) ?? namedDecoder(bytes, start, contentType))(bytes)
}

/** Where the first character stands that is not white space, because some services write a blank line first. */
function startOf(bytes: Uint8Array): number {
  let at = 0
  while (isBlank(bytes[at])) at += 1
  return at
}

/** Zero counts too: UTF-16 has one in each such character. */
function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09 || byte === 0
}

function markedDecoder(bytes: Uint8Array, start: number): Decoder | undefined {
  const [first, second, third] = [bytes[start], bytes[start + 1], bytes[start + 2]]
  if (first === 0xef && second === 0xbb && third === 0xbf) return known('utf-8')
  if (first === 0xff && second === 0xfe) return known('utf-16le')
  return first === 0xfe && second === 0xff ? known('utf-16be') : undefined
}

/** A declaration stands in the first bytes or not at all. */
const SNIFFED_BYTES = 256
const DECLARED_ENCODING = /^<\?xml\s[^>]*?\bencoding\s*=\s*["']([^"']*)["']/

function namedDecoder(bytes: Uint8Array, start: number, contentType: string | null): Decoder {
  const named = contentType === null ? '' : charsetOf(contentType)
  if (named !== '') return saysNoOrder(named) ? utf16(start) : known(named)
  if (bytes[start + 1] === 0) return utf16(start)
  const declaration = Buffer.from(bytes.subarray(start, start + SNIFFED_BYTES)).toString('latin1')
  const declared = DECLARED_ENCODING.exec(declaration)?.[1]?.trim() || 'utf-8'
  // A declaration that can be read byte by byte is not UTF-16, whatever it says: .NET's string writers name UTF-16
  // anyway.
  return known(saysNoOrder(declared) || /^utf-16/i.test(declared) ? 'utf-8' : declared)
}

/** In big-endian order a character below U+0100 has its byte in the second place. */
function utf16(start: number): Decoder {
  return known(start % 2 === 1 ? 'utf-16be' : 'utf-16le')
}

/** Labels of UTF-16 that leave its byte order open. The standard then reads little-endian. */
function saysNoOrder(label: string): boolean {
  return /^(?:utf-16|unicode|csunicode|ucs-2|iso-10646-ucs-2)$/i.test(label)
}

/** No real content type is longer. */
const MAX_CONTENT_TYPE_LENGTH = 512
const PARAMETER = /;\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s;,]*))/g

let last = { contentType: '', charset: '' }

/** Empty if the content type names no charset. A service mostly writes the same one each time. */
function charsetOf(contentType: string): string {
  if (contentType !== last.contentType) last = { contentType, charset: readCharset(contentType) }
  return last.charset
}

/** Quotes of either kind are taken off, half a pair too. */
function readCharset(contentType: string): string {
  for (const [, name, double, single, token] of contentType.slice(0, MAX_CONTENT_TYPE_LENGTH).matchAll(PARAMETER)) {
    const label = (double?.replace(/\\(.)/g, '$1') ?? single ?? token ?? '').replace(/^["']|["']$/g, '').trim()
    if (name?.toLowerCase() === 'charset' && label !== '') return label
  }
  return ''
}

/** By label in small letters. The standard knows a limited number of them. */
const DECODERS = new Map<string, Decoder>()

function known(label: string): Decoder {
  const name = label.toLowerCase()
  const decoder = DECODERS.get(name) ?? decoderOf(name)
  if (decoder === undefined) throw new BodyProblem('unreadable', 'expected a known charset, got another')
  DECODERS.set(name, decoder)
  return decoder
}

function decoderOf(label: string): Decoder | undefined {
  const encoding = BY_HAND.has(label) ? label : encodingOf(label)
  if (encoding === undefined) return undefined
  const byHand = BY_HAND.get(encoding)
  if (!byHand) return strict(encoding)
  return ASCII.test(label) ? utf8Or(byHand) : byHand
}

/** The standard's name for a label; undefined if it has none, or the engine cannot read it. */
function encodingOf(label: string): string | undefined {
  try {
    return new TextDecoder(label).encoding
  } catch {
    return undefined
  }
}

function strict(encoding: string): Decoder {
  const decoder = new TextDecoder(encoding, { fatal: true })
  return (bytes) => {
    try {
      return decoder.decode(bytes)
    } catch {
      throw new BodyProblem('unreadable', `expected ${encoding} text, got bytes that are not`)
    }
  }
}

/** Labels of ASCII, which has nothing above 7F. The standard reads it as windows-1252, but services mostly mean UTF-8. */
const ASCII = /ascii|^ansi_x3|^iso-ir-6$|^iso646-us$/

function utf8Or(other: Decoder): Decoder {
  const utf8 = strict('utf-8')
  return (bytes) => {
    try {
      return utf8(bytes)
    } catch {
      return other(bytes)
    }
  }
}

/** Bytes 80-9F. The five that windows-1252 leaves open stay as they are. */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ'
/** A0-FF. */
const ISO_8859_16 =
  '\xa0ĄąŁ€„Š§š©Ș«Ź\xadźŻ°±ČłŽ”¶·žčș»ŒœŸżÀÁÂĂÄĆÆÇÈÉÊËÌÍÎÏĐŃÒÓÔŐÖŚŰÙÚÛÜĘȚßàáâăäćæçèéêëìíîïđńòóôőöśűùúûüęțÿ'

/** Node's own decoder gives control characters for 80-9F of the first (seen in 20.20), and does not know the second. */
const BY_HAND: ReadonlyMap<string, Decoder> = new Map([
  ['windows-1252', replacing(/[\x80-\x9f]/g, WINDOWS_1252, 0x80)],
  ['iso-8859-16', replacing(/[\xa0-\xff]/g, ISO_8859_16, 0xa0)],
])

function replacing(range: RegExp, table: string, from: number): Decoder {
  return (bytes) =>
    Buffer.from(bytes)
      .toString('latin1')
      .replace(range, (character) => table.charAt(character.charCodeAt(0) - from))
}
