/** Bytes of a request -> text, as ASP.NET does it: byte order mark, else the charset of the content type, else the XML declaration. */

import { isUtf8 } from 'node:buffer'
import { XmlError } from './xml-text.ts'

/**
 * Value of a parameter of a content type; undefined if it is not there. Read as .NET does: cut at each semicolon, the name
 * in any case, spaces and quotes of both kinds taken off the value.
 */
export function contentTypeParameter(contentType: string, name: 'charset' | 'action'): string | undefined {
  for (const piece of contentType.split(';').slice(1)) {
    const declared = piece.trimStart()
    const equals = declared.indexOf('=', name.length)
    if (equals >= 0 && declared.slice(0, name.length).toLowerCase() === name) {
      return declared.slice(equals + 1).replace(/^[ \t"']+|[ \t"']+$/g, '')
    }
  }
  return undefined
}

/** `text/xml` for `Text/XML; charset=utf-8`. A space before the semicolon belongs to the type, and makes it unknown. */
export function contentTypeBase(contentType: string): string {
  const semicolon = contentType.indexOf(';')
  return (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).toLowerCase()
}

/**
 * Throws XmlError where .NET does: for a declared encoding that it does not know, and for bytes that are not of the
 * encoding.
 */
export function decodeRequest(body: Buffer, contentType: string): string {
  const marked = byMark(body)
  if (marked !== undefined) return marked
  const charset = contentTypeParameter(contentType, 'charset')
  // With a charset, .NET replaces what it cannot read by U+FFFD. Without one it refuses such bytes, as XML asks.
  const known = charset === undefined ? undefined : decoder(charset)
  return known ? known(body) : byDeclaration(body)
}

function byMark(body: Buffer): string | undefined {
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) return body.toString('utf8', 3)
  if (body[0] === 0xff && body[1] === 0xfe) return body.toString('utf16le', 2)
  if (body[0] === 0xfe && body[1] === 0xff) return bigEndian(body.subarray(2))
  return undefined
}

function byDeclaration(body: Buffer): string {
  if (body[0] === 0x3c && body[1] === 0) return body.toString('utf16le')
  if (body[0] === 0 && body[1] === 0x3c) return bigEndian(body)
  const start = body.toString('latin1', 0, 200)
  const encoding = /^<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']/.exec(start)?.[1] ?? 'utf-8'
  const decode = decoder(encoding)
  if (!decode) throw new XmlError(`System does not support '${encoding}' encoding. Line 1, position 31.`)
  if (/^(utf-16|unicode)/i.test(encoding)) {
    throw new XmlError('There is no Unicode byte order mark. Cannot switch to Unicode.')
  }
  if (/^utf-?8$/i.test(encoding) && !isUtf8(body))
    throw new XmlError('Invalid character in the given encoding. Line 1.')
  return decode(body)
}

const UTF_8 = (body: Buffer) => body.toString('utf8')
const ASCII = (body: Buffer) => body.toString('latin1').replace(/[\u0080-\u00ff]/g, '?')
const OWN_DECODERS: Readonly<Record<string, (body: Buffer) => string>> = {
  'utf-8': UTF_8,
  utf8: UTF_8,
  'utf-16': (body) => body.toString('utf16le'),
  'utf-16be': bigEndian,
  'us-ascii': ASCII,
  ascii: ASCII,
  // Node's decoder takes this name for windows-1252, as browsers do. .NET takes it literally.
  'iso-8859-1': (body) => body.toString('latin1'),
  latin1: (body) => body.toString('latin1'),
}

function decoder(charset: string): ((body: Buffer) => string) | undefined {
  const own = OWN_DECODERS[charset.toLowerCase()]
  if (own) return own
  try {
    const platform = new TextDecoder(charset)
    return (body) => platform.decode(body)
  } catch {
    return undefined
  }
}

function bigEndian(body: Buffer): string {
  return Buffer.from(body.subarray(0, body.length & ~1))
    .swap16()
    .toString('utf16le')
}
