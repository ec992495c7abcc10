/** What is asked for and is not there: a path that nobody knows, or one that takes other methods. */

import type { FastifyInstance } from 'fastify'
import { Problem } from './problem.ts'

/** Before any route is added, because it hears of each. */
export function answerUnknown(server: FastifyInstance): void {
  const methodsOf = new Map<string, { pattern: RegExp; methods: Set<string> }>()
  server.addHook('onRoute', ({ url, method }) => {
    const known = methodsOf.get(url) ?? { pattern: patternOf(url), methods: new Set() }
    methodsOf.set(url, known)
    for (const one of [method].flat()) known.methods.add(one)
  })
  server.setNotFoundHandler(({ url }, reply) => {
    const path = url.split('?', 1)[0] ?? ''
    const known = [...methodsOf.values()].filter(({ pattern }) => pattern.test(path))
    if (known.length === 0) throw new Problem('route-unknown', 'there is no such route; /openapi.json has all of them')
    const allowed = [...new Set(known.flatMap(({ methods }) => [...methods]))].sort().join(', ')
    reply.header('allow', allowed)
    throw new Problem('method-not-allowed', `expected ${allowed}, got another method`)
  })
}

/** Of `/v1/actions/:actionId`; nothing else has a meaning in our paths. */
function patternOf(url: string): RegExp {
  const parts = url
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part.replace('.', '\\.').replace('*', '.*')))
  return new RegExp(`^${parts.join('/')}$`)
}
