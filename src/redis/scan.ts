/**
 * Finds keys by how they begin. In a Cluster SCAN asks any node, while a script goes to the node of the keys that it
 * names. All our keys are on one node, because the prefix has a hash tag.
 */

import type { Redis } from 'ioredis'
import { literally } from './names.ts'
import { Script } from './script.ts'

export const FIRST = '0'

// KEYS: the beginning of the keys, so that the right node is asked.
const PAGE = new Script(`
local cursor, pattern, keysLookedAt = unpack(ARGV)
return redis.call('SCAN', cursor, 'MATCH', pattern, 'COUNT', keysLookedAt, 'TYPE', 'hash')`)

/**
 * The next hashes whose key begins with `start` and matches `rest` (a pattern) behind it. After the last, the cursor is
 * FIRST again.
 */
export async function hashesAfter(redis: Redis, cursor: string, start: string, rest: string, count: number) {
  const [next, keys] = (await PAGE.run(redis, [start], [cursor, literally(start) + rest, count])) as [string, string[]]
  return { next, keys }
}

/** All of them, in pages of `count` keys looked at; a page may be empty. */
export async function* hashes(redis: Redis, start: string, rest: string, count: number): AsyncGenerator<string[]> {
  let cursor = FIRST
  do {
    const { next, keys } = await hashesAfter(redis, cursor, start, rest, count)
    yield keys
    cursor = next
  } while (cursor !== FIRST)
}
