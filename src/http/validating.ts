import { Readable } from 'node:stream'
import type { FastifySchemaCompiler } from 'fastify'
import { validatorCompiler } from 'fastify-type-provider-zod'
import type { ZodType } from 'zod'

/**
 * The schema of a body depends on the body: what is said of one that is wrong is said by the one that was meant. A stream is
 * checked line by line as it is read.
 */
export function validating(meant: (body: unknown) => ZodType): FastifySchemaCompiler<unknown> {
  const compile = validatorCompiler as FastifySchemaCompiler<unknown>
  return (route) => {
    if (route.httpPart !== 'body') return compile(route)
    return (body: unknown) =>
      body instanceof Readable ? { value: body } : compile({ ...route, schema: meant(body) })(body)
  }
}
