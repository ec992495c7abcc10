/** Checks of what people write for the stand-in: its answers, its behaviour. The errors say where, what was expected, what was got. */

export class CheckError extends Error {
  override name = 'CheckError'
}

/** Throws CheckError; its message calls the value `where`. */
export type Check = (value: unknown, where: string) => void
export type Fields = Readonly<Record<string, Check>>

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `name`: what error messages call the field of that name in the value at `where`. */
export function checkObject(
  value: Record<string, unknown>,
  where: string,
  fields: Fields,
  required: readonly string[] = [],
  name = partOf,
): void {
  for (const each of required) {
    if (!(each in value)) throw wrong(name(where, each), 'a value', undefined)
  }
  for (const [each, part] of Object.entries(value)) {
    const check = Object.hasOwn(fields, each) ? fields[each] : undefined
    if (!check) throw wrong(where, `one of ${Object.keys(fields).join(', ')}`, each)
    check(part, name(where, each))
  }
}

function partOf(where: string, name: string): string {
  return `${where}.${name}`
}

export function checkThat(expected: string, fits: (value: unknown) => boolean): Check {
  return (value, where) => {
    if (!fits(value)) throw wrong(where, expected, value)
  }
}

export function wrong(where: string, expected: string, got: unknown): CheckError {
  if (got === undefined) return new CheckError(`${where}: expected ${expected}; it is missing`)
  const shown = JSON.stringify(got)
  return new CheckError(`${where}: expected ${expected}, got ${shown.length > 80 ? `${shown.slice(0, 80)}…` : shown}`)
}

/** What sort of thing a value is that must not be shown. */
export function sortOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`.replace('a object', 'an object')
}
