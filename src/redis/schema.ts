/**
 * The number of the layout of our keys. A release reads the layout of the one before, too, so both may run side by side, and
 * the way back is open. SCHEMA is raised by the release after the one that has learnt to read the new layout.
 */

import type { Redis } from 'ioredis'
import { type QueueNames, schemaKey } from './names.ts'
import { Script } from './script.ts'

export const SCHEMA = 1

// Answers the number that stands there then: the highest that was ever used.
const AGREE = new Script(`
local KEY = KEYS[1]
local own = tonumber(ARGV[1])
local found = tonumber(redis.call('GET', KEY) or '') or 0
if found >= own then return found end
redis.call('SET', KEY, own)
return own`)

/** What is wrong if the keys here are of a layout that this release does not know; null if it knows them. */
export async function unknownSchema(redis: Redis, names: QueueNames): Promise<string | null> {
  const found = Number(await AGREE.run(redis, [schemaKey(names)], [SCHEMA]))
  if (found <= SCHEMA) return null
  return (
    `QUEUE_PREFIX: expected keys of a layout up to ${SCHEMA}, got layout ${found}, which a newer chat-enricher has written ` +
    'here: start that release again (docs/upgrading.md)'
  )
}
