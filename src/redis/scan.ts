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
local cursor, pattern, keysLookedAt, kind = unpack(ARGV)
return redis.call('SCAN', cursor, 'MATCH', pattern, 'COUNT', keysLookedAt, 'TYPE', kind)`)

type Kind = 'hash' | 'string'

/**
 * The next hashes whose key begins with `start` and matches `rest` (a pattern) behind it. After the last, the cursor is
 * FIRST again.
 */
export function hashesAfter(redis: Redis, cursor: string, start: string, rest: string, count: number) {
  return page('hash', redis, cursor, start, rest, count)
}

async function page(kind: Kind, redis: Redis, cursor: string, start: string, rest: string, count: number) {
  const args = [cursor, literally(start) + rest, count, kind]
  const [next, keys] = (await PAGE.run(redis, [start], args)) as [string, string[]]
  return { next, keys }
}

/** All of them, in pages of `count` keys looked at; a page may be empty. */
export function hashes(redis: Redis, start: string, rest: string, count: number): AsyncGenerator<string[]> {
  return pages('hash', redis, start, rest, count)
}

/** The same of strings. */
export function strings(redis: Redis, start: string, rest: string, count: number): AsyncGenerator<string[]> {
  return pages('string', redis, start, rest, count)
}

async function* pages(kind: Kind, redis: Redis, start: string, rest: string, count: number): AsyncGenerator<string[]> {
  let cursor = FIRST
  do {
    const { next, keys } = await page(kind, redis, cursor, start, rest, count)
    yield keys
    cursor = next
  } while (cursor !== FIRST)
}
