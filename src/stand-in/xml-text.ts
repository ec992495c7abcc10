/** The text of a document, and the place that its reader has come to: errors name that place. */

import { checkCharacters, NAME, normaliseLines, resolveReferences } from './xml-characters.ts'

/** Not well-formed, or a thing that the service refuses (DTD). The message is .NET's, with its place. */
export class XmlError extends Error {
  override name = 'XmlError'
}

const SPACE = /[ \t\r\n]*/y

export class XmlText {
  readonly text: string
  at = 0

  constructor(text: string) {
    this.text = text
  }

  /** null: no name begins there. */
  name(at: number): string | null {
    NAME.lastIndex = at
    return NAME.exec(this.text)?.[0] ?? null
  }

  /** Where the white space ends. */
  skipSpace(at: number): number {
    SPACE.lastIndex = at
    SPACE.test(this.text)
    return SPACE.lastIndex
  }

  /** Where it comes next; the end of the text if it does not. */
  find(what: string): number {
    const found = this.text.indexOf(what, this.at)
    return found < 0 ? this.text.length : found
  }

  /** What the raw characters stand for; with references or, as in CDATA, without. */
  characters(raw: string, references: boolean): string {
    const complain = (message: string) => this.error(message)
    const lines = normaliseLines(checkCharacters(raw, complain))
    return references ? resolveReferences(lines, complain) : lines
  }

  error(message: string): XmlError {
    const before = this.text.slice(0, this.at)
    const line = before.split('\n').length
    return new XmlError(`${message} Line ${line}, position ${before.length - before.lastIndexOf('\n')}.`)
  }
}
