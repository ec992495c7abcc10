/** The tokens of the HTTP API: who may do what. */

import { ROLES, type Role } from '../domain/role.ts'
import type { Kind } from './kinds.ts'
import type { Secret } from './secret.ts'

export interface Token {
  /** Stands for whoever has the token, in the activity and as the producer of lookups. */
  name: string
  roles: readonly Role[]
  token: string
}

/** As they are now: the file may change. */
export interface Tokens {
  (): readonly Token[]
  /** Why what their file holds now does not count, and the tokens of before do; null: it counts. No token stands in it. */
  trouble(): string | null
}

/** Also what a producer may be called. */
const NAME = /^[\w.-]{1,64}$/
/** What a program can send as a Bearer token (RFC 6750). */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/

export const tokens: Kind<Tokens> = {
  expected: `entries name:role+role:token, by comma or line (roles: ${ROLES.join(', ')})`,
  parse: (text, secret) => {
    readTokens(text)
    return lastRight(secret)
  },
}

/** While the file holds a mistake, as half of what it will hold, the last right tokens stand. */
function lastRight(secret: Secret): Tokens {
  let seen = ''
  let last: readonly Token[] = []
  let mistake: string | null = null
  const tokens = () => {
    const text = secret()
    if (text === seen) return last
    seen = text
    try {
      last = readTokens(text, new Set(last.map(({ name }) => name)))
      mistake = null
    } catch (error) {
      mistake = (error as Error).message
    }
    return last
  }
  const trouble = () => {
    tokens()
    return secret.trouble?.() ?? mistake
  }
  return Object.assign(tokens, { trouble })
}

/**
 * Throws, without a word of the text but a name of `known`, where an entry is none. Another name is not said: whoever mixes
 * up the parts of an entry may have put the token there. Lines that begin with # are comments.
 */
export function readTokens(text: string, known: ReadonlySet<string> = new Set()): readonly Token[] {
  const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('#'))
  const entries = lines.flatMap((line) => line.split(',')).map((entry) => entry.trim())
  const read = entries.filter((entry) => entry !== '').map((entry, index) => readToken(entry, index, known))
  if (read.length === 0) throw new Error('no entry')
  if (new Set(read.map(({ token }) => token)).size < read.length) throw new Error('one token twice')
  return read
}

function readToken(entry: string, index: number, known: ReadonlySet<string>): Token {
  const [name = '', listed = '', ...rest] = entry.split(':')
  const token = rest.join(':')
  const at = known.has(name) ? `entry ${index + 1} (${name})` : `entry ${index + 1}`
  if (!NAME.test(name)) throw new Error(`${at}: a name that is not 1 to 64 of A-Z a-z 0-9 . _ -`)
  const roles = listed.split('+')
  if (!roles.every(isRole)) throw new Error(`${at}: a role that there is not`)
  if (!TOKEN.test(token)) throw new Error(`${at}: a token that is not made of A-Z a-z 0-9 - . _ ~ + /`)
  return { name, roles, token }
}

function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text)
}
