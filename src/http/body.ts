/** JSON bodies. The text is kept, because what JSON.parse changes in silence can only be seen there. */

import { isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodType } from 'zod'
import { named } from './field-problems.ts'
import { Problem } from './problem.ts'
import { BODY_LIMIT, inWords } from './to-problem.ts'

export const NDJSON = 'application/x-ndjson'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a line is: the route takes NDJSON, too. */
    lines?: ZodType
  }
  interface FastifyRequest {
    /** As it was sent; null where the body was no JSON. */
    bodyText: string | null
  }
}

export function readJson(server: FastifyInstance): void {
  server.decorateRequest('bodyText', null)
  server.removeAllContentTypeParsers()
  server.addHook('onRequest', async ({ headers }) => {
    const encoding = headers['content-encoding'] ?? 'identity'
    if (encoding.toLowerCase() !== 'identity')
      throw new Problem('media-type-unknown', 'Content-Encoding: expected none, got one: send the body as it is')
  })
  server.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer', bodyLimit: BODY_LIMIT },
    async (request: FastifyRequest, bytes: Buffer) => {
      if (!isUtf8(bytes))
        throw new Problem('invalid-json', 'body: expected JSON in UTF-8, got bytes that are not UTF-8')
      request.bodyText = bytes.toString('utf8').replace(/^\uFEFF/, '') // as Windows writes it
      return request.bodyText === '' && mayBeLeftOut(request) ? undefined : parsed(request.bodyText)
    },
  )
  // Read line by line by the route that takes it.
  server.addContentTypeParser(NDJSON, (request, payload, done) =>
    request.routeOptions.config.lines ? done(null, payload) : done(new Problem('media-type-unknown', NO_LINES)),
  )
  server.addHook('preValidation', async (request) => {
    if (request.body != null && request.routeOptions.schema?.body === undefined && !request.is404)
      refuseFields(request.body)
  })
}

const NO_LINES = 'Content-Type: expected application/json, got application/x-ndjson, which this route does not take'

/** Many clients say that they send JSON also where they send nothing. */
function mayBeLeftOut({ routeOptions: { schema } }: FastifyRequest): boolean {
  return schema?.body === undefined || (schema.body as ZodType).safeParse(undefined).success
}

/** A route that takes no body takes an empty object for none. */
function refuseFields(body: unknown): void {
  const isObject = typeof body === 'object' && !Array.isArray(body)
  const errors = isObject
    ? Object.keys(body as object).map((key) => ({ field: named([key]), problem: 'there is no such field' }))
    : [{ field: 'body', problem: 'expected none, got one' }]
  if (errors.length > 0) throw new Problem('invalid-request', inWords(errors), errors)
}

function parsed(text: string): unknown {
  if (text === '') throw new Problem('invalid-json', 'body: expected a JSON object, got an empty body')
  try {
    return JSON.parse(text)
  } catch {
    throw new Problem('invalid-json', 'body: expected JSON, got something else')
  }
}
