/**
 * XML text -> its pieces, in one pass and in linear time: each piece must be a construct that we know, within limits that
 * hold for hostile text too. Native searches do the long ones (text, CDATA, comments); regular expressions see no more
 * than one tag at a time, so that none can run away.
 */

import { BodyProblem } from './body-problem.ts'

export type Piece =
  | { is: 'start'; name: string; attributes: RawAttribute[]; isEmpty: boolean }
  | { is: 'end'; name: string }
  | { is: 'text'; text: string }
  | { is: 'cdata'; text: string }

export interface RawAttribute {
  /** With its prefix. */
  name: string
  value: string
}

/**
 * Tags, texts, CDATA sections, comments and attributes together: each costs a little more than its characters do. The
 * record has some 60; the rest is room for fault details and for elements that we do not know.
 */
const MAX_PIECES = 5_000
/** Characters of one tag: a few namespaces. */
const MAX_TAG_LENGTH = 8_192
/** References, and carriage returns, which become other characters one by one. Every character of a name is far below. */
const MAX_REPLACED = 20_000

const SPACE = '[ \\t\\n]'
/** XML 1.0, production 4, without the colon: that one is for namespaces. */
const NAME_START =
  'A-Z_a-z\\u{C0}-\\u{D6}\\u{D8}-\\u{F6}\\u{F8}-\\u{2FF}\\u{370}-\\u{37D}\\u{37F}-\\u{1FFF}\\u{200C}\\u{200D}' +
  '\\u{2070}-\\u{218F}\\u{2C00}-\\u{2FEF}\\u{3001}-\\u{D7FF}\\u{F900}-\\u{FDCF}\\u{FDF0}-\\u{FFFD}\\u{10000}-\\u{EFFFF}'
const SIMPLE_NAME = `[${NAME_START}][${NAME_START}.\\-0-9\\u{B7}\\u{300}-\\u{36F}\\u{203F}\\u{2040}]*`
const NAME = `${SIMPLE_NAME}(?::${SIMPLE_NAME})?`
const VALUE = `${SPACE}*=${SPACE}*(?:"([^<"]*)"|'([^<']*)')`

