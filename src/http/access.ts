/** One fact for each request that has ended, however it ended: the log line and the metrics are made of it. */

import type { FastifyInstance } from 'fastify'
import { monotonic } from '../clock.ts'
import type { Observe } from '../domain/event.ts'
import { PROBES } from './listening.ts'

const QUIET: readonly string[] = PROBES

/** For what is no route of ours: a path may hold anything. */
export const NO_ROUTE = 'none'

/** Whoever asked left before there was an answer. No status of HTTP says so; this one is nginx's, and many tools know it. */
const LEFT = 499

/** Returns the routes with the statuses that each says it may answer, which fills as routes are added. */
export function reportRequests(server: FastifyInstance, observe: Observe): Map<string, number[]> {
  const routes = new Map<string, number[]>()
  server.addHook('onRoute', ({ url, schema }) => {
    if (schema?.hide || !schema?.response) return
    const statuses = Object.keys(schema.response).map(Number)
    routes.set(url, [...new Set([...(routes.get(url) ?? []), ...statuses, LEFT])])
  })
  server.addHook('onRequest', async (request, { raw }) => {
    const begunAt = monotonic()
    // Not fastify's onResponse: it is silent where the client leaves first, which is how most streams end.
    raw.once('close', () => {
      const route = routeName(request.routeOptions.url)
      const status = raw.headersSent ? raw.statusCode : LEFT
      if (QUIET.includes(route) && status === 200) return
      const who = request.caller?.name ?? null
      observe({
        type: 'request-finished',
        method: request.method,
        route,
        status,
        durationMs: monotonic() - begunAt,
        who,
      })
    })
  })
  return routes
}

/** All files of the documentation page are one; so are those of the console. */
export function routeName(url: string | undefined): string {
  if (url === undefined) return NO_ROUTE
  if (url === '/console/:file') return '/'
  return url.startsWith('/docs') ? '/docs' : url
}
