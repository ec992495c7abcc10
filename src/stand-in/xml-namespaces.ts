/** Which prefix stands for which namespace at the place where the reader is. */

export interface Attribute {
  localName: string
  namespace: string
  value: string
}

interface QualifiedName {
  localName: string
  namespace: string
}

const XML = 'http://www.w3.org/XML/1998/namespace'
const XMLNS = 'http://www.w3.org/2000/xmlns/'

export class NamespaceScope {
  readonly #error: (message: string) => Error
  readonly #bindings: { prefix: string; uri: string }[] = [
    { prefix: '', uri: '' },
    { prefix: 'xml', uri: XML },
  ]

  /** `error` makes the reader's error of a message. */
  constructor(error: (message: string) => Error) {
    this.#error = error
  }

  get size(): number {
    return this.#bindings.length
  }

  /** Forgets what was bound last: the end of an element. */
  set size(size: number) {
    this.#bindings.length = size
  }

  /** Takes up the namespace declarations, then gives the other attributes their namespaces; none may come twice. */
  bind(attributes: readonly [name: string, value: string][]): Attribute[] {
    if (attributes.length === 0) return []
    const names = new Set<string>()
    const others: [string, string][] = []
    for (const [name, value] of attributes) {
      if (names.has(name)) throw this.#error(`'${name}' is a duplicate attribute name.`)
      names.add(name)
      if (name === 'xmlns') this.#declare('', value)
      else if (name.startsWith('xmlns:')) this.#declare(name.slice(6), value)
      else others.push([name, value])
    }
    const bound = others.map(([name, value]) => ({ ...this.qualify(name, false), value }))
    if (new Set(bound.map((each) => `${each.localName} ${each.namespace}`)).size < bound.length) {
      throw this.#error('There is a duplicate attribute name.')
    }
    return bound
  }

  /** The default namespace is for elements; an attribute without prefix is in none. */
  qualify(name: string, element: boolean): QualifiedName {
    const colon = name.indexOf(':')
    if (colon < 0) return { localName: name, namespace: element ? this.#uriOf('') : '' }
    const localName = name.slice(colon + 1)
    if (colon === 0 || !/^[^\d.\-:][^:]*$/.test(localName)) throw this.#error(`The '${name}' name is invalid.`)
    return { localName, namespace: this.#uriOf(name.slice(0, colon)) }
  }

  #declare(prefix: string, uri: string): void {
    const xmlOnly = (prefix === 'xml') !== (uri === XML)
    if (xmlOnly || prefix === 'xmlns' || uri === XMLNS || prefix.includes(':') || (prefix && !uri)) {
      throw this.#error('Invalid namespace declaration.')
    }
    this.#bindings.push({ prefix, uri })
  }

  #uriOf(prefix: string): string {
    const binding = this.#bindings.findLast((each) => each.prefix === prefix)
    if (!binding) throw this.#error(`'${prefix}' is an undeclared prefix.`)
    return binding.uri
  }
}
