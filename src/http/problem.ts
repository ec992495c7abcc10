/** What went wrong, as RFC 9457 problem details. The `code` is for programs and never changes; the words are for people. */

import { STATUS_CODES } from 'node:http'
import * as z from 'zod'

/** Each code, and its status. docs/http.md says of each what to do. */
export const PROBLEMS = {
  'invalid-json': 400,
  'invalid-request': 400,
  'key-with-batch': 400,
  'token-missing': 401,
  'token-unknown': 401,
  'session-ended': 401,
  'host-not-loopback': 403,
  'other-site': 403,
  'role-missing': 403,
  'producer-of-another': 403,
  'route-unknown': 404,
  'lookup-unknown': 404,
  'action-unknown': 404,
  'results-stream-off': 404,
  'method-not-allowed': 405,
  'request-stalled': 408,
  'service-unknown': 409,
  'no-pace': 409,
  'held-for-cause': 409,
  'result-gone': 410,
  'body-too-large': 413,
  'too-many-lookups': 413,
  'media-type-unknown': 415,
  'key-conflict': 422,
  'too-many-requests': 429,
  'too-many-refused-tokens': 429,
  'head-too-large': 431,
  internal: 500,
  'redis-unavailable': 503,
  'redis-full': 503,
  'results-piled-up': 503,
  'too-many-waiting': 503,
  'too-many-streams': 503,
  'too-many-actions': 503,
  stopping: 503,
} as const
export type ProblemCode = keyof typeof PROBLEMS

/** When to come again, seconds. */
const RETRY_AFTER: Partial<Record<ProblemCode, number>> = {
  'too-many-requests': 1,
  'too-many-refused-tokens': 1,
  'redis-unavailable': 2,
  'redis-full': 10,
  'results-piled-up': 10,
  'too-many-waiting': 2,
  'too-many-streams': 2,
  'too-many-actions': 10,
  stopping: 2,
}

export interface FieldProblem {
  /** As `lookups[3].connectionId`; a header or a parameter by its name. */
  field: string
  problem: string
}

/** More are counted, not listed. */
export const MOST_ERRORS = 20

export class Problem extends Error {
  readonly code: ProblemCode
  readonly errors: readonly FieldProblem[]

  constructor(code: ProblemCode, detail: string, errors: readonly FieldProblem[] = []) {
    super(detail)
    this.code = code
    this.errors = errors
  }

  get status(): number {
    return PROBLEMS[this.code]
  }

  get headers(): Record<string, string> {
    const seconds = RETRY_AFTER[this.code]
    return {
      'content-type': 'application/problem+json',
      ...(seconds === undefined ? {} : { 'retry-after': String(seconds) }),
      ...(this.status === 401 ? { 'www-authenticate': 'Bearer realm="chat-enricher"' } : {}),
    }
  }

  toJSON(): ProblemBody {
    const { status, code, message: detail, errors } = this
    const title = STATUS_CODES[status] ?? 'Error'
    const listed = errors.length > 0 ? { errors: errors.slice(0, MOST_ERRORS) } : {}
    return { type: 'about:blank', title, status, code, detail, ...listed }
  }
}

export const problemSchema = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int().min(400).max(599),
    code: z.enum(Object.keys(PROBLEMS) as ProblemCode[]),
    detail: z.string(),
    errors: z.array(z.strictObject({ field: z.string(), problem: z.string() })).optional(),
  })
  .meta({ id: 'Problem', description: 'Problem details (RFC 9457). `code` is stable.' })

export type ProblemBody = z.infer<typeof problemSchema>
