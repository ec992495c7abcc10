/**
 * A small strict XML 1.0 reader with namespaces, forward only, in the manner of .NET's XmlReader: an error is met when the
 * reader comes to it, not before, because the service answers differently while it routes and while it reads parameters.
 * It is on purpose not the client's parser: a mistake in one must not be hidden by the same mistake in the other.
 */

import { checkCharacters, NAME, normaliseLines, resolveReferences } from './xml-characters.ts'
import { type Attribute, NamespaceScope } from './xml-namespaces.ts'

/** Not well-formed, or a thing that the service refuses (DTD). The message is .NET's, with its place. */
export class XmlError extends Error {
  override name = 'XmlError'
}

export type NodeKind = 'start' | 'end' | 'text' | 'comment' | 'instruction' | 'eof'

interface OpenElement {
  name: string
  localName: string
  namespace: string
  /** Size of the namespace scope outside this element. */
  outside: number
}

const SPACE = /[ \t\r\n]*/y
const NOT_SPACE = /[^ \t\r\n]/
const DECLARATION =
  /^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(["'])1\.0\1([ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(["'])[A-Za-z][A-Za-z0-9._-]*\3)?([ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(["'])(yes|no)\5)?[ \t\r\n]*\?>/
const LATE_DECLARATION =
  'Unexpected XML declaration. The XML declaration must be the first node in the document, and no white space characters ' +
  'are allowed to appear before it.'
const DTD_REFUSED =
  'For security reasons DTD is prohibited in this XML document. To enable DTD processing set the DtdProcessing property ' +
  'on XmlReaderSettings to Parse and pass the settings into XmlReader.Create method.'

export class XmlReader {
  kind: NodeKind | 'none' = 'none'
  localName = ''
  namespace = ''
  /** Text of a text node, references resolved, line ends normalised. */
  value = ''
  attributes: Attribute[] = []

  readonly #text: string
  #at = 0
  #rootSeen = false
  #emptyElement = false
  readonly #open: OpenElement[] = []
  readonly #complain = (message: string) => this.#error(message)
  readonly #namespaces = new NamespaceScope(this.#complain)

  constructor(text: string) {
    this.#text = text
    if (!/^<\?xml[ \t\r\n?]/.test(text)) return
    const declaration = DECLARATION.exec(text)
    if (!declaration) throw this.#error('Syntax for an XML declaration is invalid.')
    this.#at = declaration[0].length
  }

  /** Elements that are open around the node just read (a start tag counts itself). */
  get depth(): number {
    return this.#open.length
  }

