/** Somebody looks at what the service said of a lookup: customer's data, so it is noted who and when. */

import { ACTIVITY_LUA, byHandArgs } from '../redis/activity.ts'
import type { Redis } from '../redis/connections.ts'
import { activityKey, type QueueNames } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { NOW_LUA } from '../redis/time.ts'
import { hashOfId } from './activity.ts'

const NOTE = new Script(`
local ACTIVITY = KEYS[1]
local byHand = { unpack(ARGV, 1, 4) }
${NOW_LUA}
${ACTIVITY_LUA}
expectActivity(ACTIVITY)
note(ACTIVITY, math.floor(now()), byHand, 1)
return 1`)

/** Rejects when Redis fails; then nothing may be shown. */
export async function noteShown(redis: Redis, names: QueueNames, who: string, lookupId: string): Promise<void> {
  const byHand = { who, action: 'show' as const, arguments: { lookup: hashOfId(lookupId) } }
  await NOTE.run(redis, [activityKey(names)], byHandArgs(byHand))
}
