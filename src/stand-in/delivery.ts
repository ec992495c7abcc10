/** How a reply goes over the wire: whole, or as badly as networks can. */

import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Flavour } from './flavour.ts'
import type { Reply } from './reply.ts'

export type Delivery =
  | { how: 'whole'; reply: Reply }
  /** The request is accepted, and never answered. */
  | { how: 'silence' }
  | { how: 'reset' }
  /** One byte at a time: from the status line on, or from the body on. */
  | { how: 'drip'; reply: Reply; from: 'head' | 'body' }
  /** Half of the body, then the connection ends. With framing `close` the client cannot tell it from a whole body. */
  | { how: 'cut'; reply: Reply; framing: 'length' | 'chunked' | 'close'; end?: 'reset' }

/** An answer of about 1,200 bytes takes a minute: longer than any sensible deadline, although bytes keep coming. */
const DRIP_MS = 50
const RESET_PAUSE_MS = 50

type Cut = Extract<Delivery, { how: 'cut' }>

export function deliver(response: ServerResponse, delivery: Delivery, flavour: Flavour): void {
  if (response.destroyed) return
  if (delivery.how === 'whole') send(response, delivery.reply, flavour)
  else if (delivery.how === 'reset') response.socket?.resetAndDestroy()
  else if (delivery.how === 'drip') drip(response, delivery.reply, delivery.from, flavour)
  else if (delivery.how === 'cut') cut(response, delivery, flavour)
}

/** The status that the client sees first; null if it sees none. */
export function statusOf(delivery: Delivery): number | null {
  return 'reply' in delivery ? delivery.reply.status : null
}

export function send(response: ServerResponse, reply: Reply, flavour: Flavour): void {
  const length = typeof reply.body === 'string' ? Buffer.byteLength(reply.body) : reply.body.length
  const connection = flavour.connectionHeaders(reply.status, response.socket)
  const server = reply.bare ? [] : flavour.headers
  // IIS does not announce that it keeps a connection. Node would, with a timeout that clients then rely on.
  response.removeHeader('Connection')
  response.writeHead(reply.status, [...reply.headers, ...server, ...connection, 'Content-Length', String(length)])
  response.end(reply.body)
}

function drip(response: ServerResponse, reply: Reply, from: 'head' | 'body', flavour: Flavour): void {
  const { socket } = response
  const body = Buffer.from(reply.body)
  const head = Buffer.from(rawHead(reply, flavour, `Content-Length: ${body.length}`))
  const bytes = from === 'head' ? Buffer.concat([head, body]) : body
  if (from === 'body') socket?.write(head)
  let sent = 0
  const timer = setInterval(() => {
    socket?.write(bytes.subarray(sent, sent + 1))
    sent += 1
    if (sent < bytes.length) return
    clearInterval(timer)
    socket?.destroySoon()
  }, DRIP_MS)
  response.once('close', () => clearInterval(timer))
}

function cut(response: ServerResponse, { reply, framing, end }: Cut, flavour: Flavour): void {
  const { socket } = response
  const body = Buffer.from(reply.body)
  const half = body.subarray(0, body.length >> 1)
  const frame = {
    length: `Content-Length: ${body.length}`,
    chunked: 'Transfer-Encoding: chunked',
    close: 'Connection: close',
  }[framing]
  socket?.write(rawHead(reply, flavour, frame))
  if (framing === 'chunked') socket?.write(`${half.length.toString(16)}\r\n`)
  socket?.write(half)
  if (framing === 'chunked') socket?.write('\r\n')
  if (end === 'reset') afterItLeft(response, () => socket?.resetAndDestroy())
  else socket?.destroySoon()
}

/** Waits until the bytes have left, because a reset overtakes what is still on its way. */
function afterItLeft(response: ServerResponse, act: () => void): void {
  const timer = setTimeout(act, RESET_PAUSE_MS)
  response.once('close', () => clearTimeout(timer))
}

/** Written to the socket directly, because Node's HTTP would correct the framing. */
function rawHead(reply: Reply, flavour: Flavour, frame: string): string {
  const headers = [...reply.headers, ...flavour.headers]
  const lines = [`HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status]}`]
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`)
  return `${[...lines, `Date: ${new Date().toUTCString()}`, frame].join('\r\n')}\r\n\r\n`
}
