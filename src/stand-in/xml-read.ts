/**
 * A small strict XML 1.0 reader with namespaces, forward only, in the manner of .NET's XmlReader: an error is met when the
 * reader comes to it, not before, because the service answers differently while it routes and while it reads parameters.
 * It is on purpose not the client's parser: a mistake in one must not be hidden by the same mistake in the other.
 */

import { type Attribute, NamespaceScope } from './xml-namespaces.ts'
import { XmlError, XmlText } from './xml-text.ts'

export type NodeKind = 'start' | 'end' | 'text' | 'comment' | 'instruction' | 'eof'

interface OpenElement {
  name: string
  localName: string
  namespace: string
  /** Size of the namespace scope outside this element. */
  outside: number
}

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

  readonly #xml: XmlText
  #rootSeen = false
  #emptyElement = false
  readonly #open: OpenElement[] = []
  readonly #namespaces: NamespaceScope

  constructor(text: string) {
    this.#xml = new XmlText(text)
    this.#namespaces = new NamespaceScope((message) => this.#xml.error(message))
    if (!/^<\?xml[ \t\r\n?]/.test(text)) return
    const declaration = DECLARATION.exec(text)
    if (!declaration) throw this.#xml.error('Syntax for an XML declaration is invalid.')
    this.#xml.at = declaration[0].length
  }

  /** Elements that are open around the node just read (a start tag counts itself). */
  get depth(): number {
    return this.#open.length
  }

  next(): NodeKind {
    if (this.#emptyElement) return this.#closeElement()
    if (this.#xml.at >= this.#xml.text.length) return this.#end()
    if (this.#xml.text[this.#xml.at] !== '<') return this.#readText()
    switch (this.#xml.text[this.#xml.at + 1]) {
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
      throw this.#xml.error(
        `Unexpected end of file has occurred. The following elements are not closed: ${names.join(', ')}.`,
      )
    }
    if (!this.#rootSeen) throw new XmlError('Root element is missing.')
    this.kind = 'eof'
    return this.kind
  }

  #readText(): NodeKind {
    const until = this.#xml.find('<')
    const raw = this.#xml.text.slice(this.#xml.at, until)
    if (this.#open.length === 0 && NOT_SPACE.test(raw)) throw this.#xml.error('Data at the root level is invalid.')
    if (raw.includes(']]>')) throw this.#xml.error("']]>' is not allowed in character data.")
    this.value = this.#xml.characters(raw, true)
    this.#xml.at = until
    return this.#is('text')
  }

  #readDeclared(): NodeKind {
    if (this.#xml.text.startsWith('<!--', this.#xml.at)) return this.#readComment()
    if (this.#xml.text.startsWith('<![CDATA[', this.#xml.at)) return this.#readCdata()
    if (this.#xml.text.startsWith('<!DOCTYPE', this.#xml.at)) throw new XmlError(DTD_REFUSED)
    throw this.#xml.error('Name cannot begin with the character, hexadecimal value 0x21.')
  }

  #readComment(): NodeKind {
    const dashes = this.#xml.text.indexOf('--', this.#xml.at + 4)
    if (dashes < 0) throw this.#xml.error('Unexpected end of file while parsing Comment has occurred.')
    if (this.#xml.text[dashes + 2] !== '>') throw this.#xml.error("An XML comment cannot contain '--'.")
    this.#xml.characters(this.#xml.text.slice(this.#xml.at + 4, dashes), false)
    this.#xml.at = dashes + 3
    return this.#is('comment')
  }

  #readCdata(): NodeKind {
    if (this.#open.length === 0) throw this.#xml.error('Data at the root level is invalid.')
    const end = this.#xml.text.indexOf(']]>', this.#xml.at)
    if (end < 0) throw this.#xml.error('Unexpected end of file while parsing CDATA has occurred.')
    this.value = this.#xml.characters(this.#xml.text.slice(this.#xml.at + 9, end), false)
    this.#xml.at = end + 3
    return this.#is('text')
  }

  #readInstruction(): NodeKind {
    const end = this.#xml.text.indexOf('?>', this.#xml.at)
    if (end < 0) throw this.#xml.error('Unexpected end of file while parsing PI has occurred.')
    const target = this.#name(this.#xml.at + 2)
    if (target.toLowerCase() === 'xml' || target.includes(':')) throw this.#xml.error(LATE_DECLARATION)
    const after = this.#xml.text[this.#xml.at + 2 + target.length] ?? ''
    if (after !== '?' && NOT_SPACE.test(after)) throw this.#xml.error('Expecting whitespace after a PI target.')
    this.#xml.characters(this.#xml.text.slice(this.#xml.at, end), false)
    this.#xml.at = end + 2
    return this.#is('instruction')
  }

  #readEndTag(): NodeKind {
    const name = this.#name(this.#xml.at + 2)
    const after = this.#xml.skipSpace(this.#xml.at + 2 + name.length)
    const innermost = this.#open.at(-1)
    if (innermost?.name !== name) {
      throw this.#xml.error(`The '${innermost?.name ?? ''}' start tag does not match the end tag of '${name}'.`)
    }
    if (this.#xml.text[after] !== '>') throw this.#xml.error("Expected '>'.")
    this.#xml.at = after + 1
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
    if (this.#open.length === 0 && this.#rootSeen) throw this.#xml.error('There are multiple root elements.')
    const name = this.#name(this.#xml.at + 1)
    this.#xml.at += 1 + name.length
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
      const from = this.#xml.skipSpace(this.#xml.at)
      const spaced = from > this.#xml.at
      this.#xml.at = from
      if (this.#xml.text[from] === '>' || this.#xml.text.startsWith('/>', from)) {
        this.#emptyElement = this.#xml.text[from] === '/'
        this.#xml.at += this.#emptyElement ? 2 : 1
        return attributes
      }
      if (!spaced) throw this.#xml.error('White space is required between attributes.')
      attributes.push(this.#readAttribute())
    }
  }

  #readAttribute(): [string, string] {
    const name = this.#name(this.#xml.at)
    const equals = this.#xml.skipSpace(this.#xml.at + name.length)
    if (this.#xml.text[equals] !== '=') throw this.#xml.error("Expected '='.")
    const open = this.#xml.skipSpace(equals + 1)
    const quote = this.#xml.text[open]
    if (quote !== '"' && quote !== "'") throw this.#xml.error("Expected '\"' or '''.")
    const close = this.#xml.text.indexOf(quote, open + 1)
    if (close < 0) throw this.#xml.error('Unexpected end of file has occurred.')
    const raw = this.#xml.text.slice(open + 1, close)
    if (raw.includes('<')) throw this.#xml.error("'<', hexadecimal value 0x3C, is an invalid attribute character.")
    // White space is a space in an attribute, but not where it was written as a reference.
    const value = this.#xml.characters(raw.replace(/\r\n|[\t\r\n]/g, ' '), true)
    this.#xml.at = close + 1
    return [name, value]
  }

  #name(at: number): string {
    const name = this.#xml.name(at)
    if (name !== null) return name
    const isBeforeRoot = this.#open.length === 0 && !this.#rootSeen
    throw this.#xml.error(isBeforeRoot ? 'Data at the root level is invalid.' : 'Name is invalid.')
  }

  #is(kind: NodeKind): NodeKind {
    this.kind = kind
    return kind
  }
}
