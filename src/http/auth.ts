/**
 * Who asks, and whether they may. With API_TOKENS each request carries a token. Without, the API listens on loopback alone,
 * and refuses what a web page of another site makes the browser on this machine send.
 */

import bearerAuth from '@fastify/bearer-auth'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { sleep } from '../clock.ts'
import type { Observe } from '../domain/event.ts'
import { isLoopbackHost } from '../domain/loopback.ts'
import { allows, ROLES, type Role } from '../domain/role.ts'
import { Problem } from './problem.ts'
import type { Caller, TokenBook } from './token-book.ts'

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

const NOBODY: Caller = { name: null, roles: [] }
const LOCAL: Caller = { name: null, roles: ROLES }
/** A guess takes this long, so many at a time; what is beyond is refused at once, whatever it is. */
const REFUSED_AFTER_MS = 500
const MOST_REFUSED_AT_ONCE = 50

/** `book` null: there are no tokens. */
export async function authenticate(server: FastifyInstance, book: TokenBook | null, observe: Observe): Promise<void> {
  server.decorateRequest('caller')
  const refusals = new Refusals(observe)
  await server.register(bearerAuth, {
    keys: [],
    addHook: false,
    specCompliance: 'rfc6749',
    auth: async (token: string, request: FastifyRequest) => {
      const caller = book?.find(token) ?? null
      if (!caller) return refusals.refuse()
      request.caller = caller
      return true
    },
  })
  const verify = server.verifyBearerAuth as NonNullable<FastifyInstance['verifyBearerAuth']>
  server.addHook('onRequest', (request, reply, done) => {
    request.caller = book ? NOBODY : LOCAL
    if (!book) checkLoopback(request)
    if (!book || rolesOf(request) === 'everybody') return done()
    verify(request, reply, done)
  })
  server.addHook('onRequest', async (request) => checkRoles(rolesOf(request), request.caller))
}

/** A route that says nothing is for whoever has a token; so is one that there is not. */
function rolesOf(request: FastifyRequest): Roles {
  return request.routeOptions.config.roles ?? 'any'
}

function checkRoles(wanted: Roles, { roles }: Caller): void {
  if (typeof wanted === 'string' || wanted.some((role) => allows(roles, role))) return
  throw new Problem('role-missing', `expected a token with the role ${wanted.join(' or ')}, got one without`)
}

/** Slows down whoever tries tokens. Right tokens never wait. */
class Refusals {
  readonly #observe: Observe
  #waiting = 0

  constructor(observe: Observe) {
    this.#observe = observe
  }

  async refuse(): Promise<false> {
    this.#observe({ type: 'token-refused' })
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
