/** What every server of ours has: where it listens, and three routes that say how its process is. */

import type { FastifyInstance } from 'fastify'

export interface Listening {
  url: string
  close(): Promise<void>
}

/** What is asked of a process. */
export interface Watched {
  health: {
    liveness(): { live: boolean; reasons: string[] }
    readiness(): { ready: boolean; reasons: string[] }
  }
  metrics: { readonly contentType: string; text(): Promise<string> }
}

/** Names of the routes that say how a process is. */
export const PROBES = ['/livez', '/readyz', '/metrics'] as const

// biome-ignore lint/suspicious/noExplicitAny: whatever logger and types the server has
export function probe(server: FastifyInstance<any, any, any, any, any>, { health, metrics }: Watched): void {
  const route = { schema: { hide: true }, config: { roles: 'everybody' as const } }
  server.get('/livez', route, async (_request, reply) => {
    const liveness = health.liveness()
    return reply.code(liveness.live ? 200 : 503).send(liveness)
  })
  server.get('/readyz', route, async (_request, reply) => {
    const readiness = health.readiness()
    return reply.code(readiness.ready ? 200 : 503).send(readiness)
  })
  server.get('/metrics', route, async (_request, reply) => {
    return reply.type(metrics.contentType).send(await metrics.text())
  })
}

/** Where a server that listens is reached from this machine. */
// biome-ignore lint/suspicious/noExplicitAny: as above
export function urlOf(server: FastifyInstance<any, any, any, any, any>, host: string, port: number): string {
  const address = server.server.address()
  const actualPort = typeof address === 'object' && address ? address.port : port
  const shownHost = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `http://${shownHost.includes(':') ? `[${shownHost}]` : shownHost}:${actualPort}`
}
