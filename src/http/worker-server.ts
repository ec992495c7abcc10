/** The worker's own HTTP: metrics for Prometheus, and whether it lives and may be given work. */

import { fastify } from 'fastify'
import { type Listening, probe, urlOf, type Watched } from './listening.ts'

/** Resolves once it listens; rejects if it cannot. */
export async function serveWorker(app: Watched, { host, port }: { host: string; port: number }): Promise<Listening> {
  const server = fastify({
    logger: false,
    bodyLimit: 1024,
    connectionTimeout: 10_000,
    requestTimeout: 5_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 100 },
  })
  probe(server, app)
  await server.listen({ host, port })
  return { url: urlOf(server, host, port), close: () => server.close() }
}
