/**
 * The session of somebody's browser. Its cookie names a token and an end, and is signed with a key that is made of that token.
 * So it needs no secret of its own, every process of the API knows it, also after a restart, and it ends with its token.
 */

import { createHmac } from 'node:crypto'
import { Signer } from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { iso, now } from '../clock.ts'
import type { Caller, Entry, TokenBook } from './token-book.ts'

export const SESSION_COOKIE = 'chat_enricher_session'
/** A working day; then the token is asked for again. */
const LASTS_MS = 12 * 3_600_000

export class Sessions {
  readonly #book: TokenBook

  constructor(book: TokenBook) {
    this.#book = book
  }

  /** Sets the cookie. Null: it is nobody's token. */
  begin(token: string, request: FastifyRequest, reply: FastifyReply): Caller | null {
    const entry = this.#book.entryOf(token)
    if (!entry) return null
    const endsAt = now() + LASTS_MS
    reply.setCookie(SESSION_COOKIE, signerOf(entry).sign(`${entry.name}.${endsAt}`), optionsFor(request))
    return this.#callerOf(entry, endsAt)
  }

  end(request: FastifyRequest, reply: FastifyReply): void {
    reply.clearCookie(SESSION_COOKIE, optionsFor(request))
  }

  /** Undefined: there is no cookie. Null: it is none of ours, its time is over, or its token is gone. */
  find({ cookies }: FastifyRequest): Caller | null | undefined {
    const cookie = cookies[SESSION_COOKIE]
    if (cookie === undefined) return undefined
    const [, name = '', end = ''] = /^(.*)\.(\d{1,15})\.[^.]*$/.exec(cookie) ?? []
    const endsAt = Number(end)
    if (!(endsAt > now())) return null
    const entry = this.#book.entries().find((one) => one.name === name && signerOf(one).unsign(cookie).valid)
    return entry ? this.#callerOf(entry, endsAt) : null
  }

  #callerOf(entry: Entry, endsAt: number): Caller {
    const { name, roles } = entry
    const stands = () => endsAt > now() && this.#book.has(entry)
    return { name, roles, mode: 'session', expiresAt: iso(endsAt), stands }
  }
}

function signerOf({ hash }: Entry) {
  return new Signer(createHmac('sha256', hash).update('session of the console').digest())
}

/** The console works over plain HTTP, too; where a proxy says that it was asked by HTTPS, the cookie stays there. */
function optionsFor({ headers }: FastifyRequest) {
  return { path: '/', httpOnly: true, sameSite: 'strict', secure: headers['x-forwarded-proto'] === 'https' } as const
}
