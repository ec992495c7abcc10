/** Characters of XML 1.0: which are allowed, which make a name, what references stand for. */

const NAME_START =
  ':A-Z_a-z\\u{C0}-\\u{D6}\\u{D8}-\\u{F6}\\u{F8}-\\u{2FF}\\u{370}-\\u{37D}\\u{37F}-\\u{1FFF}\\u{200C}\\u{200D}' +
  '\\u{2070}-\\u{218F}\\u{2C00}-\\u{2FEF}\\u{3001}-\\u{D7FF}\\u{F900}-\\u{FDCF}\\u{FDF0}-\\u{FFFD}\\u{10000}-\\u{EFFFF}'
/** A name at `lastIndex`. */
export const NAME = new RegExp(`[${NAME_START}][${NAME_START}\\-.0-9\\u{B7}\\u{300}-\\u{36F}\\u{203F}\\u{2040}]*`, 'uy')
const FORBIDDEN_CHARACTER = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u
const PREDEFINED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', apos: "'", quot: '"' }

/** Makes the reader's error of a message. */
type Complain = (message: string) => Error

export function normaliseLines(raw: string): string {
  return raw.includes('\r') ? raw.replace(/\r\n?/g, '\n') : raw
}

/** The same text, if XML allows every character of it. */
export function checkCharacters(raw: string, complain: Complain): string {
  const bad = FORBIDDEN_CHARACTER.exec(raw)
  if (!bad) return raw
  const code = (bad[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, '0')
  throw complain(`'.', hexadecimal value 0x${code}, is an invalid character.`)
}

/** Character references and the five entities that need no declaration. */
export function resolveReferences(raw: string, complain: Complain): string {
  if (!raw.includes('&')) return raw
  return raw.replace(/&([^;&]*;?)/g, (_, reference: string) => referent(reference, complain))
}

function referent(reference: string, complain: Complain): string {
  const numeric = /^#(?:x([0-9A-Fa-f]+)|([0-9]+));$/.exec(reference)
  if (!numeric) {
    const entity = reference.endsWith(';') ? reference.slice(0, -1) : ''
    if (Object.hasOwn(PREDEFINED, entity)) return PREDEFINED[entity] as string
    throw complain(`Reference to undeclared entity '${entity}'.`)
  }
  const code = numeric[1] ? Number.parseInt(numeric[1], 16) : Number(numeric[2])
  if (code > 0x10ffff) throw complain('Invalid value of a character reference.')
  return checkCharacters(String.fromCodePoint(code), complain)
}
