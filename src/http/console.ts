/**
 * The console: a page that the API serves at `/`, with its script and style under `/console/`. What lies here is the same
 * for everybody and tells nothing, so it needs no token; what the page shows, it asks the API for, as any program does.
 */

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyReply } from 'fastify'
import type { Server } from './api-server.ts'
import { Problem } from './problem.ts'

/** Made by scripts/console.mjs. The build puts the whole program into one folder, the console in a folder beside it. */
const FOLDER = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../dist/console/' : './console/', import.meta.url),
)
const PAGE = 'index.html'
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
}

/** Nothing inline, nothing from elsewhere, no frame around it. Charts set their sizes by script, which `style-src` allows. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

interface ConsoleFile {
  body: Buffer
  type: string
  etag: string
}

export function consoleRoutes(server: Server): void {
  const files = readFiles()
  const options = { config: { roles: 'everybody' as const }, schema: { hide: true } }
  server.get('/', options, async (request, reply) => {
    const page = files.get(PAGE)
    if (!page) throw new Problem('route-unknown', 'the console is not built: npm run build')
    reply.header('content-security-policy', CONTENT_SECURITY_POLICY).header('cache-control', 'no-cache')
    reply.header('referrer-policy', 'no-referrer')
    if (request.headers['if-none-match'] === page.etag) return reply.code(304).send()
    return sent(reply, page)
  })
  server.get('/console/:file', options, async (request, reply) => {
    const { file: name } = request.params as { file: string }
    const file = name === PAGE ? undefined : files.get(name)
    if (!file) throw new Problem('route-unknown', 'there is no such file of the console')
    // Its name changes with its content.
    return sent(reply.header('cache-control', 'public, max-age=31536000, immutable'), file)
  })
}

function sent(reply: FastifyReply, { body, type, etag }: ConsoleFile) {
  return reply.type(type).header('etag', etag).send(body)
}

/** None, where nobody has built it. */
function readFiles(): Map<string, ConsoleFile> {
  const names = listed().filter((name) => TYPES[extname(name)] !== undefined)
  return new Map(
    names.map((name) => {
      const body = readFileSync(`${FOLDER}${name}`)
      const etag = `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`
      return [name, { body, type: TYPES[extname(name)] as string, etag }]
    }),
  )
}

function listed(): string[] {
  try {
    return readdirSync(FOLDER)
  } catch {
    return []
  }
}
