/** A Lua script of ours. Redis gets its hash, and the script itself only if it does not know it (SCRIPT FLUSH). */

import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'

export class Script {
  /** Its text. */
  readonly lua: string
  readonly #sha: string

  constructor(lua: string) {
    this.lua = lua
    this.#sha = createHash('sha1').update(lua).digest('hex')
  }

  async run(redis: Redis, keys: string[], args: (string | number)[] = []): Promise<unknown> {
    try {
      return await redis.evalsha(this.#sha, keys.length, ...keys, ...args)
    } catch (error) {
      if (!isUnknown(error)) throw error
      return redis.eval(this.lua, keys.length, ...keys, ...args)
    }
  }
}

/** Redis names its errors in the first word of the message. */
function isUnknown(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
