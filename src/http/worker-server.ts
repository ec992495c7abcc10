/** The worker's own HTTP: metrics for Prometheus, and whether it lives and may be given work. */

import { fastify } from 'fastify'

/** What is asked of a worker. */
export interface WorkerToWatch {
  health: {
    liveness(): { live: boolean; reasons: string[] }
    readiness(): { ready: boolean; reasons: string[] }
  }
  metrics: { readonly contentType: string; text(): Promise<string> }
}

export interface Listening {
  url: string
  close(): Promise<void>
}

/** Resolves once it listens; rejects if it cannot. */
export async function serveWorker(
  app: WorkerToWatch,
  { host, port }: { host: string; port: number },
): Promise<Listening> {
  const server = fastify({
    logger: false,
    bodyLimit: 1024,
    connectionTimeout: 10_000,
    requestTimeout: 5_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 100 },
  })
  server.get('/livez', async (_request, reply) => {
    const liveness = app.health.liveness()
    return reply.code(liveness.live ? 200 : 503).send(liveness)
  })
  server.get('/readyz', async (_request, reply) => {
    const readiness = app.health.readiness()
    return reply.code(readiness.ready ? 200 : 503).send(readiness)
  })
  server.get('/metrics', async (_request, reply) => {
    return reply.type(app.metrics.contentType).send(await app.metrics.text())
  })
  await server.listen({ host, port })
  const address = server.server.address()
  const actualPort = typeof address === 'object' && address ? address.port : port
  const shownHost = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return { url: `http://${shownHost}:${actualPort}`, close: () => server.close() }
}
