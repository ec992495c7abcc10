/** The stand-in's own doors, under /stand-in/: what was asked of it, and how it shall behave. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { LoggedRequest, RequestLog } from './request-log.ts'
import { checkBehaviour, type Settings, SettingsError } from './settings.ts'

export interface Controlled {
  settings: Settings
  log: RequestLog
}

type Door = (request: IncomingMessage, response: ServerResponse, controlled: Controlled) => void | Promise<void>

const DOORS: Readonly<Record<string, Readonly<Record<string, Door>>>> = {
  '/stand-in/requests': {
    GET: async (_, response, { log }) => {
      response.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' })
      await pipeline(Readable.from(lines(log.all())), response)
    },
    DELETE: (_, response, { log }) => {
      log.clear()
      response.writeHead(204).end()
    },
  },
  '/stand-in/stats': {
    GET: (_, response, { log, settings }) => json(response, 200, { ...log.stats(), seed: settings.seed }),
  },
  '/stand-in/settings': {
    GET: (_, response, { settings }) => json(response, 200, settings.behaviour),
    POST: async (request, response, { settings }) => {
      try {
        settings.change(checkBehaviour(JSON.parse(await text(request))))
        json(response, 200, settings.behaviour)
      } catch (error) {
        if (!(error instanceof SettingsError || error instanceof SyntaxError)) throw error
        json(response, 400, { error: error.message })
      }
    },
  },
}

/** Rejects when the other side leaves in the middle. */
export async function control(
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  controlled: Controlled,
): Promise<void> {
  const door = Object.hasOwn(DOORS, path) ? DOORS[path] : undefined
  if (!door) return json(response, 404, { error: `expected one of ${Object.keys(DOORS).join(', ')}, got ${path}` })
  const method = request.method ?? ''
  const act = Object.hasOwn(door, method) ? door[method] : undefined
  if (act) return act(request, response, controlled)
  response.setHeader('Allow', Object.keys(door).join(', '))
  json(response, 405, { error: `expected ${Object.keys(door).join(' or ')}, got ${method}` })
}

/** Many lines a piece: a piece for each line would cost more than the lines. */
const LINES_A_PIECE = 1000

function* lines(entries: readonly LoggedRequest[]): Generator<string> {
  for (let i = 0; i < entries.length; i += LINES_A_PIECE) {
    yield entries
      .slice(i, i + LINES_A_PIECE)
      .map((entry) => `${JSON.stringify(entry)}\n`)
      .join('')
  }
}

const MAX_SETTINGS_BYTES = 64 * 1024

async function text(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk
    if (body.length > MAX_SETTINGS_BYTES) throw new SettingsError('the settings: expected 64 KiB or less, got more')
  }
  return body
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
  response.end(`${JSON.stringify(value)}\n`)
}
