/** What is wrong with a request, field by field: what was expected and what kind of thing was got, never the value. */

import type { FieldProblem } from './problem.ts'

/** An error of validation, as the type provider makes it of an issue of zod. */
interface Issue {
  keyword?: string
  instancePath?: string
  message?: string
  params?: Record<string, unknown>
}

/** `body`: where the kind of a wrong value is looked up; a parameter is a text always. */
export function fieldProblems(issues: readonly Issue[], body: unknown): FieldProblem[] {
  return issues.flatMap((issue) => ofIssue(issue, body))
}

function ofIssue({ keyword, instancePath = '/', message = 'not valid', params = {} }: Issue, body: unknown) {
  const path = instancePath.split('/').slice(1).filter(Boolean)
  if (keyword === 'unrecognized_keys') {
    const keys = params.keys as string[]
    return keys.map((key) => ({ field: named([...path, key]), problem: 'there is no such field' }))
  }
  const got = valueAt(body, path)
  return [{ field: named(path), problem: `${expectedOf(keyword, message, params)}${gotInWords(got)}` }]
}

function expectedOf(keyword: string | undefined, message: string, params: Record<string, unknown>): string {
  if (keyword === 'invalid_type') return `expected ${nameOf(String(params.expected))}`
  if (keyword === 'invalid_value') return `expected ${(params.values as unknown[]).join(' or ')}`
  return message
}

function gotInWords(got: unknown): string {
  return got === undefined ? '; it is missing' : `, got ${kindOf(got)}`
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
