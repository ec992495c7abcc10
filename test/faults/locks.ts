/** What would otherwise take half a minute: that the locks of a process that has died come to their end. */

import { pastOf } from '../support/finished.ts'
import type { Rig } from './rig.ts'

/**
 * Of the lookups whose process is that of this one: counts them, and ends their locks (unless not `atOnce`), as time
 * would do half a minute later.
 */
export async function endLocksBeside(
  { redis }: Pick<Rig, 'redis'>,
  lookupId: string,
  { atOnce = true, queue = 'chat-lookups' } = {},
): Promise<number> {
  const lock = (id: string) => `bull:${queue}:${id}:lock`
  const holder = holderIn(await redis.get(lock(lookupId)))
  if (holder === null) throw new Error(`${lookupId} has no lock`)
  let count = 0
  for (const id of await redis.lrange(`bull:${queue}:active`, 0, -1)) {
    if (holderIn(await redis.get(lock(id))) !== holder) continue
    count++
    if (atOnce) await redis.del(lock(id))
  }
  return count
}

/** Times a lookup was found without a lock, wherever it is now. Throws if there is no such lookup. */
export async function stallsOf({ redis }: Pick<Rig, 'redis'>, lookupId: string): Promise<number> {
  const past = await pastOf(redis, lookupId)
  if (!past) throw new Error(`expected ${lookupId} to be somewhere, found it nowhere`)
  return past.stalls
}

/** BullMQ's token is a worker's id and a number. */
function holderIn(token: string | null): string | null {
  return token === null ? null : token.slice(0, token.lastIndexOf(':'))
}
