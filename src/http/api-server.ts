/**
 * The HTTP API, a thin face: what an action means is decided in `intake/` and `fleet/`. Here stands in which order a request
 * is looked at: whether it may come from where it comes, whose token it has, whether that may ask this, how many have asked,
 * and then its body. Whatever fails is answered as a problem (problem.ts).
 */

import { maxHeaderSize, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify, type RouteOptions } from 'fastify'
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import * as z from 'zod'
import { within } from '../clock.ts'
import type { Tokens } from '../config/tokens.ts'
import type { Observe } from '../domain/event.ts'
import { reportRequests, routeName } from './access.ts'
import { authenticate } from './auth.ts'
import { readJson } from './body.ts'
import { breakOff } from './broken-off.ts'
import { type Listening, probe, urlOf, type Watched } from './listening.ts'
import { describe } from './openapi.ts'
import { endBehindAnswer, isLast, oneAtATime } from './pipelines.ts'
import { Problem } from './problem.ts'
import { sessionRoutes } from './routes/session.ts'
import { cutStalled, STALLED_AFTER_MS } from './stalls.ts'
import { BODY_LIMIT, toProblem } from './to-problem.ts'
import { answerUnknown } from './unknown-route.ts'

export interface ApiSettings {
  apiHost: string
  apiPort: number
  apiTokens: Tokens | null
  apiRequestsPerSecond: number
  shutdownTimeoutMs: number
}

/** The server, for the routes. */
export type Server = FastifyInstance

/** What the routes are about. */
export type Routes = (server: Server) => void

const HEADERS_WITHIN_MS = 10_000
const CHECK_EVERY_MS = 2_000
/** Connections that come in one moment; Linux lets a process have no more (`net.core.somaxconn`), and resets what is beyond. */
const MOST_UNACCEPTED = 4096

/** Resolves once it listens; rejects if it cannot. */
export async function serveApi(
  app: Watched & { routes: Routes; onRoutes(routes: ReadonlyMap<string, number[]>): void },
  settings: ApiSettings,
  observe: Observe,
): Promise<Listening> {
  const { apiHost: host, apiPort: port, apiTokens, shutdownTimeoutMs } = settings
  const server = createServer()
  server.setErrorHandler((error, request, reply) => {
    const problem = hasLeft(request) ? LEFT : toProblem(error, request)
    if (problem.code === 'internal')
      observe({ type: 'request-failed', route: routeName(request.routeOptions.url), error })
    return answer(reply, problem)
  })
  answerUnknown(server)
  server.addHook('onRoute', takesNoMore)
  const routes = reportRequests(server, observe)
  await server.register(helmet, HELMET)
  const door = await authenticate(server, apiTokens, observe)
  await server.register(rateLimit, limited(settings.apiRequestsPerSecond))
  cutStalled(server)
  readJson(server)
  await describe(server) // behind the hooks above, so that they guard its pages, and before the routes that it describes
  probe(server, app)
  sessionRoutes(server, door)
  app.routes(server)
  app.onRoutes(routes)
  await server.listen({ host, port, backlog: MOST_UNACCEPTED })
  return { url: urlOf(server.server, host, port), close: () => closed(server, shutdownTimeoutMs) }
}

function createServer(): Server {
  const server = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    connectionTimeout: STALLED_AFTER_MS,
    requestTimeout: 0, // a bulk intake may take hours; stalls.ts cuts what stalls
    http: { headersTimeout: HEADERS_WITHIN_MS, connectionsCheckingInterval: CHECK_EVERY_MS },
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 1024 },
    clientErrorHandler: refuseRaw,
    frameworkErrors: (error, _request, reply) => answer(reply as unknown as FastifyReply, toProblem(error)),
  })
  oneAtATime(server.server)
  // What somebody expects besides 100-continue is no reason to refuse what they ask.
  server.server.on('checkExpectation', (...asked) => server.server.emit('request', ...asked))
  server.setValidatorCompiler(validatorCompiler)
  // Answers are written as they are: a field too many must not make an error of an answer. Tests hold them to the schemas.
  server.setSerializerCompiler(() => (data) => JSON.stringify(data))
  return server.withTypeProvider<ZodTypeProvider>() as unknown as Server
}

function answer(reply: FastifyReply, problem: Problem): FastifyReply {
  if (isLast(reply.request)) reply.header('connection', 'close')
  return reply.code(problem.status).headers(problem.headers).send(JSON.stringify(problem))
}

/** Nobody reads it: it is said so that no mistake of ours is seen in it. */
const LEFT = new Problem('request-stalled', 'expected the whole body, got a part of it: whoever asked has gone')

function hasLeft({ raw }: FastifyRequest): boolean {
  return raw.destroyed && !raw.complete
}

const NO_FIELDS = z.strictObject({})

/** What a route does not name behind the ? of its path, it does not take. */
function takesNoMore(route: RouteOptions): void {
  if (route.url.startsWith('/v1/')) route.schema = { querystring: NO_FIELDS, ...route.schema }
}

/** What never became a request: cut because it came too slowly, or nothing that HTTP knows. */
function refuseRaw({ code = '' }: NodeJS.ErrnoException, socket: Socket): void {
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  if (breakOff(socket) || endBehindAnswer(socket)) return
  const problem = OF_NODE[code] ?? new Problem('invalid-request', 'expected a request of HTTP/1.1, got something else')
  const body = JSON.stringify(problem)
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'Content-Type: application/problem+json',
    'Connection: close',
    `Content-Length: ${body.length}`,
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

const OF_NODE: Readonly<Record<string, Problem>> = {
  ERR_HTTP_REQUEST_TIMEOUT: new Problem(
    'request-stalled',
    `expected the whole head of a request within ${HEADERS_WITHIN_MS / 1000} s`,
  ),
  HPE_HEADER_OVERFLOW: new Problem(
    'head-too-large',
    `expected at most ${maxHeaderSize} bytes of path and headers, got more`,
  ),
}

/** Nothing of an answer is for a browser to run. No HSTS, because whether there is TLS is for the proxy to know. */
const HELMET = {
  contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
  hsts: false,
}

/** Counted after whose request it is is known; unknown tokens have a limit of their own. */
function limited(max: number) {
  return {
    max,
    timeWindow: 1000,
    keyGenerator: ({ caller }: { caller: { name: string | null } }) => caller.name ?? 'local',
    allowList: (request: { routeOptions: { config: { roles?: unknown } } }) =>
      request.routeOptions.config.roles === 'everybody',
    errorResponseBuilder: () => new Problem('too-many-requests', `expected at most ${max} requests a second, got more`),
  }
}

/** Takes nothing new, and cuts what is not answered in time. */
async function closed(server: Server, timeoutMs: number): Promise<void> {
  const closing = server.close()
  if ((await within(timeoutMs, closing)) === 'late') {
    server.server.closeAllConnections()
    await closing
  }
}
