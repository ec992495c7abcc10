/**
 * Keys by how they begin. In a Cluster SCAN asks whichever node it likes; a script goes to the node that has the keys it
 * names, and all of ours are on one, for the prefix has a hash tag.
 */

import type { Redis } from 'ioredis'
import { literally } from './names.ts'
import { Script } from './script.ts'

export const FIRST = '0'

// KEYS: how they begin, so that the right node is asked. ARGV: cursor, pattern, keys to look at.
const PAGE = new Script(`return redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3], 'TYPE', 'hash')`)

/** The next hashes whose key begins so and goes on as `rest` (a pattern) says; the cursor is FIRST again after the last. */
export async function hashesAfter(redis: Redis, cursor: string, start: string, rest: string, count: number) {
  const [next, keys] = (await PAGE.run(redis, [start], [cursor, literally(start) + rest, count])) as [string, string[]]
  return { next, keys }
}

/** All of them, so many looked at a time; a page may be empty. */
export async function* hashes(redis: Redis, start: string, rest: string, count: number): AsyncGenerator<string[]> {
  let cursor = FIRST
  do {
    const { next, keys } = await hashesAfter(redis, cursor, start, rest, count)
    yield keys
    cursor = next
  } while (cursor !== FIRST)
}
