/** Whose token it is. Tokens are compared by their hashes, all of them each time, so that no time tells how near one was. */

import { createHash, timingSafeEqual } from 'node:crypto'
import type { Token, Tokens } from '../config/tokens.ts'
import type { Mode, Role } from '../domain/role.ts'

/** Who asks. */
export interface Caller {
  /** The token's name; null: somebody on this machine, where there are no tokens. */
  name: string | null
  roles: readonly Role[]
  mode: Mode
  /** When the session ends, ISO 8601; null: there is none. */
  expiresAt: string | null
  /** Whether it may still ask: its token may be gone, or have other roles, and its session may be over. */
  stands(): boolean
}

/** A token, as it is kept in memory. */
export interface Entry {
  name: string
  roles: readonly Role[]
  hash: Buffer
}

export class TokenBook {
  readonly #tokens: Tokens
  #read: readonly Token[] = []
  #entries: Entry[] = []

  constructor(tokens: Tokens) {
    this.#tokens = tokens
  }

  find(token: string): Caller | null {
    const entry = this.entryOf(token)
    if (!entry) return null
    const { name, roles } = entry
    return { name, roles, mode: 'token', expiresAt: null, stands: () => this.has(entry) }
  }

  entryOf(token: string): Entry | null {
    const hash = hashOf(token)
    let found: Entry | null = null
    for (const entry of this.entries()) if (timingSafeEqual(entry.hash, hash)) found = entry
    return found
  }

  /** As it was: a token that has other roles now is another. */
  has(entry: Entry): boolean {
    return this.entries().some(
      ({ name, roles, hash }) =>
        name === entry.name && `${roles}` === `${entry.roles}` && timingSafeEqual(hash, entry.hash),
    )
  }

  entries(): readonly Entry[] {
    const tokens = this.#tokens()
    if (tokens === this.#read) return this.#entries
    this.#read = tokens
    this.#entries = tokens.map(({ name, roles, token }) => ({ name, roles, hash: hashOf(token) }))
    return this.#entries
  }
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
