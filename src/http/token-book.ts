/** Whose token it is. Tokens are compared by their hashes, all of them each time, so that no time tells how near one was. */

import { createHash, timingSafeEqual } from 'node:crypto'
import type { Token, Tokens } from '../config/tokens.ts'
import type { Role } from '../domain/role.ts'

/** Who asks. */
export interface Caller {
  /** The token's name; null: somebody on this machine, where there are no tokens. */
  name: string | null
  roles: readonly Role[]
}

interface Entry extends Caller {
  name: string
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
    const hash = hashOf(token)
    let found: Entry | null = null
    for (const entry of this.#current()) if (timingSafeEqual(entry.hash, hash)) found = entry
    return found && { name: found.name, roles: found.roles }
  }

  names(): string[] {
    return this.#current().map(({ name }) => name)
  }

  #current(): Entry[] {
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
