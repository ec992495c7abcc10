/**
 * Whether our user may do what a worker does, and how Redis keeps hashes. All is tried within one MULTI that removes what it
 * writes; Redis says of each command whether it is allowed, and does nothing at all where one is not.
 */

import type { ChainableCommander, Redis } from '../redis/connections.ts'
import { bullKey, doctorKey, ownKey, type QueueNames } from '../redis/names.ts'
import { type Finding, fail, pass, warn } from './finding.ts'
import { commandOf, TRIED } from './tried-commands.ts'

/** As long as most results. */
const LONG_VALUE = 'x'.repeat(1000)

export async function checkRights(redis: Redis, names: QueueNames): Promise<Finding[]> {
  const key = doctorKey(names)
  const trial = tried(redis.multi(), names, key)
  try {
    const replies = (await trial.exec()) ?? []
    const refused = replies.flatMap(([error]) => error ?? [])
    if (refused.length > 0) return refusedIn(refused, names)
    const spare = await channelRefused(redis, names)
    if (spare) return refusedIn([spare], names)
    const [, encoding] = replies[AT_ENCODING] ?? []
    return [pass('redis-rights', 'our user may do all that a worker does'), hashesAre(encoding)]
  } catch (error) {
    return refusedIn(causesOf(error), names)
  }
}

const AT_ENCODING = 1

function tried(multi: ChainableCommander, names: QueueNames, key: string): ChainableCommander {
  multi.hset(key, 'long', LONG_VALUE).object('ENCODING', key)
  for (const line of TRIED) multi.call(...commandOf(line, key))
  multi.publish(ownKey(names, 'doctor'), '1')
  for (const queue of [names.lookupQueue, names.interactiveQueue, names.resultQueue]) {
    multi.persist(bullKey(names, queue, 'doctor')) // a write that changes nothing
  }
  return multi
}

/** Subscribing needs a connection of its own. */
async function channelRefused(redis: Redis, names: QueueNames): Promise<Error | null> {
  const spare = redis.duplicate()
  spare.on('error', () => {})
  try {
    await spare.subscribe(ownKey(names, 'doctor'))
    return null
  } catch (error) {
    return error as Error
  } finally {
    spare.disconnect()
  }
}

function causesOf(error: unknown): Error[] {
  const { previousErrors } = error as { previousErrors?: Error[] }
  return previousErrors?.length ? previousErrors : [error as Error]
}

interface Refusal extends Error {
  command?: { name: string; args: unknown[] }
}

/** A refusal for another reason (a replica, a full memory) is told by the check that is about it. */
function refusedIn(errors: readonly Refusal[], { prefix }: QueueNames): Finding[] {
  const rights = errors.filter(({ message }) => message.startsWith('NOPERM'))
  if (rights.length === 0) throw errors[0]
  const what = rights.map(({ message, command }) => {
    if (/key/.test(message)) return `the keys ${String(command?.args[0] ?? prefix).replace(/:doctor$/, ':*')}`
    return /channel/.test(message) ? `the channels ${prefix}:*` : (command?.name ?? 'a command').toUpperCase()
  })
  const all = [...new Set(what)]
  const more = all.length > MOST_NAMED ? ` and ${all.length - MOST_NAMED} more` : ''
  return [
    fail(
      'redis-rights',
      `our user may not use ${all.slice(0, MOST_NAMED).join(', ')}${more}`,
      `give it ~${prefix}:* &${prefix}:* +@all -@dangerous -@admin +info (docs/configuration.md)`,
    ),
  ]
}

const MOST_NAMED = 12

function hashesAre(encoding: unknown): Finding {
  if (encoding !== 'hashtable') return pass('redis-hashes', 'it keeps long fields of a job in one piece')
  return warn(
    'redis-hashes',
    'it keeps a job with a long field (from 64 bytes on, if nobody set another limit) as a table, which takes twice the memory',
    '`hash-max-listpack-value 2048` in redis.conf (6.2: hash-max-ziplist-value)',
  )
}
