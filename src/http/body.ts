/** JSON bodies. The text is kept, because what JSON.parse changes in silence can only be seen there. */

import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { Problem } from './problem.ts'
import { BODY_LIMIT } from './to-problem.ts'

declare module 'fastify' {
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
    async (request: { bodyText: string | null }, bytes: Buffer) => {
      if (!isUtf8(bytes))
        throw new Problem('invalid-json', 'body: expected JSON in UTF-8, got bytes that are not UTF-8')
      request.bodyText = bytes.toString('utf8').replace(/^\uFEFF/, '') // as Windows writes it
      return parsed(request.bodyText)
    },
  )
  // Read line by line by the route that takes it.
  server.addContentTypeParser('application/x-ndjson', (_request, payload, done) => done(null, payload))
}

function parsed(text: string): unknown {
  if (text === '') throw new Problem('invalid-json', 'body: expected a JSON object, got an empty body')
  try {
    return JSON.parse(text)
  } catch {
    throw new Problem('invalid-json', 'body: expected JSON, got something else')
  }
}
