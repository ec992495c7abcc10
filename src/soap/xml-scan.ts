/**
 * XML text -> its pieces, in one pass and in linear time: each piece must be a construct that we know, within limits that
 * hold for hostile text too. Tags are read character by character, and native searches do the long ones (text, values,
 * CDATA, comments): nothing here can run away.
 */

import { BodyProblem } from './body-problem.ts'
import { nameEnd } from './xml-names.ts'

export interface RawAttribute {
  /** With its prefix. */
  name: string
  value: string
}

/**
 * The most tags, texts, CDATA sections, comments and attributes together, because each costs a little more than its
 * characters. The record has some 60; the rest is room for fault details and unknown elements.
 */
const MAX_PIECES = 5_000
/** The longest tag, in characters: room for a few namespaces. */
const MAX_TAG_LENGTH = 8_192
/**
 * The most references and carriage returns, which are replaced one by one. A name written in references alone stays far
 * below.
 */
const MAX_REPLACED = 20_000

const SPACE = '[ \\t\\n]'
const VALUE = `${SPACE}*=${SPACE}*(?:"[^<"]*"|'[^<']*')`
const DECLARATION = new RegExp(
  `^<\\?xml${SPACE}+version${SPACE}*=${SPACE}*(?:"1\\.[0-9]+"|'1\\.[0-9]+')` +
    `(?:${SPACE}+encoding${VALUE})?(?:${SPACE}+standalone${VALUE})?${SPACE}*\\?>`,
)
/** Not a character of XML 1.0, and not written as a reference. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const NO_CHARACTER = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/

const [TAB, LINE_FEED, BLANK, SLASH, LESS, EQUALS, GREATER] = [0x09, 0x0a, 0x20, 0x2f, 0x3c, 0x3d, 0x3e]
const [EXCLAMATION, QUESTION, DOUBLE, SINGLE] = [0x21, 0x3f, 0x22, 0x27]

/**
 * Walks over the pieces: after each `next` the fields say what stood there. One object for all of them, because an object
 * for each would cost more than reading it. Throws a BodyProblem where something else stands than what is known; whether
 * tags pair is the caller's to see.
 */
export class XmlScanner {
  is: 'start' | 'end' | 'text' | 'cdata' | 'comment' = 'comment'
  /** The tag's name, with its prefix. */
  name = ''
  attributes: RawAttribute[] = []
  isEmpty = false
  text = ''

  readonly #xml: string
  readonly #hasReferences: boolean
  #at: number
  /** Where the tag that is being read has to be over. */
  #limit = 0
  #left = MAX_PIECES

  constructor(document: string) {
    refuseCharacters(document)
    // XML's line ends, before anything else; a CR that is meant is written as a reference.
    this.#xml = document.includes('\r') ? document.replaceAll('\r\n', '\n').replaceAll('\r', '\n') : document
    this.#hasReferences = document.includes('&')
    this.#at = DECLARATION.exec(this.#xml.slice(0, MAX_TAG_LENGTH))?.[0].length ?? 0
  }

