/** What every server of ours has: where it listens, and three routes that say how its process is. */

import type { Server } from 'node:http'
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

type Probe = (typeof PROBES)[number]

interface Answer {
  status: number
  type: string
  text: string
}

/** What one of these routes answers. */
export async function probed(path: Probe, { health, metrics }: Watched): Promise<Answer> {
  if (path === '/metrics') return { status: 200, type: metrics.contentType, text: await metrics.text() }
  const said = path === '/livez' ? health.liveness() : health.readiness()
  const isGood = 'live' in said ? said.live : said.ready
  return { status: isGood ? 200 : 503, type: 'application/json; charset=utf-8', text: JSON.stringify(said) }
}

// biome-ignore lint/suspicious/noExplicitAny: whatever logger and types the server has
export function probe(server: FastifyInstance<any, any, any, any, any>, app: Watched): void {
  for (const path of PROBES) {
    server.get(path, { schema: { hide: true }, config: { roles: 'everybody' as const } }, async (_request, reply) => {
      const { status, type, text } = await probed(path, app)
      return reply.code(status).type(type).send(text)
    })
  }
}

/** Where a server that listens is reached from this machine. */
export function urlOf(server: Pick<Server, 'address'>, host: string, port: number): string {
  const address = server.address()
  const actualPort = typeof address === 'object' && address ? address.port : port
  const shownHost = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `http://${shownHost.includes(':') ? `[${shownHost}]` : shownHost}:${actualPort}`
}
