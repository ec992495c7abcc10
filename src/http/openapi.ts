/** /openapi.json and /docs, made of the schemas that check the requests. */

import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { VERSION } from '../version.ts'

const TAGS = [
  { name: 'lookups', description: 'Put lookups on the queue, and see what became of them.' },
  { name: 'fleet', description: 'See what the fleet does, and change it.' },
]

/** Before the routes, because it hears of each as it is added. */
export async function describe(server: FastifyInstance): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'chat-enricher',
        version: VERSION,
        description: 'Lookups in, results out, and what people may do with a running fleet. docs/http.md says more.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      tags: TAGS,
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  })
  await server.register(swaggerUi, { routePrefix: '/docs', staticCSP: true, uiConfig: { persistAuthorization: false } })
  server.get('/openapi.json', { schema: { hide: true } }, async () => server.swagger())
}
