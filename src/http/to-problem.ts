/** Every error of a request as a problem. What is not known here is a mistake of ours, and says nothing of itself. */

import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { TooManyActions } from '../app/actions.ts'
import { asUnanswered, Unanswered } from '../app/prompt-hall.ts'
import { NoPace } from '../fleet/fleet-control.ts'
import { UnknownService } from '../fleet/known-services.ts'
import { fieldProblems, type Given } from './field-problems.ts'
import { Problem } from './problem.ts'

export const BODY_LIMIT = 1_048_576

/** By the codes of Fastify and its plugins. */
const OF_FASTIFY: Readonly<Record<string, () => Problem>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () => new Problem('body-too-large', `expected at most ${BODY_LIMIT} bytes, got more`),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    new Problem('invalid-request', 'Content-Length: expected the length of the body, got another'),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => new Problem('invalid-json', 'expected a JSON object, got an empty body'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    new Problem('media-type-unknown', 'Content-Type: expected application/json (or a type that the route names)'),
  FST_ERR_MAX_PARAM_LENGTH: () => new Problem('invalid-request', 'expected a shorter path, got one that is too long'),
  FST_ERR_BAD_URL: () => new Problem('invalid-request', 'expected a path that can be decoded, got another'),
  FST_BEARER_AUTH_MISSING_AUTHORIZATION_HEADER: () =>
    new Problem('token-missing', 'expected the header Authorization: Bearer TOKEN, got none'),
  FST_BEARER_AUTH_INVALID_AUTHORIZATION_HEADER: () =>
    new Problem('token-unknown', 'expected a token of API_TOKENS in Authorization: Bearer TOKEN, got another'),
}

/** What is looked at to say what was got. */
export type Asked = Readonly<Partial<Record<'body' | 'query' | 'params' | 'headers', unknown>>>

export function toProblem(thrown: unknown, asked: Asked = {}): Problem {
  const error = asUnanswered(thrown)
  if (error instanceof Problem) return error
  if (error instanceof UnknownService) return new Problem('service-unknown', error.message)
  if (error instanceof TooManyActions) return new Problem('too-many-actions', error.message)
  if (error instanceof NoPace) return new Problem('no-pace', error.message)
  if (error instanceof Unanswered) {
    return new Problem(error.kind === 'oom' ? 'redis-full' : 'redis-unavailable', error.message)
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = fieldProblems(error.validation, givenIn(asked, error.validationContext))
    return new Problem('invalid-request', inWords(errors), errors)
  }
  const known = OF_FASTIFY[(error as { code?: string } | null)?.code ?? '']
  return known?.() ?? new Problem('internal', 'a mistake of ours; the log of the API says more')
}

function givenIn({ body, query, params, headers }: Asked, part: string | undefined): Given {
  if (part === 'body') return { part, value: body }
  return { part: 'text', value: part === 'headers' ? headers : part === 'params' ? params : query }
}

export function inWords(errors: readonly { field: string; problem: string }[]): string {
  const [first] = errors
  if (!first) return 'the request is not what the route takes'
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''
  return `${first.field}: ${first.problem}${more}`
}
