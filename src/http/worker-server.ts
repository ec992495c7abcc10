/**
 * The own HTTP of a worker and of the webhook: metrics for Prometheus, and whether the process lives and may be given work.
 * Three routes that take no body need no framework, which would take 5 MB of each process.
 */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Listening, PROBES, probed, urlOf, type Watched } from './listening.ts'
import { oneAtATime } from './pipelines.ts'

/** Resolves once it listens; rejects if it cannot. */
export async function serveWorker(app: Watched, { host, port }: { host: string; port: number }): Promise<Listening> {
  const server = createServer({ requestTimeout: 5_000, keepAliveTimeout: 72_000 }, (request, response) => {
    void answer(app, request, response)
  })
  server.setTimeout(10_000)
  oneAtATime(server)
  server.listen({ host, port })
  await once(server, 'listening')
  const close = async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections() // a scraper keeps its connection
    await closed
  }
  return { url: urlOf(server, host, port), close }
}

/** Never rejects. */
async function answer(app: Watched, { method, url = '' }: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = PROBES.find((one) => one === url.split('?', 1)[0])
  const isAsked = path !== undefined && (method === 'GET' || method === 'HEAD')
  const { status, type, text } = isAsked ? await probed(path, app).catch(broken) : NOTHING_THERE
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) }).end(text)
}

const JSON_TYPE = 'application/json; charset=utf-8'
const NOTHING_THERE = { status: 404, type: JSON_TYPE, text: JSON.stringify({ error: 'Not Found', paths: PROBES }) }
const broken = () => ({ status: 500, type: JSON_TYPE, text: JSON.stringify({ error: 'Internal Server Error' }) })
