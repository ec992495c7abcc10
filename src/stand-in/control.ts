/** The stand-in's own addresses, for callers on this machine alone: what was asked of it, and how it shall behave. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { checkBehaviour } from './behaviour.ts'
import { CheckError } from './checks.ts'
import { isLoopback, isLoopbackHost } from './loopback.ts'
import type { LoggedRequest, RequestLog } from './request-log.ts'
import type { Settings } from './settings.ts'

export interface Controlled {
  settings: Settings
  log: RequestLog
}

type Door = (request: IncomingMessage, response: ServerResponse, controlled: Controlled) => void | Promise<void>

const DOORS: Readonly<Record<string, Readonly<Record<string, Door>>>> = {
  '/__requests': {
    GET: async (_, response, { log }) => {
      response.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' })
      await pipeline(Readable.from(lines(log.all())), response)
    },
    DELETE: (_, response, { log }) => {
      log.clear()
      response.writeHead(204).end()
    },
  },
  '/__stats': {
    GET: (_, response, { log, settings }) => json(response, 200, { ...log.stats(), seed: settings.seed }),
  },
  '/__faults': {
    GET: (_, response, { settings }) => json(response, 200, settings.shown),
    POST: async (request, response, { settings }) => {
      if (!isJson(request)) {
        request.resume()
        return json(response, 415, {
          error: "/__faults: expected the header 'Content-Type: application/json', got another",
        })
      }
      try {
        settings.change(checkBehaviour(parseJson(await text(request))))
        json(response, 200, settings.shown)
      } catch (error) {
        if (!(error instanceof CheckError)) throw error
        json(response, 400, { error: error.message })
      }
    },
    DELETE: (_, response, { settings }) => {
      settings.calm()
      json(response, 200, settings.shown)
    },
  },
}

export function isControl(path: string): boolean {
  return path.startsWith('/__')
}

/** Rejects when the caller breaks off. */
export async function control(
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  controlled: Controlled,
): Promise<void> {
  const stranger = strangerIn(request)
  if (stranger) return json(response, 403, { error: `${path}: ${stranger}` })
  const door = Object.hasOwn(DOORS, path) ? DOORS[path] : undefined
  if (!door) return json(response, 404, { error: `expected one of ${Object.keys(DOORS).join(', ')}, got ${path}` })
  const method = request.method ?? ''
  const act = Object.hasOwn(door, method) ? door[method] : undefined
  if (act) return act(request, response, controlled)
  response.setHeader('Allow', Object.keys(door).join(', '))
  json(response, 405, { error: `${path}: expected ${Object.keys(door).join(' or ')}, got ${method}` })
}

/**
 * Null for a program on this machine, and for the page at `/`. A browser on this machine also runs other people's pages:
 * they say where they are from, or reach us by a name of their own that points to this machine.
 */
function strangerIn({ socket, headers }: IncomingMessage): string | null {
  const { host, origin } = headers
  const site = headers['sec-fetch-site'] ?? 'none'
  if (!isLoopback(socket.remoteAddress)) {
    return `expected a caller on this machine (127.0.0.0/8 or ::1), got ${socket.remoteAddress}`
  }
  if (!isLoopbackHost(host)) return 'expected a Host of this machine (localhost, 127.0.0.1 or [::1]), got another'
  const isOfAnotherPage =
    (origin !== undefined && origin !== `http://${host}`) || !/^(none|same-origin)$/.test(`${site}`)
  return isOfAnotherPage ? 'expected a program, or the page at /, got a page of another site' : null
}

function isJson({ headers }: IncomingMessage): boolean {
  return /^application\/json *(;|$)/i.test(headers['content-type'] ?? '')
}

/** Lines are written in pieces of this many, because one write for each line costs more than the lines. */
const LINES_A_PIECE = 1000

function* lines(entries: readonly LoggedRequest[]): Generator<string> {
  for (let i = 0; i < entries.length; i += LINES_A_PIECE) {
    yield entries
      .slice(i, i + LINES_A_PIECE)
      .map((entry) => `${JSON.stringify(entry)}\n`)
      .join('')
  }
}

const MAX_LENGTH = 1024 * 1024

/** A body that is too long is read to its end, because its sender sees the answer only then. */
async function text(request: IncomingMessage): Promise<string> {
  let body = ''
  let long = false
  for await (const chunk of request.setEncoding('utf8')) {
    long ||= body.length + chunk.length > MAX_LENGTH
    if (!long) body += chunk
  }
  if (long) throw new CheckError('the behaviour: expected 1 MiB or less, got more')
  return body
}

/** The error has no message of Node's, because that quotes the body, which may hold credentials. */
function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    throw new CheckError('the behaviour: expected JSON, got something else')
  }
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
  response.end(`${JSON.stringify(value)}\n`)
}