  next(): NodeKind {
    if (this.#emptyElement) return this.#closeElement()
    if (this.#at >= this.#text.length) return this.#end()
    if (this.#text[this.#at] !== '<') return this.#readText()
    switch (this.#text[this.#at + 1]) {
      case '/':
        return this.#readEndTag()
      case '!':
        return this.#readDeclared()
      case '?':
        return this.#readInstruction()
      default:
        return this.#readStartTag()
    }
  }

  /** Next node that is neither white space, comment nor processing instruction. */
  nextContent(): NodeKind {
    for (;;) {
      const kind = this.next()
      if (kind === 'comment' || kind === 'instruction') continue
      if (kind === 'text' && !NOT_SPACE.test(this.value)) continue
      return kind
    }
  }

  /** From a start tag to its end tag. */
  skip(): void {
    const outside = this.depth - 1
    while (this.next() !== 'end' || this.depth > outside);
  }

  #end(): NodeKind {
    const innermost = this.#open.at(-1)
    if (innermost) {
      const names = this.#open.map((element) => element.name).reverse()
      throw this.#error(
        `Unexpected end of file has occurred. The following elements are not closed: ${names.join(', ')}.`,
      )
    }
    if (!this.#rootSeen) throw new XmlError('Root element is missing.')
    this.kind = 'eof'
    return this.kind
  }

  #readText(): NodeKind {
    const until = this.#find('<')
    const raw = this.#text.slice(this.#at, until)
    if (this.#open.length === 0 && NOT_SPACE.test(raw)) throw this.#error('Data at the root level is invalid.')
    if (raw.includes(']]>')) throw this.#error("']]>' is not allowed in character data.")
    this.value = this.#characters(raw, true)
    this.#at = until
    return this.#is('text')
  }

  #readDeclared(): NodeKind {
    if (this.#text.startsWith('<!--', this.#at)) return this.#readComment()
    if (this.#text.startsWith('<![CDATA[', this.#at)) return this.#readCdata()
    if (this.#text.startsWith('<!DOCTYPE', this.#at)) throw new XmlError(DTD_REFUSED)
    throw this.#error('Name cannot begin with the character, hexadecimal value 0x21.')
  }

  #readComment(): NodeKind {
    const dashes = this.#text.indexOf('--', this.#at + 4)
    if (dashes < 0) throw this.#error('Unexpected end of file while parsing Comment has occurred.')
    if (this.#text[dashes + 2] !== '>') throw this.#error("An XML comment cannot contain '--'.")
    this.#characters(this.#text.slice(this.#at + 4, dashes), false)
    this.#at = dashes + 3
    return this.#is('comment')
  }

  #readCdata(): NodeKind {
    if (this.#open.length === 0) throw this.#error('Data at the root level is invalid.')
    const end = this.#text.indexOf(']]>', this.#at)
    if (end < 0) throw this.#error('Unexpected end of file while parsing CDATA has occurred.')
    this.value = this.#characters(this.#text.slice(this.#at + 9, end), false)
    this.#at = end + 3
    return this.#is('text')
  }

  #readInstruction(): NodeKind {
    const end = this.#text.indexOf('?>', this.#at)
    if (end < 0) throw this.#error('Unexpected end of file while parsing PI has occurred.')
    const target = this.#name(this.#at + 2)
    if (target.toLowerCase() === 'xml' || target.includes(':')) throw this.#error(LATE_DECLARATION)
    const after = this.#text[this.#at + 2 + target.length] ?? ''
    if (after !== '?' && NOT_SPACE.test(after)) throw this.#error('Expecting whitespace after a PI target.')
    this.#characters(this.#text.slice(this.#at, end), false)
    this.#at = end + 2
    return this.#is('instruction')
  }

  #readEndTag(): NodeKind {
    const name = this.#name(this.#at + 2)
    const after = this.#skipSpace(this.#at + 2 + name.length)
    const innermost = this.#open.at(-1)
    if (innermost?.name !== name) {
      throw this.#error(`The '${innermost?.name ?? ''}' start tag does not match the end tag of '${name}'.`)
    }
    if (this.#text[after] !== '>') throw this.#error("Expected '>'.")
    this.#at = after + 1
    return this.#closeElement()
  }

  #closeElement(): NodeKind {
    this.#emptyElement = false
    const element = this.#open.pop() as OpenElement
    this.#namespaces.size = element.outside
    this.localName = element.localName
    this.namespace = element.namespace
    this.attributes = []
    return this.#is('end')
  }

  #readStartTag(): NodeKind {
    if (this.#open.length === 0 && this.#rootSeen) throw this.#error('There are multiple root elements.')
    const name = this.#name(this.#at + 1)
    this.#at += 1 + name.length
    const attributes = this.#readAttributes()
    this.#rootSeen = true
    const outside = this.#namespaces.size
    this.attributes = this.#namespaces.bind(attributes)
    const { localName, namespace } = this.#namespaces.qualify(name, true)
    this.#open.push({ name, localName, namespace, outside })
    this.localName = localName
    this.namespace = namespace
    return this.#is('start')
  }

  /** From behind the element's name to behind its `>`; notes whether it was `/>`. */
  #readAttributes(): [name: string, value: string][] {
    const attributes: [string, string][] = []
    for (;;) {
      const from = this.#skipSpace(this.#at)
      const spaced = from > this.#at
      this.#at = from
      if (this.#text[from] === '>' || this.#text.startsWith('/>', from)) {
        this.#emptyElement = this.#text[from] === '/'
        this.#at += this.#emptyElement ? 2 : 1
        return attributes
      }
      if (!spaced) throw this.#error('White space is required between attributes.')
      attributes.push(this.#readAttribute())
    }
  }

  #readAttribute(): [string, string] {
    const name = this.#name(this.#at)
    const equals = this.#skipSpace(this.#at + name.length)
    if (this.#text[equals] !== '=') throw this.#error("Expected '='.")
    const open = this.#skipSpace(equals + 1)
    const quote = this.#text[open]
    if (quote !== '"' && quote !== "'") throw this.#error("Expected '\"' or '''.")
    const close = this.#text.indexOf(quote, open + 1)
    if (close < 0) throw this.#error('Unexpected end of file has occurred.')
    const raw = this.#text.slice(open + 1, close)
    if (raw.includes('<')) throw this.#error("'<', hexadecimal value 0x3C, is an invalid attribute character.")
    // White space is a space in an attribute, but not where it was written as a reference.
    const value = this.#characters(raw.replace(/\r\n|[\t\r\n]/g, ' '), true)
    this.#at = close + 1
    return [name, value]
  }

  #name(at: number): string {
    NAME.lastIndex = at
    const found = NAME.exec(this.#text)
    if (found) return found[0]
    const message =
      this.#open.length === 0 && !this.#rootSeen ? 'Data at the root level is invalid.' : 'Name is invalid.'
    throw this.#error(message)
  }

  #skipSpace(at: number): number {
    SPACE.lastIndex = at
    SPACE.test(this.#text)
    return SPACE.lastIndex
  }

  #find(what: string): number {
    const found = this.#text.indexOf(what, this.#at)
    return found < 0 ? this.#text.length : found
  }

  /** What the raw characters stand for; with references or, as in CDATA, without. */
  #characters(raw: string, references: boolean): string {
    const lines = normaliseLines(checkCharacters(raw, this.#complain))
    return references ? resolveReferences(lines, this.#complain) : lines
  }

  #is(kind: NodeKind): NodeKind {
    this.kind = kind
    return kind
  }

  #error(message: string): XmlError {
    const before = this.#text.slice(0, this.#at)
    const line = before.split('\n').length
    return new XmlError(`${message} Line ${line}, position ${before.length - before.lastIndexOf('\n')}.`)
  }
}
