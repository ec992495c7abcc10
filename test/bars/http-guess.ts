/**
 * Tokens that nobody has, tried at a pace that does not wait for the answers: raw sockets, many requests in one write. A
 * socket that the API closes is opened again.
 */

import { connect, type Socket } from 'node:net'
import { every } from '../../src/clock.ts'

export interface Guessing {
  sockets: number
  perSecond: number
  forMs: number
}

export interface Guessed {
  /** How many tokens were sent. */
  tried: number
  /** How many answers there were of each status. */
  answers: Map<string, number>
  /** How often the API closed a socket. */
  closed: number
}

/** In one write, of one connection. */
const EACH = 10
const LOOK_EVERY_MS = 10
/** So much may lie unsent; whoever takes no more is not sent more. */
const MOST_UNSENT_BYTES = 1_048_576
const STATUS = /HTTP\/1\.1 (\d{3}) /g

export async function guessTokens(url: string, { sockets, perSecond, forMs }: Guessing): Promise<Guessed> {
  const answers = new Map<string, number>()
  const open = Array.from({ length: sockets }, () => guesser(url, answers))
  let closed = 0
  let tried = 0
  let turn = 0
  const startedAt = performance.now()
  const writing = every(LOOK_EVERY_MS, () => {
    // By the clock, because timers are late on a busy machine.
    const due = Math.min(perSecond, (perSecond * (performance.now() - startedAt)) / 1000 - tried)
    for (let left = due; left > 0; left -= EACH) {
      const place = turn++ % sockets
      let socket = open[place] as Socket
      if (socket.destroyed) {
        closed++
        socket = guesser(url, answers)
        open[place] = socket
      }
      if (socket.writableLength > MOST_UNSENT_BYTES || !socket.writable) continue
      socket.write(Array.from({ length: EACH }, () => requestWith(`guess-${tried++}`)).join(''))
    }
  })
  await new Promise((resolve) => setTimeout(resolve, forMs))
  writing.stop()
  await new Promise((resolve) => setTimeout(resolve, 1000)) // for what is still to be answered
  for (const socket of open) socket.destroy()
  return { tried, answers, closed }
}

function guesser(url: string, answers: Map<string, number>): Socket {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {}) // cut
  socket.setEncoding('latin1').on('data', (text) => {
    for (const [, status = ''] of String(text).matchAll(STATUS)) answers.set(status, (answers.get(status) ?? 0) + 1)
  })
  return socket
}

function requestWith(token: string): string {
  return `GET /v1/activity HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n\r\n`
}
