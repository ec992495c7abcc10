/** What is wrong with a request, field by field: what was expected and what kind of thing was got, never the value. */

import type { FieldProblem } from './problem.ts'

/** An error of validation, as the type provider makes it of an issue of zod. */
interface Issue {
  keyword?: string
  instancePath?: string
  message?: string
  params?: Record<string, unknown>
}

/** What was checked: a body has values of many kinds, everything else is text. */
export interface Given {
  part: 'body' | 'text'
  value: unknown
}

export function fieldProblems(issues: readonly Issue[], given: Given): FieldProblem[] {
  return issues.flatMap((issue) => ofIssue(issue, given))
}

function ofIssue({ keyword, instancePath = '/', message = 'not valid', params = {} }: Issue, given: Given) {
  const path = instancePath.split('/').slice(1).filter(Boolean)
  if (keyword === 'unrecognized_keys') {
    const keys = params.keys as string[]
    return keys.map((key) => ({ field: named([...path, key]), problem: 'there is no such field' }))
  }
  const got = valueAt(given.value, path)
  const words = given.part === 'text' ? gotAsText(got) : gotInWords(got, keyword)
  return [{ field: named(path), problem: `${expectedOf(keyword, message, params)}${words}` }]
}

function expectedOf(keyword: string | undefined, message: string, params: Record<string, unknown>): string {
  if (keyword === 'invalid_type') return `expected ${nameOf(String(params.expected))}`
  if (keyword === 'invalid_value') return `expected ${(params.values as unknown[]).join(' or ')}`
  if (/^Too (small|big)/.test(message)) return expectedSize(params)
  return message
}

/** Where the schema has no words of its own. */
function expectedSize({ origin, minimum, maximum, inclusive }: Record<string, unknown>): string {
  const bound = minimum ?? maximum
  const how = minimum !== undefined ? (inclusive ? 'at least' : 'more than') : inclusive ? 'at most' : 'less than'
  const unit = origin === 'string' ? (bound === 1 ? ' character' : ' characters') : ''
  return `expected ${how} ${bound}${unit}`
}

function gotInWords(got: unknown, keyword?: string): string {
  if (got === undefined) return '; it is missing'
  if (typeof got === 'number' && keyword === 'too_small') return ', got less'
  if (typeof got === 'number' && keyword === 'too_big') return ', got more'
  return `, got ${kindOf(got)}`
}

function gotAsText(got: unknown): string {
  if (got === undefined) return '; it is missing'
  if (Array.isArray(got)) return ', got several'
  return got === '' ? ', got nothing' : ', got something else'
}

function valueAt(body: unknown, path: string[]): unknown {
  return path.reduce<unknown>((value, part) => (value as Record<string, unknown> | null | undefined)?.[part], body)
}

/** `lookups[3].connectionId` */
export function named(path: readonly string[]): string {
  if (path.length === 0) return 'body'
  return path.map((part, index) => (/^\d+$/.test(part) ? `[${part}]` : index === 0 ? part : `.${part}`)).join('')
}

function nameOf(type: string): string {
  if (type === 'int') return 'a whole number'
  return /^(array|object|record)$/.test(type) ? `an ${type === 'record' ? 'object' : type}` : `a ${type}`
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'string') return value === '' ? 'an empty string' : `a string of ${value.length} characters`
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
