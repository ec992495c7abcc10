/**
 * What JSON.parse changes in silence: a number with more digits than a double holds, as a 64-bit id; a key that stands twice
 * in one object; and the key `__proto__`, which JSON has and many objects cannot. A lookup whose metadata would come back
 * changed is refused.
 */

/** Also escapes of characters that may be written without: a key with one may be the same as a key without. */
const RISKY = /[\d.]{16}|\d[eE]|__proto__|\\[u/]/
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"\s*:?/g
const KEY_OR_VALUE = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|-?\d[\d.eE+-]*/g
/** Before a number that was made a string, so that it is told from the producer's own strings. */
const NUMBER = '\u0000number '

/** Null: its metadata comes back as it was written. The text is JSON. */
export function problemOfMetadata(text: string): string | null {
  if (!text.includes('"metadata"') && !text.includes('\\')) return null // a key with an escape may be the same
  if (!RISKY.test(text) && !mayRepeatKeys(text)) return null
  return problemOf(fieldOf(JSON.parse(markedIn(text)), 'metadata'))
}

/** The same of each lookup in the array `lookups`, by its index; those that come back as they were written are left out. */
export function problemsOfLookups(text: string): Map<number, string> {
  if (!RISKY.test(text) && !mayRepeatKeys(text)) return new Map()
  const list = fieldOf(JSON.parse(markedIn(text)), 'lookups')
  const problems = (Array.isArray(list) ? list : []).map((one) => problemOf(fieldOf(one, 'metadata')))
  return new Map(problems.flatMap((problem, index) => (problem === null ? [] : [[index, problem]])))
}

/** Of an object with marked keys; the last one counts, as for JSON.parse. */
function fieldOf(marked: unknown, name: string): unknown {
  if (typeof marked !== 'object' || marked === null) return undefined
  return Object.entries(marked).findLast(([key]) => nameOf(key) === name)?.[1]
}

/** Some key stands twice in the text, perhaps in two objects. */
function mayRepeatKeys(text: string): boolean {
  const strings = text.match(STRING) ?? []
  const keys = strings.filter((token) => token.endsWith(':')).map((token) => token.slice(0, token.lastIndexOf('"')))
  return new Set(keys).size < keys.length
}

/** The text with numbers made strings, and each key made another one, so that JSON.parse drops none. */
function markedIn(text: string): string {
  let keys = 0
  return text.replace(KEY_OR_VALUE, (token, colon?: string) => {
    if (colon !== undefined) return `"${keys++} ${token.slice(1)}`
    return token.startsWith('"') ? token : JSON.stringify(NUMBER + token)
  })
}

/** The key as it was written, before it was made another one. */
function nameOf(marked: string): string {
  return marked.slice(marked.indexOf(' ') + 1)
}

function problemOf(value: unknown): string | null {
  if (typeof value === 'string')
    return value.startsWith(NUMBER) && !isExact(value.slice(NUMBER.length)) ? INEXACT : null
  if (typeof value !== 'object' || value === null) return null
  return Array.isArray(value) ? firstProblem(value) : problemOfObject(value)
}

function problemOfObject(value: object): string | null {
  const names = Object.keys(value).map(nameOf)
  if (names.includes('__proto__')) return PROTO
  return new Set(names).size < names.length ? REPEATED : firstProblem(Object.values(value))
}

function firstProblem(values: unknown[]): string | null {
  for (const value of values) {
    const problem = problemOf(value)
    if (problem !== null) return problem
  }
  return null
}

const INEXACT =
  'metadata: expected numbers of at most 15 digits, got one that would come back changed: write it as a string'
const PROTO = 'metadata: expected no key __proto__, got one'
const REPEATED = 'metadata: expected each key once in its object, got one twice: the first value would be lost'

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
