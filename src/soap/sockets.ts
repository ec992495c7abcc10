/** Mends on the socket itself what the HTTP client (undici 7.30) gets wrong about its connections. */

import type { Socket } from 'node:net'
import { Agent, buildConnector, errors } from 'undici'
import { errorCode } from './socket-errors.ts'

/** For what asks others than the service. */
export function mendedAgent(connectTimeoutMs: number): Agent {
  return new Agent({ connect: mended(buildConnector({ timeout: connectTimeoutMs })) })
}

/** `seen` is told of each socket. */
export function mended(
  connect: buildConnector.connector,
  seen: (socket: Socket) => void = () => {},
): buildConnector.connector {
  return (options, callback) =>
    connect(options, (...result) => {
      if (result[0] === null) {
        seen(result[1])
        mend(result[1])
      }
      callback(...result)
    })
}

function mend(socket: Socket): void {
  endForGood(socket)
  // Added before all other listeners, so that the parser, which the client adds, is mended before it reads anything.
  socket.once('readable', () => passOverContinue(socket))
}

/**
 * Two corrections at a connection's end. After a call that was broken off the client would connect again and keep that
 * connection for nobody; it does not if the end has the code of a broken socket (nodejs/undici#5845). And a TLS 1.3 alert
 * says after the handshake that our certificate is refused, while the client would only say that the connection closed.
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
/** Like 100, it only says that the answer is still to come (RFC 9110, 15.2), and the client passes over it. */
const PROCESSING = 102

/**
 * A `100 Continue` that nobody asked for must be passed over (RFC 9110, 15.2), and some proxies send one. The client
 * breaks the connection off instead, and no setting changes that, so its parser is given another status that means as
 * little.
 */
function passOverContinue(socket: Socket): void {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'parser')
  const parser = symbol && (socket as unknown as Record<symbol, Parser | undefined>)[symbol]
  if (!parser) return
  const onHeadersComplete = parser.onHeadersComplete.bind(parser)
  parser.onHeadersComplete = (status, ...rest) => onHeadersComplete(status === CONTINUE ? PROCESSING : status, ...rest)
}
