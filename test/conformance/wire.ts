/** One request as bytes, and the whole answer, with nothing in between that would mend either. */

import { request as overHttp } from 'node:http'
import { request as overHttps } from 'node:https'

export interface Request {
  method?: string
  /** Put behind the path of the service. */
  tail?: string
  /** Instead of the path of the service. */
  path?: (path: string) => string
  /** Name and value in turn, sent as written. Host and the length of the body are added. */
  headers?: readonly string[]
  body?: string | Buffer
  /** Sent in chunks, without its length. */
  chunked?: boolean
}

export interface Answer {
  status: number
  headers: Readonly<Record<string, string | undefined>>
  body: Buffer
}

const TIMEOUT_MS = 30_000

/** Rejects when there is no whole answer within half a minute. */
export function send(
  url: URL,
  { method = 'POST', tail = '', path, headers = [], body = '', chunked }: Request,
): Promise<Answer> {
  const length = chunked ? ['Transfer-Encoding', 'chunked'] : ['Content-Length', String(Buffer.byteLength(body))]
  const framing = method === 'GET' || method === 'HEAD' ? [] : length
  return new Promise((resolve, reject) => {
    const asked = (url.protocol === 'https:' ? overHttps : overHttp)(url, {
      method,
      path: (path ? path(url.pathname) : url.pathname) + tail,
      headers: ['Host', url.host, ...headers, ...framing],
      agent: false,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    asked.once('error', reject)
    asked.once('response', (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk)).once('error', reject)
      answer.once('end', () => {
        const { statusCode: status = 0, headers } = answer
        resolve({ status, headers: headers as Answer['headers'], body: Buffer.concat(chunks) })
      })
    })
    if (chunked) asked.write(body.slice(0, 7))
    asked.end(chunked ? body.slice(7) : body)
  })
}