const START = new RegExp(`<(${NAME})`, 'uy')
const ATTRIBUTE = new RegExp(`${SPACE}+(${NAME})${VALUE}`, 'uy')
const CLOSE = new RegExp(`${SPACE}*(/?)>`, 'uy')
const END = new RegExp(`</(${NAME})${SPACE}*>`, 'uy')
const DECLARATION = new RegExp(
  `<\\?xml${SPACE}+version${SPACE}*=${SPACE}*(?:"1\\.[0-9]+"|'1\\.[0-9]+')` +
    `(?:${SPACE}+encoding${VALUE})?(?:${SPACE}+standalone${VALUE})?${SPACE}*\\?>`,
  'uy',
)
/** Not a character of XML 1.0, and not written as a reference. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const NO_CHARACTER = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/
/** An `&` that begins none of the references that XML has without a DTD. */
const NO_REFERENCE = /&(?!(?:amp|lt|gt|quot|apos|#\d{1,8}|#x[\dA-Fa-f]{1,8});)/

/** Throws a BodyProblem where something else stands than what is known. Whether tags pair is the caller's to see. */
export function* scan(document: string): Generator<Piece, void, undefined> {
  refuseCharacters(document)
  // XML's line ends, before anything else; a CR that is meant is written as a reference.
  const xml = document.replaceAll('\r\n', '\n').replaceAll('\r', '\n')
  let left = MAX_PIECES
  for (let at = matchAt(DECLARATION, xml.slice(0, MAX_TAG_LENGTH), 0)?.[0].length ?? 0; at < xml.length; ) {
    const { piece, end } = pieceAt(xml, at)
    left -= piece?.is === 'start' ? 1 + piece.attributes.length : 1
    if (left < 0) throw new BodyProblem('not-contract', 'expected an answer of a few elements, got very many pieces')
    if (piece) yield piece
    at = end
  }
}

function refuseCharacters(xml: string): void {
  if (NO_CHARACTER.test(xml)) throw new BodyProblem('unreadable', 'expected XML, got a control character')
  for (const replaced of ['&', '\r']) {
    if (moreThan(MAX_REPLACED, replaced, xml)) {
      throw new BodyProblem('not-contract', 'expected few references and line ends, got very many')
    }
  }
}

function moreThan(limit: number, character: string, text: string): boolean {
  let count = 0
  for (let at = text.indexOf(character); at >= 0 && count <= limit; at = text.indexOf(character, at + 1)) count += 1
  return count > limit
}

/** No piece: a comment. `end` is where the next one begins. */
interface Found {
  piece?: Piece
  end: number
}

function pieceAt(xml: string, at: number): Found {
  if (xml[at] !== '<') return textAt(xml, at)
  if (xml.startsWith('<![CDATA[', at)) return cdataAt(xml, at)
  if (xml.startsWith('<!--', at)) return commentAt(xml, at)
  if (xml[at + 1] === '!' || xml[at + 1] === '?') throw refusal(xml, at)
  const tag = xml.slice(at, at + MAX_TAG_LENGTH)
  const found = tag[1] === '/' ? endTag(tag) : startTag(tag)
  if (found) return { ...found, end: at + found.end }
  if (tag.length === MAX_TAG_LENGTH) throw new BodyProblem('not-contract', 'expected short tags, got a very long one')
  throw refusal(xml, at)
}

function textAt(xml: string, at: number): Found {
  const found = xml.indexOf('<', at)
  const end = found < 0 ? xml.length : found
  const text = xml.slice(at, end)
  if (text.includes(']]>')) throw new BodyProblem('unreadable', 'expected XML, got ]]> in text')
  return { piece: { is: 'text', text: decoded(text) }, end }
}

function cdataAt(xml: string, at: number): Found {
  const end = xml.indexOf(']]>', at)
  if (end < 0) throw new BodyProblem('unreadable', 'expected XML, got CDATA without an end')
  return { piece: { is: 'cdata', text: xml.slice(at + '<![CDATA['.length, end) }, end: end + 3 }
}

function commentAt(xml: string, at: number): Found {
  const end = xml.indexOf('--', at + '<!--'.length)
  if (end < 0 || xml[end + 2] !== '>') throw new BodyProblem('unreadable', 'expected XML, got a broken comment')
  return { end: end + 3 }
}

function endTag(tag: string): Found | undefined {
  const match = matchAt(END, tag, 0)
  return match && { piece: { is: 'end', name: match[1] ?? '' }, end: match[0].length }
}

function startTag(tag: string): Found | undefined {
  const start = matchAt(START, tag, 0)
  if (!start) return undefined
  const attributes = new Map<string, string>()
  let at = start[0].length
  for (let match = matchAt(ATTRIBUTE, tag, at); match; match = matchAt(ATTRIBUTE, tag, at)) {
    const [all, name = '', double, single] = match
    if (attributes.has(name)) throw new BodyProblem('unreadable', 'expected XML, got an attribute twice')
    attributes.set(name, decoded((double ?? single ?? '').replace(/[\t\n]/g, ' ')))
    at += all.length
  }
  const close = matchAt(CLOSE, tag, at)
  if (!close) return undefined
  const list = Array.from(attributes, ([name, value]) => ({ name, value }))
  const piece = { is: 'start' as const, name: start[1] ?? '', attributes: list, isEmpty: close[1] === '/' }
  return { piece, end: at + close[0].length }
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at
  return pattern.exec(text) ?? undefined
}

const NAMED: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
])

function decoded(text: string): string {
  if (!text.includes('&')) return text
  if (NO_REFERENCE.test(text)) throw new BodyProblem('unreadable', 'expected XML, got an & that is no reference')
  return text.replace(/&([^;]*);/g, (_all, name: string) => NAMED.get(name) ?? character(name))
}

/** Control characters and zero too: .NET writes `&#x1;` for one in a string, though XML 1.0 has none. */
function character(reference: string): string {
  const code = reference[1] === 'x' ? Number.parseInt(reference.slice(2), 16) : Number.parseInt(reference.slice(1), 10)
  const isSurrogate = code >= 0xd800 && code <= 0xdfff
  if (!(code >= 0 && code <= 0x10ffff) || isSurrogate) {
    throw new BodyProblem('unreadable', 'expected character references, got a number that is no character')
  }
  return String.fromCodePoint(code)
}

/** Names what stands at a place where no known construct begins. */
function refusal(xml: string, at: number): BodyProblem {
  const begin = xml.slice(at, at + 9).toUpperCase()
  if (begin === '<!DOCTYPE' || begin.startsWith('<!ENTITY')) {
    return new BodyProblem('dtd', 'expected no document type, got one')
  }
  // SOAP forbids processing instructions in a message (1.1, section 3; 1.2, part 1, section 5).
  if (begin.startsWith('<?') && xml.indexOf('?>', at) > 0) {
    return new BodyProblem('not-contract', 'expected no processing instruction, got one')
  }
  return new BodyProblem('unreadable', 'expected XML, got a broken or unfinished tag')
}
