/**
 * A body that is answered while it arrives. When no more of it will come, because its sender pauses for too long or sends what
 * HTTP does not know, only its reader can say so: the answer has begun, and whatever else is written would be a part of it.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Problem } from './problem.ts'
import { STALLED_AFTER_MS } from './stalls.ts'

/** For the end of the answer to be taken. */
const END_TAKEN_WITHIN_MS = 2_000
const PAUSED = `expected more of the body within ${STALLED_AFTER_MS / 1000} s, got none; send the rest again`
const BROKEN =
  'expected the body up to its end, as HTTP/1.1 sends it; it broke off, or is something else; send the rest again'

const readers = new WeakMap<Socket, () => void>()

/** `told` hears once why no more will come; it should end the answer. Call what this returns when the answer has ended. */
export function onBrokenOff(
  request: IncomingMessage,
  response: ServerResponse,
  told: (problem: Problem) => void,
): () => void {
  const { socket } = request
  let hasBroken = false
  const tell = (problem: Problem) => {
    if (hasBroken) return
    hasBroken = true
    socket.setTimeout(END_TAKEN_WITHIN_MS)
    told(problem)
  }
  // Without a listener Node would cut the connection at once. Whoever takes no answers would not take the end of them either.
  const onTimeout = () => {
    if (hasBroken || response.writableNeedDrain) socket.destroy()
    else tell(new Problem('request-stalled', PAUSED))
  }
  request.on('timeout', onTimeout)
  readers.set(socket, () => tell(new Problem('invalid-request', BROKEN)))
  return () => {
    request.off('timeout', onTimeout)
    readers.delete(socket)
  }
}

/** What came on this connection is no HTTP. True: somebody reads a body on it, and ends the answer to it. */
export function breakOff(socket: Socket): boolean {
  const tell = readers.get(socket)
  tell?.()
  return tell !== undefined
}
