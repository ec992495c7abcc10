/** The API of a test: real, on a port of its own. Each answer that is asked for here is held to its own /openapi.json. */

import { readFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { expect } from 'vitest'
import { ApiApp } from '../../src/app/api-app.ts'
import { loadConfig } from '../../src/config/config.ts'
import { createLogger } from '../../src/observe/logger.ts'

export interface Answer {
  status: number
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: whatever a test expects
  body: any
}

export interface Ask {
  token?: string
  body?: unknown
  headers?: Record<string, string>
  /** As it is, instead of JSON. */
  raw?: string | Uint8Array
}

export interface Api {
  url: string
  app: ApiApp
  log(): string
  ask(method: string, path: string, ask?: Ask): Promise<Answer>
  stop(): Promise<void>
}

const running = new Set<Api>()

/** Ends whatever a test has left; for `afterEach`. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((api) => api.stop()))
}

export async function startApi(env: Record<string, string>): Promise<Api> {
  const { config } = loadConfig({ API_PORT: '0', SHUTDOWN_TIMEOUT_MS: '2000', ...env }, {}, ['redis', 'queues', 'api'])
  const out = new PassThrough()
  let log = ''
  out.on('data', (data) => {
    log += data
  })
  const app = new ApiApp(config, createLogger({ logLevel: 'info', logFormat: 'json' }, out), { logFormat: 'json', out })
  const url = await app.start()
  const document = await documentOf(
    url,
    env.API_TOKENS_FILE ? readFileSync(env.API_TOKENS_FILE, 'utf8') : env.API_TOKENS,
  )
  const ask = async (method: string, path: string, asked: Ask = {}) => {
    const answer = await send(url, method, path, asked)
    if (document && !/^\/(livez|readyz|metrics|docs)/.test(path)) document.check(method, path, answer)
    return answer
  }
  const api = {
    url,
    app,
    ask,
    log: () => log,
    stop: async () => {
      running.delete(api)
      await app.stop('end of the test')
    },
  }
  running.add(api)
  return api
}

export async function send(url: string, method: string, path: string, { token, body, headers, raw }: Ask = {}) {
  const isJson = body !== undefined && raw === undefined
  const answer = await fetch(url + path, {
    method,
    headers: {
      ...(isJson ? { 'content-type': 'application/json' } : {}),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(raw !== undefined ? { body: raw } : isJson ? { body: JSON.stringify(body) } : {}),
  } as RequestInit)
  const isEndless = answer.headers.get('content-type') === 'text/event-stream'
  const text = isEndless ? '' : await answer.text()
  if (isEndless) await answer.body?.cancel()
  const isReadable = /[/+]json$/.test(answer.headers.get('content-type')?.split(';')[0] ?? '')
  return { status: answer.status, headers: answer.headers, text, body: isReadable ? JSON.parse(text) : null }
}

/** What the API says of itself. */
export class Document {
  readonly json: OpenApi
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  readonly #checks = new Map<string, ValidateFunction>()

  constructor(json: OpenApi) {
    this.json = json
    this.#ajv.addSchema({ $id: 'api', ...json })
  }

  check(method: string, path: string, { status, headers, body, text }: Answer): void {
    const bare = path.split('?')[0] ?? ''
    const paths = Object.entries(this.json.paths).toSorted(([a], [b]) => a.split('{').length - b.split('{').length)
    const found = paths.find(([pattern]) => patternOf(pattern).test(bare))
    const operation = found?.[1][method.toLowerCase()]
    if (!found || !operation) {
      const unknown = found ? [405, 'method-not-allowed'] : [404, 'route-unknown']
      return void expect([status, body?.code]).toEqual(unknown)
    }
    const said = `${method} ${found[0]} ${status}`
    if (status === 204) return void expect(Object.keys(operation.responses), said).toContain('204')
    const type = headers.get('content-type')?.split(';')[0] ?? ''
    const content = operation.responses[status]?.content
    expect(Object.keys(content ?? {}), `${said}: ${text}`).toContain(type)
    if (body === null) return
    const pointer = `api#/paths/${escaped(found[0])}/${method.toLowerCase()}/responses/${status}/content/${escaped(type)}/schema`
    const validate = this.#checks.get(pointer) ?? this.#ajv.compile({ $ref: pointer })
    this.#checks.set(pointer, validate)
    validate(body)
    expect(validate.errors ?? [], `${said}: ${text}`).toEqual([])
  }
}

export interface OpenApi {
  openapi: string
  paths: Record<string, Record<string, Operation>>
}

interface Operation {
  summary?: string
  requestBody?: { required?: boolean; content: Record<string, unknown> }
  responses: Record<string, { content?: Record<string, unknown>; headers?: object }>
}

/** Null where no token is there to ask with. */
async function documentOf(url: string, tokens: string | undefined): Promise<Document | null> {
  const token = tokens?.split(/[,\n]/)[0]?.split(':').slice(2).join(':')
  const { status, body } = await send(url, 'GET', '/openapi.json', token === undefined ? {} : { token })
  expect(status).toBe(200)
  return new Document(body as OpenApi)
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`)
}

function escaped(text: string): string {
  return encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'))
}
