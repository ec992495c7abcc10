/**
 * Who asks, and whether they may. With API_TOKENS each request carries a token, or a browser's session. Without, the API listens on loopback alone,
 * and refuses what a web page of another site makes the browser on this machine send.
 */

import bearerAuth from '@fastify/bearer-auth'
import cookie from '@fastify/cookie'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { sleep } from '../clock.ts'
import type { Tokens } from '../config/tokens.ts'
import type { Observe } from '../domain/event.ts'
import { isLoopbackHost } from '../domain/loopback.ts'
import { allows, ROLES, type Role } from '../domain/role.ts'
import { endWithoutBody } from './pipelines.ts'
import { Problem } from './problem.ts'
import { Sessions } from './session.ts'
import { type Caller, TokenBook } from './token-book.ts'

/** Who may ask a route: whoever has one of these roles, whoever has a token at all, or everybody. */
export type Roles = readonly Role[] | 'any' | 'everybody'

declare module 'fastify' {
  interface FastifyContextConfig {
    roles?: Roles
  }
  interface FastifyRequest {
    caller: Caller
  }
}

const LOCAL: Caller = { name: null, roles: ROLES, mode: 'loopback', expiresAt: null, stands: () => true }
const NOBODY: Caller = { ...LOCAL, roles: [], mode: 'token' }
/** A guess takes this long, so many at a time; what is beyond is refused at once, whatever it is. */
const REFUSED_AFTER_MS = 500
const MOST_REFUSED_AT_ONCE = 50

/** For the routes that let somebody in. `sessions` null: there are no tokens. */
export interface Door {
  sessions: Sessions | null
  refusals: Refusals
}

/** `tokens` null: there are none. */
export async function authenticate(server: FastifyInstance, tokens: Tokens | null, observe: Observe): Promise<Door> {
  const book = tokens && new TokenBook(tokens)
  const sessions = book && new Sessions(book)
  const refusals = new Refusals(observe)
  server.decorateRequest('caller')
  await server.register(cookie)
  await server.register(bearerAuth, {
    keys: [],
    addHook: false,
    specCompliance: 'rfc6749',
    auth: async (token: string, request: FastifyRequest) => {
      const caller = book?.find(token) ?? null
      if (!caller) return refusals.refuse(request)
      request.caller = caller
      return true
    },
  })
  const verify = server.verifyBearerAuth as NonNullable<FastifyInstance['verifyBearerAuth']>
  server.addHook('onRequest', (request, reply, done) => {
    request.caller = sessions ? NOBODY : LOCAL
    if (!sessions) checkLoopback(request)
    if (!sessions || rolesOf(request) === 'everybody') return done()
    const caller = request.headers.authorization === undefined ? sessions.find(request) : undefined
    if (caller === undefined) return verify(request, reply, done)
    if (caller === null)
      throw new Problem('session-ended', 'expected a session that goes on, got one that has ended: log in again')
    if (!SAFE.includes(request.method)) checkSite(request, 'isBrowser')
    request.caller = caller
    done()
  })
  server.addHook('onRequest', async (request) => checkRoles(rolesOf(request), request.caller))
  return { sessions, refusals }
}

/** They change nothing. */
const SAFE = ['GET', 'HEAD', 'OPTIONS']

/**
 * A cookie goes with whatever page makes the browser ask, so such a request must say that its page is ours. Browsers say
 * Sec-Fetch-Site over HTTPS and on this machine, and Origin everywhere.
 */
export function checkSite({ headers }: FastifyRequest, whose: 'isBrowser' | 'mayBeProgram'): void {
  const { origin, host, 'sec-fetch-site': site } = headers
  const isProgram = origin === undefined && site === undefined
  if (isProgram && whose === 'mayBeProgram') return
  if (site === 'same-origin' || (site === undefined && origin !== undefined && hostOf(origin) === host)) return
  throw new Problem('other-site', 'expected a request of a page of this site, got one of another site, or of nobody')
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null
}

/** A route that says nothing is for whoever has a token; so is one that there is not. */
function rolesOf(request: FastifyRequest): Roles {
  return request.routeOptions.config.roles ?? 'any'
}

function checkRoles(wanted: Roles, { roles }: Caller): void {
  if (typeof wanted === 'string' || wanted.some((role) => allows(roles, role))) return
  throw new Problem('role-missing', `expected a token with the role ${wanted.join(' or ')}, got one without`)
}

/** Slows down whoever tries tokens: each takes a connection of its own, and half a second. Right tokens never wait. */
export class Refusals {
  readonly #observe: Observe
  #waiting = 0

  constructor(observe: Observe) {
    this.#observe = observe
  }

  async refuse(request: FastifyRequest): Promise<false> {
    this.#observe({ type: 'token-refused' })
    endWithoutBody(request)
    if (this.#waiting >= MOST_REFUSED_AT_ONCE) {
      throw new Problem('too-many-refused-tokens', 'too many unknown tokens at once; try again in a second')
    }
    this.#waiting++
    await sleep(REFUSED_AFTER_MS)
    this.#waiting--
    return false
  }
}

/** What a page in the browser of somebody on this machine may not do. */
function checkLoopback({ headers }: FastifyRequest): void {
  if (!isLoopbackHost(headers.host)) {
    throw new Problem(
      'host-not-loopback',
      'Host: expected 127.0.0.1, [::1] or localhost, got another; or set API_TOKENS',
    )
  }
  const site = headers['sec-fetch-site']
  const isOwn = site === undefined || site === 'same-origin' || site === 'none'
  const { origin } = headers
  if (isOwn && (origin === undefined || origin === `http://${headers.host}`)) return
  throw new Problem('other-site', 'expected a request of this site or of a program, got one of another site')
}
