/** A Lua script of ours. Redis gets its hash, and the script itself only if it does not know it (SCRIPT FLUSH). */

import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import { type Argument, sendScript } from './script-command.ts'

/** Names as Lua writes a list of texts. They are our own: nothing in them is escaped. */
export function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ')
}

export class Script {
  /** Its text. */
  readonly lua: string
  readonly #sha: string

  constructor(lua: string) {
    this.lua = lua
    this.#sha = createHash('sha1').update(lua).digest('hex')
  }

  run(redis: Redis, keys: string[], args: (string | number | Buffer)[] = []): Promise<unknown> {
    return this.runWith(redis, keys.length, [...keys, ...args])
  }

  /** `all`: so many keys, and behind them the arguments. */
  async runWith(redis: Redis, keys: number, all: readonly unknown[]): Promise<unknown> {
    const args: Argument[] = [this.#sha, String(keys)]
    for (const one of all) args.push(argumentOf(one))
    try {
      return await sendScript(redis, 'evalsha', args)
    } catch (error) {
      if (!isUnknown(error)) throw error
      return sendScript(redis, 'eval', [this.lua, ...args.slice(1)])
    }
  }
}

/** As ioredis does it. */
function argumentOf(value: unknown): Argument {
  if (typeof value === 'string' || value instanceof Buffer) return value
  return value === null || value === undefined ? '' : String(value)
}

/** Redis names its errors in the first word of the message. */
function isUnknown(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
