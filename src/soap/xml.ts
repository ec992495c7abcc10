/**
 * XML text -> a small tree of our own, or a BodyProblem. The parser is fast-xml-parser, which by itself accepts much that
 * is no XML; what it must not see is refused before it, by `scan` (constructs and limits) and its own validator (pairs
 * of tags). No text of the parser leaves this file: its messages quote the document, which holds names of customers.
 */

import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { BodyProblem } from './body-problem.ts'
import { MAX_DEPTH, scan } from './xml-scan.ts'

export interface XmlAttribute {
  name: string
  namespace: string
  value: string
}

export interface XmlElement {
  /** Local name, without its prefix. */
  name: string
  /** Namespace URI; empty if it is in none. */
  namespace: string
  attributes: XmlAttribute[]
  children: XmlElement[]
  /** Its own character data, CDATA included, exactly and in order. */
  text: string
}

/** Prefix -> namespace URI; the default namespace under the empty prefix. */
type Scope = ReadonlyMap<string, string>
/** What the parser gives with `preserveOrder`: one key for the name, `:@` for the attributes. */
type ParsedNode = Record<string, unknown>

const TEXT = '#text'
const ATTRIBUTES = ':@'
const ROOT_SCOPE: Scope = new Map([
  ['', ''],
  ['xml', 'http://www.w3.org/XML/1998/namespace'],
])

export function parseXml(text: string): XmlElement {
  scan(text)
  if (XMLValidator.validate(text) !== true)
    throw new BodyProblem('unreadable', 'expected XML, got tags that do not pair')
  const root = parseOrdered(text).find((node) => !(TEXT in node))
  if (!root) throw new BodyProblem('unreadable', 'expected XML, got no element')
  return toElement(root, ROOT_SCOPE)
}

function parseOrdered(text: string): ParsedNode[] {
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: '',
    parseTagValue: false,
    parseAttributeValue: false,
    trimValues: false,
    ignoreDeclaration: true,
    processEntities: true,
    entityDecoder: references(),
    maxNestedTags: MAX_DEPTH + 1,
    jPath: false,
  })
  try {
    return parser.parse(text) as ParsedNode[]
  } catch (error) {
    if (error instanceof BodyProblem) throw error
    throw new BodyProblem('unreadable', 'expected XML, got what its parser refuses')
  }
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/**
 * Decodes the references that `scan` let through. Not the parser's own decoder: that one drops `&#x1;` (which .NET
 * writes for a control character in a string) and leaves what it cannot decode in the text.
 */
function references() {
  return {
    decode: (text: string) => text.replace(/&([^;]*);/g, (_all, name: string) => NAMED[name] ?? character(name)),
    // Nothing is remembered, and there are no entities but XML's own.
    reset: () => undefined,
    setXmlVersion: () => undefined,
    setExternalEntities: () => undefined,
    addInputEntities: () => undefined,
  }
}

function character(reference: string): string {
  const code = reference[1] === 'x' ? Number.parseInt(reference.slice(2), 16) : Number.parseInt(reference.slice(1), 10)
  const isSurrogate = code >= 0xd800 && code <= 0xdfff
  if (!(code > 0 && code <= 0x10ffff) || isSurrogate) {
    throw new BodyProblem('unreadable', 'expected character references, got a number that is no character')
  }
  return String.fromCodePoint(code)
}

function toElement(node: ParsedNode, outer: Scope): XmlElement {
  const raw = Object.entries((node[ATTRIBUTES] ?? {}) as Record<string, string>)
  const scope = withDeclarations(raw, outer)
  const [qualifiedName, content] = Object.entries(node).find(([key]) => key !== ATTRIBUTES) as [string, ParsedNode[]]
  const element: XmlElement = { ...resolve(qualifiedName, scope), attributes: [], children: [], text: '' }
  for (const [name, value] of raw) {
    if (isDeclaration(name)) continue
    // An attribute without a prefix is in no namespace, whatever the default one is.
    const resolved = name.includes(':') ? resolve(name, scope) : { name, namespace: '' }
    element.attributes.push({ ...resolved, value })
  }
  for (const child of content) {
    if (TEXT in child) element.text += child[TEXT]
    else element.children.push(toElement(child, scope))
  }
  return element
}

function isDeclaration(attribute: string): boolean {
  return attribute === 'xmlns' || attribute.startsWith('xmlns:')
}

function withDeclarations(attributes: [string, string][], outer: Scope): Scope {
  const declared = attributes.filter(([name]) => isDeclaration(name))
  if (declared.length === 0) return outer
  return new Map([...outer, ...declared.map(([name, uri]): [string, string] => [name.slice('xmlns:'.length), uri])])
}

function resolve(qualifiedName: string, scope: Scope): { name: string; namespace: string } {
  const colon = qualifiedName.indexOf(':')
  const namespace = scope.get(colon < 0 ? '' : qualifiedName.slice(0, colon))
  if (namespace === undefined) throw new BodyProblem('unreadable', 'expected XML, got a prefix without a namespace')
  return { name: qualifiedName.slice(colon + 1), namespace }
}
