/** /openapi.json and /docs, made of the schemas that check the requests. */

import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { VERSION } from '../version.ts'
import { NDJSON } from './body.ts'
import { SESSION_COOKIE } from './session.ts'

const TAGS = [
  { name: 'session', description: 'Who asks; sessions are for browsers.' },
  { name: 'lookups', description: 'Put lookups on the queue, and see what became of them.' },
  { name: 'fleet', description: 'See what the fleet does, and change it.' },
]

/** The one style that Swagger UI writes into its page. */
const STYLE_OF_DOCS = "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='"
/** The page is ours alone. No upgrade to HTTPS, because whether there is TLS is for the proxy to know. */
const DOCS_POLICY = `default-src 'none'; script-src 'self'; style-src 'self' ${STYLE_OF_DOCS}; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

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
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer' },
          session: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE },
        },
      },
      security: [{ token: [] }, { session: [] }],
    },
    transform: (document) => {
      const { schema, url } = jsonSchemaTransform(document)
      const { config } = document.route
      const lines = config?.lines && jsonSchemaTransform({ ...document, schema: { body: config.lines } }).schema.body
      const { body: json } = schema
      const body = lines ? { content: { 'application/json': { schema: json }, [NDJSON]: { schema: lines } } } : json
      return { schema: { operationId: operationIdOf(document.route), ...schema, body }, url }
    },
    transformObject: (document) => amended(withoutUnused(jsonSchemaTransformObject(document) as Described)),
  })
  await server.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: DOCS_POLICY,
    uiConfig: { persistAuthorization: false },
  })
  server.get('/openapi.json', { schema: { hide: true } }, async () => server.swagger())
}

/** `getLookupsByLookupId`: what a generated client calls it. */
function operationIdOf({ method, url }: { method: string | string[]; url: string }): string {
  const words = url.split('/').filter((part) => part !== '' && part !== 'v1')
  const named = words.map((word) => (word.startsWith(':') ? `-by-${word.slice(1)}` : `-${word}`)).join('')
  return `${String(method).toLowerCase()}${named}`.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

interface Described {
  paths?: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, object> }
}

interface Operation {
  requestBody?: { required?: boolean; content: Record<string, { schema?: { anyOf?: { type?: string }[] } }> }
  responses: Record<string, { headers?: object }>
}

const RETRY_AFTER = { 'Retry-After': { description: 'Seconds: when to ask again.', schema: { type: 'integer' } } }

/** Fastify's plugin says of every body that it is required, and the type provider leaves out headers of answers. */
function amended<T extends Described>(document: T): T {
  for (const { requestBody, responses } of Object.values(document.paths ?? {}).flatMap((path) => Object.values(path))) {
    const { schema } = requestBody?.content['application/json'] ?? {}
    if (requestBody && schema?.anyOf?.some(({ type }) => type === 'null')) requestBody.required = false
    for (const status of ['429', '503']) {
      const answer = responses[status]
      if (answer) answer.headers = RETRY_AFTER
    }
  }
  return document
}

/** The type provider describes each message as it is taken and as it is given, also where one of them never happens. */
function withoutUnused<T extends Described>(document: T): T {
  const schemas = Object.entries(document.components?.schemas ?? {})
  const isUsed = ([name]: [string, object]) => JSON.stringify(document).includes(`"#/components/schemas/${name}"`)
  const used = schemas.filter(isUsed)
  const pruned = { ...document, components: { ...document.components, schemas: Object.fromEntries(used) } }
  return used.length < schemas.length ? withoutUnused(pruned) : document
}
