/**
 * A client may ask on before it has been answered, on one connection. What it asks is looked at one after the other: so a
 * refused token costs a connection, and of hundreds of requests that come in one piece no more than a few are kept.
 */

import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Problem } from './problem.ts'
import { hasBody } from './stalls.ts'

/** Browsers and most clients send none before they are answered. */
const MOST_WAITING = 16
/** Connections that close with the answer to this request. */
const endings = new WeakMap<Socket, IncomingMessage>()

/** Before all other hooks, so that what waits costs little. */
export function oneAtATime(server: FastifyInstance): void {
  const lines = new WeakMap<Socket, (() => void)[]>()
  server.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw
    const line = lines.get(socket)
    if (line && line.length > MOST_WAITING) return void reply.hijack()
    reply.raw.once('close', () => nextOf(socket))
    if (!line) {
      lines.set(socket, [])
      return done()
    }
    socket.pause() // what else it sends is not read meanwhile
    line.push(line.length < MOST_WAITING ? done : () => done(tooMany(request)))
  })
  function nextOf(socket: Socket): void {
    if (endings.has(socket)) return
    const next = lines.get(socket)?.shift()
    if (!next) {
      lines.delete(socket)
      socket.resume()
    } else next()
  }
}

/** The connection closes with the answer to this request. What has been sent behind it is not looked at. */
function endWith({ raw }: FastifyRequest): void {
  endings.set(raw.socket, raw)
  raw.socket.pause()
}

/** A client that still sends a body might not see the answer of a connection that closes. */
export function endWithoutBody(request: FastifyRequest): void {
  if (!hasBody(request)) endWith(request)
}

export function isLast({ raw }: FastifyRequest): boolean {
  return endings.get(raw.socket) === raw
}

function tooMany(request: FastifyRequest): Problem {
  endWith(request)
  const most = `expected at most ${MOST_WAITING} requests of one connection that wait for the one before, got more`
  return new Problem('too-many-requests', most)
}
