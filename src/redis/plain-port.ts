/** Whether a port speaks Redis without TLS: one that does waits for ever when it is spoken to by TLS. */

import { connect } from 'node:net'
import { after } from '../clock.ts'

const ANSWERS_WITHIN_MS = 1000

export function speaksPlainly(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => socket.write('PING\r\n'))
    const end = (isPlain: boolean) => {
      stop()
      socket.destroy()
      resolve(isPlain)
    }
    const stop = after(ANSWERS_WITHIN_MS, () => end(false))
    socket.once('data', (data) => end(/^[+-](PONG|NOAUTH|NOPERM|DENIED|LOADING)/.test(data.toString('latin1'))))
    socket.once('error', () => end(false))
    socket.once('close', () => end(false))
  })
}
