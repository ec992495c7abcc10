/**
 * XML text -> a small tree, or a BodyProblem. The pieces are those of `XmlScanner`; here tags pair and names get their
 * namespaces. Not a general parser, and meant to stay so: no DTD, no entities, no processing instructions, within limits.
 * It is ours because the ones we know block the event loop for seconds on hostile answers or accept what is no XML;
 * tests hold it against two of them.
 */

import { BodyProblem } from './body-problem.ts'
import { type RawAttribute, XmlScanner } from './xml-scan.ts'

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
  attributes: readonly XmlAttribute[]
  children: readonly XmlElement[]
  /** The element's own character data, CDATA included, exactly and in order. */
  text: string
}

/** The namespaces that one element declares: prefix to URI; the default namespace has the empty prefix. */
interface Scope {
  declared: ReadonlyMap<string, string>
  /** Linked, not copied, because a deep document with many declarations would cost depth times declarations. */
  outer: Scope | null
}

/** An element whose end has not been read. */
interface Open extends XmlElement {
  children: XmlElement[]
  readonly tagName: string
  readonly scope: Scope
}

/** Deep enough for any fault detail; the record itself is five deep. */
const MAX_DEPTH = 32
const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace'
const ROOT_SCOPE: Scope = {
  declared: new Map([
    ['', ''],
    ['xml', XML_NAMESPACE],
  ]),
  outer: null,
}
const NOT_SPACE = /[^ \t\n]/
const NO_ATTRIBUTES: readonly XmlAttribute[] = []
/** Nearly every element of the service has none, and is never given one of these: the first replaces it. */
const NO_CHILDREN: XmlElement[] = []

export function parseXml(text: string): XmlElement {
  const scanner = new XmlScanner(text)
  const open: Open[] = []
  let root: XmlElement | null = null
  while (scanner.next()) {
    const parent = open.at(-1)
    if (scanner.is === 'start') {
      if (!parent && root) throw unreadable('one root element, got two')
      const next = opening(scanner, parent?.scope ?? ROOT_SCOPE)
      root ??= next
      if (parent?.children === NO_CHILDREN) parent.children = [next]
      else parent?.children.push(next)
      if (!scanner.isEmpty) open.push(next)
      if (open.length > MAX_DEPTH) throw new BodyProblem('not-contract', 'expected few levels, got very many')
    } else if (scanner.is === 'end') {
      if (open.pop()?.tagName !== scanner.name) throw unreadable('XML, got tags that do not pair')
    } else if (scanner.is !== 'comment') {
      if (parent) parent.text += scanner.text
      else if (scanner.is === 'cdata' || NOT_SPACE.test(scanner.text))
        throw unreadable('one root element, got text beside it')
    }
  }
  if (!root || open.length > 0) throw unreadable('XML, got a document that stops before its end')
  return root
}

function unreadable(expected: string): BodyProblem {
  return new BodyProblem('unreadable', `expected ${expected}`)
}

function opening({ name: tagName, attributes: raw }: XmlScanner, outer: Scope): Open {
  // Nearly every tag of the service has no attributes.
  if (raw.length === 0) return opened(tagName, NO_ATTRIBUTES, outer)
  const scope = scopeOf(raw, outer)
  const attributes: XmlAttribute[] = []
  for (const { name, value } of raw) {
    if (isDeclaration(name)) continue
    // An attribute without a prefix is in no namespace, whatever the default namespace is.
    const colon = name.indexOf(':')
    const namespace = colon < 0 ? '' : namespaceOf(name.slice(0, colon), scope)
    attributes.push({ name: name.slice(colon + 1), namespace, value })
  }
  if (attributes.length > 1) refuseTwins(attributes)
  return opened(tagName, attributes, scope)
}

function opened(tagName: string, attributes: readonly XmlAttribute[], scope: Scope): Open {
  const colon = tagName.indexOf(':')
  const name = colon < 0 ? tagName : tagName.slice(colon + 1)
  const namespace = namespaceOf(colon < 0 ? '' : tagName.slice(0, colon), scope)
  return { name, namespace, attributes, children: NO_CHILDREN, text: '', tagName, scope }
}

function isDeclaration(attribute: string): boolean {
  return attribute === 'xmlns' || attribute.startsWith('xmlns:')
}

/** What it declares itself, and behind that what is declared around it. */
function scopeOf(attributes: RawAttribute[], outer: Scope): Scope {
  let declared: Map<string, string> | null = null
  for (const { name, value: uri } of attributes) {
    if (!isDeclaration(name)) continue
    const prefix = name.slice('xmlns:'.length)
    const isReserved = prefix === 'xmlns' || (prefix === 'xml') !== (uri === XML_NAMESPACE)
    if (isReserved || (prefix !== '' && uri === '')) throw unreadable('XML, got a namespace that may not be declared')
    declared ??= new Map()
    declared.set(prefix, uri)
  }
  return declared ? { declared, outer } : outer
}

/** Refuses the same attribute under two prefixes of one namespace. */
function refuseTwins(attributes: readonly XmlAttribute[]): void {
  const names = new Set(attributes.map(({ name, namespace }) => `${namespace} ${name}`))
  if (names.size < attributes.length) throw unreadable('XML, got an attribute twice')
}

function namespaceOf(prefix: string, scope: Scope): string {
  for (let at: Scope | null = scope; at; at = at.outer) {
    const namespace = at.declared.get(prefix)
    if (namespace !== undefined) return namespace
  }
  throw unreadable('XML, got a prefix without a namespace')
}
