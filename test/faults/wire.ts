/** What a service may put on the wire, well or badly. */

import type { Socket } from 'node:net'
import type { Answer } from '../support/scripted-service.ts'

export const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\n'

/** A whole response, by what ends its body. */
export const FRAMINGS: Record<'length' | 'chunks' | 'closing', (xml: string) => Buffer> = {
  length: (xml) => Buffer.from(`${HEAD}Content-Length: ${Buffer.byteLength(xml)}\r\n\r\n${xml}`),
  chunks: (xml) => Buffer.from(`${HEAD}Transfer-Encoding: chunked\r\n\r\n${inChunks(xml)}0\r\n\r\n`),
  closing: (xml) => Buffer.from(`${HEAD}Connection: close\r\n\r\n${xml}`),
}

/** Of up to 300 characters; none of them may take more than a byte. */
function inChunks(text: string): string {
  return (text.match(/[\s\S]{1,300}/g) ?? []).map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')
}

/** A response with these headers and this body, whole, and the end of its connection. */
export function response(
  body: string | Buffer,
  type = 'text/xml; charset=utf-8',
  status = '200 OK',
  more = '',
): Answer {
  const head = `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`
  const bytes = Buffer.concat([Buffer.from(`${head}Connection: close\r\n${more}\r\n`), Buffer.from(body)])
  return { say: 'wire', write: (socket) => socket.end(bytes) }
}

/** Good for a start, then a byte at a time, for as long as the connection is there. */
export function drip(socket: Socket, start: string, rest: string): void {
  socket.write(start)
  let at = 0
  const timer = setInterval(() => socket.write(rest[at++] ?? 'x'), 50)
  socket.once('close', () => clearInterval(timer))
}

/** So many bytes, as fast as the other side takes them, until it hangs up. Counts what was sent into `sent`. */
export function pour(socket: Socket, bytes: number, piece: (bytes: Buffer) => Buffer, sent: { bytes: number }): void {
  const part = Buffer.alloc(65_536, 'x')
  let left = bytes
  const more = () => {
    while (left > 0 && !socket.destroyed) {
      left -= part.length
      sent.bytes += part.length
      if (!socket.write(piece(part))) return
    }
  }
  socket.on('drain', more)
  more()
}
