/** What the HTTP client (undici 7.30) gets wrong about the connections that it uses, mended on the socket itself. */

import type { Socket } from 'node:net'
import { errors } from 'undici'
import { errorCode } from './socket-errors.ts'

export function mend(socket: Socket): void {
  endForGood(socket)
  // The first listener of all, so that the parser, which the client adds, is mended before it reads anything.
  socket.once('readable', () => passOverContinue(socket))
}

/**
 * Two things at a connection's end. For a call that is broken off the client would connect once more, and keep that
 * connection for nobody; not where the end has the code of a broken socket (nodejs/undici#5845). And an alert of TLS 1.3
 * says after the handshake that our certificate is refused, but the client would tell only that the connection closed.
 */
function endForGood(socket: Socket): void {
  const destroy = socket.destroy.bind(socket)
  let first: Error | undefined
  socket.once('error', (error) => {
    first = error
  })
  socket.destroy = (error) => {
    const isBrokenOff = errorCode(error) === 'UND_ERR_INFO'
    return destroy(first ?? (isBrokenOff ? new errors.SocketError('broken off') : error))
  }
}

interface Parser {
  onHeadersComplete(status: number, ...rest: unknown[]): number
}

const CONTINUE = 100
/** Like 100 it only says that the answer is still to come (RFC 9110, 15.2), and the client passes over it. */
const PROCESSING = 102

/**
 * A `100 Continue` that nobody asked for must be passed over (RFC 9110, 15.2), and some proxies send one. The client has no
 * setting for it and breaks the connection off, so its parser is told of another status that means as little to us.
 */
function passOverContinue(socket: Socket): void {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'parser')
  const parser = symbol && (socket as unknown as Record<symbol, Parser | undefined>)[symbol]
  if (!parser) return
  const onHeadersComplete = parser.onHeadersComplete.bind(parser)
  parser.onHeadersComplete = (status, ...rest) => onHeadersComplete(status === CONTINUE ? PROCESSING : status, ...rest)
}
