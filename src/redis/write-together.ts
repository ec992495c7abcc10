import type { Socket } from 'node:net'
import { sendAtEndOfTurn } from './turn.ts'

/**
 * Sends everything that is written in one turn of the event loop together. A worker writes a command for each of many
 * lookups, and each write by itself would be a system call. Order and contents stay the same.
 */
export function writeTogether(socket: Pick<Socket, 'write' | 'cork' | 'uncork'>): void {
  const write = socket.write.bind(socket)
  let isCorked = false
  const uncork = () => {
    isCorked = false
    socket.uncork()
  }
  socket.write = ((...args: Parameters<typeof write>) => {
    if (!isCorked) {
      isCorked = true
      socket.cork()
      sendAtEndOfTurn(uncork)
    }
    return write(...args)
  }) as typeof write
}
