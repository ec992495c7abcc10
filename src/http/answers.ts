/** What a route may answer, for /openapi.json: its own answers, and the problems that it can have. */

import type { ZodType } from 'zod'
import { PROBLEMS, type ProblemCode, problemSchema } from './problem.ts'

/** What every route but the probes can have. */
const COMMON: readonly ProblemCode[] = [
  'invalid-request',
  'token-missing',
  'token-unknown',
  'session-ended',
  'host-not-loopback',
  'other-site',
  'role-missing',
  'too-many-requests',
  'too-many-refused-tokens',
  'internal',
  'redis-unavailable',
  'stopping',
]

/** What a route can have that is asked by a method with a body, whether it takes one or not. */
export const OF_BODY = [
  'invalid-request',
  'invalid-json',
  'request-stalled',
  'body-too-large',
  'media-type-unknown',
] as const satisfies ProblemCode[]

interface Answer {
  description: string
  content: Record<string, { schema: ZodType }>
}

export function json(description: string, schema: ZodType): Answer {
  return { description, content: { 'application/json': { schema } } }
}

/** `codes`: the problems of this route alone. */
export function answers(own: Readonly<Record<number, Answer>>, ...codes: ProblemCode[]): Record<number, Answer> {
  const byStatus = groups([...COMMON, ...codes])
  const problems = [...byStatus].map(([status, all]) => [status, problem(all)] as const)
  return { ...Object.fromEntries(problems), ...own }
}

function groups(codes: readonly ProblemCode[]): Map<number, ProblemCode[]> {
  const found = new Map<number, ProblemCode[]>()
  for (const code of codes) found.set(PROBLEMS[code], [...(found.get(PROBLEMS[code]) ?? []), code])
  return found
}

function problem(codes: readonly ProblemCode[]): Answer {
  return {
    description: `Problem: ${[...new Set(codes)].join(', ')}`,
    content: { 'application/problem+json': { schema: problemSchema } },
  }
}
