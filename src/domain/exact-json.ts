/**
 * What JSON.parse changes in silence: a number with more digits than a double holds, as a 64-bit id; and the key
 * `__proto__`, which JSON has and many objects cannot. A lookup whose metadata would come back changed is refused.
 */

const RISKY = /[\d.]{16}|\d[eE]|__proto__|\\u/
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g
/** Before a number that was made a string, so that it is told from the producer's own strings. */
const NUMBER = '\u0000number '

/** Null: its metadata comes back as it was written. The text is JSON. */
export function problemOfMetadata(text: string): string | null {
  if (!RISKY.test(text)) return null
  const marked = text.replace(STRING_OR_NUMBER, (token) =>
    token.startsWith('"') ? token : JSON.stringify(NUMBER + token),
  )
  const { metadata } = (JSON.parse(marked) ?? {}) as { metadata?: unknown }
  return problemOf(metadata)
}

function problemOf(value: unknown): string | null {
  if (typeof value === 'string')
    return value.startsWith(NUMBER) && !isExact(value.slice(NUMBER.length)) ? INEXACT : null
  if (typeof value !== 'object' || value === null) return null
  for (const [key, part] of Object.entries(value)) {
    const problem = key === '__proto__' ? PROTO : problemOf(part)
    if (problem !== null) return problem
  }
  return null
}

const INEXACT =
  'metadata: expected numbers of at most 15 digits, got one that would come back changed: write it as a string'
const PROTO = 'metadata: expected no key __proto__, got one'

/** A double says the same value again. */
function isExact(token: string): boolean {
  const value = Number(token)
  return Number.isFinite(value) && decimal(token) === decimal(String(value))
}

/** Sign, digits without zeros at either end, and exponent: the same for the same value. */
function decimal(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  const digits = (whole + fraction).replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return '0'
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`
}