  /** False at the end. */
  next(): boolean {
    if (this.#at >= this.#xml.length) return false
    this.#at = this.#read(this.#at)
    this.#left -= this.is === 'start' ? 1 + this.attributes.length : 1
    if (this.#left < 0)
      throw new BodyProblem('not-contract', 'expected an answer of a few elements, got very many pieces')
    return true
  }

  /** What begins at `at`; gives where it ends. */
  #read(at: number): number {
    if (this.#xml.charCodeAt(at) !== LESS) return this.#readText(at)
    const kind = this.#xml.charCodeAt(at + 1)
    if (kind === EXCLAMATION && this.#xml.startsWith('<![CDATA[', at)) return this.#readCdata(at)
    if (kind === EXCLAMATION && this.#xml.startsWith('<!--', at)) return this.#skipComment(at)
    if (kind === EXCLAMATION || kind === QUESTION) throw refusal(this.#xml, at)
    this.#limit = at + MAX_TAG_LENGTH
    const end = kind === SLASH ? this.#readEnd(at + 2) : this.#readStart(at + 1)
    if (end > 0 && end <= this.#limit) return end
    if (this.#xml.length < this.#limit) throw refusal(this.#xml, at)
    throw new BodyProblem('not-contract', 'expected short tags, got a very long one')
  }

  #readText(at: number): number {
    const found = this.#xml.indexOf('<', at)
    const end = found < 0 ? this.#xml.length : found
    const text = this.#xml.slice(at, end)
    if (text.includes(']]>')) throw new BodyProblem('unreadable', 'expected XML, got ]]> in text')
    this.is = 'text'
    this.text = this.#decoded(text)
    return end
  }

  #readCdata(at: number): number {
    const end = this.#xml.indexOf(']]>', at)
    if (end < 0) throw new BodyProblem('unreadable', 'expected XML, got CDATA without an end')
    this.is = 'cdata'
    this.text = this.#xml.slice(at + '<![CDATA['.length, end)
    return end + 3
  }

  #skipComment(at: number): number {
    const end = this.#xml.indexOf('--', at + '<!--'.length)
    if (end < 0 || this.#xml[end + 2] !== '>') throw new BodyProblem('unreadable', 'expected XML, got a broken comment')
    this.is = 'comment'
    return end + 3
  }

  /** Gives 0 if there is no tag, as do the other methods that read tags. */
  #readEnd(at: number): number {
    const wouldClose = at + this.name.length
    if (this.#xml.charCodeAt(wouldClose) === GREATER && this.#xml.startsWith(this.name, at)) {
      this.is = 'end' // of the element that began last, as nearly all are: its name need not be read again
      return wouldClose + 1
    }
    const end = nameEnd(this.#xml, at)
    const close = skipSpace(this.#xml, end)
    if (end === 0 || this.#xml.charCodeAt(close) !== GREATER) return 0
    this.is = 'end'
    this.name = this.#xml.slice(at, end)
    return close + 1
  }

  #readStart(start: number): number {
    let at = nameEnd(this.#xml, start)
    if (at === 0) return 0
    this.is = 'start'
    this.name = this.#xml.slice(start, at)
    if (this.attributes.length > 0) this.attributes = []
    for (;;) {
      const next = skipSpace(this.#xml, at)
      const character = this.#xml.charCodeAt(next)
      this.isEmpty = character === SLASH
      if (character === GREATER) return next + 1
      if (character === SLASH) return this.#xml.charCodeAt(next + 1) === GREATER ? next + 2 : 0
      at = next > at ? this.#readAttribute(next) : 0
      if (at === 0) return 0
    }
  }

  #readAttribute(start: number): number {
    const end = nameEnd(this.#xml, start)
    const equals = skipSpace(this.#xml, end)
    if (end === 0 || this.#xml.charCodeAt(equals) !== EQUALS) return 0
    const open = skipSpace(this.#xml, equals + 1)
    const quote = this.#xml.charCodeAt(open)
    if (quote !== DOUBLE && quote !== SINGLE) return 0
    const close = this.#xml.indexOf(quote === DOUBLE ? '"' : "'", open + 1)
    const raw = this.#xml.slice(open + 1, close)
    if (close < 0 || close >= this.#limit || raw.includes('<')) return 0
    this.#add(this.#xml.slice(start, end), raw)
    return close + 1
  }

  #add(name: string, raw: string): void {
    if (this.attributes.some((other) => other.name === name)) {
      throw new BodyProblem('unreadable', 'expected XML, got an attribute twice')
    }
    this.attributes.push({ name, value: this.#decoded(raw.replace(/[\t\n]/g, ' ')) })
  }

  #decoded(text: string): string {
    return this.#hasReferences ? decoded(text) : text
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

function skipSpace(xml: string, start: number): number {
  let at = start
  for (let code = xml.charCodeAt(at); code === BLANK || code === LINE_FEED || code === TAB; )
    code = xml.charCodeAt(++at)
  return at
}

const NAMED: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
])
/** An `&` that begins none of the references that XML has without a DTD. */
const NO_REFERENCE = /&(?!(?:amp|lt|gt|quot|apos|#\d{1,8}|#x[\dA-Fa-f]{1,8});)/

function decoded(text: string): string {
  if (!text.includes('&')) return text
  if (NO_REFERENCE.test(text)) throw new BodyProblem('unreadable', 'expected XML, got an & that is no reference')
  return text.replace(/&([^;]*);/g, (_all, name: string) => NAMED.get(name) ?? character(name))
}

/** Allows control characters and zero: .NET writes `&#x1;` for one in a string, although XML 1.0 has none. */
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
