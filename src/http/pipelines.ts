/**
 * For the API and for a worker's own HTTP. A client may ask on before it has been answered, on one connection. What it asks is
 * looked at one after the other: so a refused token costs a connection, and of hundreds of requests that come in one piece no
 * more than a few are kept.
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { hasBody } from './stalls.ts'

/** Browsers and most clients send none before they are answered. */
const MOST_WAITING = 16
/** Connections that close with the answer to this request. */
const endings = new WeakMap<Socket, IncomingMessage>()
/** What each connection is answered with at the moment. */
const answers = new WeakMap<Socket, ServerResponse>()

type Handle = (request: IncomingMessage, response: ServerResponse) => void

/** In front of whoever listens for the server's requests: what waits costs no more than Node has spent on it. */
export function oneAtATime(server: Server): void {
  const [listener] = server.listeners('request') as [Handle]
  const handle: Handle = (request, response) => {
    answers.set(request.socket, response)
    listener(request, response)
  }
  const lines = new WeakMap<Socket, (() => void)[]>()
  const nextOf = (socket: Socket) => {
    answers.delete(socket)
    if (socket.destroyed || endings.has(socket)) return
    const next = lines.get(socket)?.shift()
    if (!next) {
      lines.delete(socket)
      socket.resume()
    } else next()
  }
  server.removeAllListeners('request')
  server.on('request', (request, response) => {
    const { socket } = request
    if (socket.destroyed || endings.has(socket)) return
    const line = lines.get(socket)
    // Without an answer, which would have to wait for all those before: so its memory is free at once.
    if (line && line.length >= MOST_WAITING) return void socket.destroy()
    response.once('close', () => nextOf(socket))
    if (!line) {
      lines.set(socket, [])
      handle(request, response)
    } else {
      socket.pause() // what else it sends is not read meanwhile
      line.push(() => handle(request, response))
    }
  })
}

/**
 * The connection closes with the answer to this request. What has been sent behind it is not looked at. A client that still
 * sends a body might not see the answer, so that one keeps its connection.
 */
export function endWithoutBody(request: FastifyRequest): void {
  if (hasBody(request)) return
  const { socket } = request.raw
  endings.set(socket, request.raw)
  socket.pause()
}

/**
 * What came on this connection is no HTTP. False: nothing is being answered on it that would be spoiled by saying so. What was
 * sent before is answered, and then the connection closes.
 */
export function endBehindAnswer(socket: Socket): boolean {
  const answer = answers.get(socket)
  if (!answer || !(answer.headersSent || answer.req.complete)) return false
  if (answer.headersSent) socket.destroySoon()
  else {
    endings.set(socket, answer.req)
    answer.setHeader('connection', 'close')
    socket.pause()
  }
  return true
}

export function isLast({ raw }: FastifyRequest): boolean {
  return endings.get(raw.socket) === raw
}
