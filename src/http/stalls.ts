/** What keeps a client that is slow, or sends nothing at all, from holding a connection for ever. */

import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { after } from '../clock.ts'
import { Problem } from './problem.ts'

/** A request whose body has not arrived by then is cut. */
export const STALLED_AFTER_MS = 30_000

export function cutStalled(server: FastifyInstance): void {
  const cuts = new WeakMap<object, () => void>()
  server.addHook('onRequest', async (request, reply) => {
    if (isStream(request) || !hasBody(request)) return
    const cut = () => {
      const problem = new Problem('request-stalled', `expected the whole request within ${STALLED_AFTER_MS / 1000} s`)
      reply.header('connection', 'close').code(problem.status).headers(problem.headers).send(JSON.stringify(problem))
      reply.raw.once('finish', () => request.raw.destroy())
    }
    cuts.set(request, after(STALLED_AFTER_MS, cut))
  })
  const arrived = async (request: FastifyRequest) => cuts.get(request)?.()
  server.addHook('preValidation', arrived)
  server.addHook('onResponse', arrived)
  server.addHook('onRequestAbort', arrived)
}

/** The body has no end that anybody waits for; a pause in it is told by the socket. */
export function isStream({ headers }: FastifyRequest): boolean {
  return /^application\/x-ndjson\s*(;|$)/i.test(headers['content-type'] ?? '')
}

export function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** While the answer is awaited nothing is sent in either direction. */
export function mayRest(socket: Socket, ms: number): void {
  socket.setTimeout(ms + STALLED_AFTER_MS)
}
