/**
 * One pass over XML text, before any parser: every piece of it must be a construct that we know, within limits, so that
 * validator, parser and we agree on where each tag ends. Cheap for hostile text too: no piece is looked at twice.
 */

import { BodyProblem } from './body-problem.ts'

/** Deep enough for any fault detail; the record itself is five deep. */
export const MAX_DEPTH = 32
/** The record has 22 elements; the rest is room for fault details. */
const MAX_ELEMENTS = 10_000
/** Characters of one start tag: a few namespaces. The parser's work grows fast with attributes. */
const MAX_TAG_LENGTH = 8_192
/** Every character of a name as a reference is far below; it only keeps the work for one hostile answer small. */
const MAX_REFERENCES = 50_000

const SPACE = '[ \\t\\r\\n]'
const NAME = '[^\\s<>=/"\'&!?][^\\s<>=/"\'&]*'
const ATTRIBUTE = `${SPACE}+${NAME}${SPACE}*=${SPACE}*(?:"[^<"]*"|'[^<']*')`
const PIECE = new RegExp(
  [
    '(?<text>[^<]+)',
    `(?<end></${NAME}${SPACE}*>)`,
    `(?<start><${NAME}(?:${ATTRIBUTE})*${SPACE}*(?<empty>/?)>)`,
    '(?<cdata><!\\[CDATA\\[[\\s\\S]*?\\]\\]>)',
    '(?<comment><!--[\\s\\S]*?-->)',
  ].join('|'),
  'y',
)
const DECLARATION = new RegExp(`^<\\?xml(?:${ATTRIBUTE})+${SPACE}*\\?>`)
/** Not a character of XML 1.0, and not written as a reference. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const NO_CHARACTER = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/
/** An `&` that begins none of the references that XML has without a DTD. */
const NO_REFERENCE = /&(?!(?:amp|lt|gt|quot|apos|#\d{1,8}|#x[\dA-Fa-f]{1,8});)/
const NOT_SPACE = /[^ \t\r\n]/

/** Throws a BodyProblem unless `xml` is made of known constructs around one root element. */
export function scan(xml: string): void {
  refuseCharacters(xml)
  const count = { depth: 0, elements: 0, roots: 0 }
  for (let at = DECLARATION.exec(xml)?.[0].length ?? 0; at < xml.length; ) {
    const piece = pieceAt(xml, at)
    at += piece.length
    if (piece.kind === 'start' || piece.kind === 'empty') {
      count.elements += 1
      if (count.depth === 0) count.roots += 1
    }
    if (piece.kind === 'start') count.depth += 1
    if (piece.kind === 'end') count.depth -= 1
    const isOutside =
      count.depth === 0 && (piece.kind === 'cdata' || (piece.kind === 'text' && NOT_SPACE.test(piece.text)))
    if (isOutside || count.depth < 0 || count.roots > 1) {
      throw new BodyProblem('unreadable', 'expected one root element, got something beside it')
    }
    if (count.depth > MAX_DEPTH || count.elements > MAX_ELEMENTS) {
      throw new BodyProblem('not-contract', 'expected an answer of a few elements, got very many or very deep ones')
    }
  }
}

function refuseCharacters(xml: string): void {
  if (NO_CHARACTER.test(xml)) throw new BodyProblem('unreadable', 'expected XML, got a control character')
  if (xml.split('&', MAX_REFERENCES + 2).length > MAX_REFERENCES + 1) {
    throw new BodyProblem('not-contract', 'expected few character references, got very many')
  }
}

interface Piece {
  kind: 'text' | 'cdata' | 'comment' | 'start' | 'empty' | 'end'
  text: string
  length: number
}

function pieceAt(xml: string, at: number): Piece {
  PIECE.lastIndex = at
  const match = PIECE.exec(xml)
  if (!match?.groups) throw refusal(xml, at)
  const { text, end, start, empty, cdata } = match.groups
  const length = match[0].length
  if (text !== undefined) return { kind: 'text', text: checkedText(text), length }
  if (cdata !== undefined) return { kind: 'cdata', text: cdata, length }
  if (end !== undefined) return { kind: 'end', text: end, length }
  if (start === undefined) return { kind: 'comment', text: '', length }
  return { kind: empty ? 'empty' : 'start', text: checkedTag(start), length }
}

function checkedText(text: string): string {
  if (NO_REFERENCE.test(text)) throw new BodyProblem('unreadable', 'expected XML, got an & that is no reference')
  if (text.includes(']]>')) throw new BodyProblem('unreadable', 'expected XML, got ]]> in text')
  return text
}

function checkedTag(tag: string): string {
  if (tag.length > MAX_TAG_LENGTH) throw new BodyProblem('not-contract', 'expected few attributes, got very many')
  if (NO_REFERENCE.test(tag)) throw new BodyProblem('unreadable', 'expected XML, got an & that is no reference')
  return tag
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
