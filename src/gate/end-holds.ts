/** Lua that ends holds from outside of the report script: because their cause is gone, or by hand. */

import { ACTIVITY_LUA } from '../redis/activity.ts'
import { Script } from '../redis/script.ts'
import { HOLD_RECORD_LUA } from './hold-record.ts'

/**
 * Suspicion starts again from zero because somebody has looked, and the service is not soon asked again whether it has
 * forgotten. Failures before now are charged to nobody; failures from now on may be.
 */
export const END_HOLDS_LUA = `
-- Answers how many were on, and their reasons.
local function endHolds(reasons, at)
  local ended = {}
  for _, reason in ipairs(reasons) do
    if endHold(HOLD, reason, at) then ended[#ended + 1] = reason end
    if reason == 'configuration' or reason == 'service' then redis.call('DEL', ANSWERS) end
  end
  if #ended > 0 then
    if redis.call('EXISTS', MEMORY) == 1 then redis.call('HSET', MEMORY, 'heldUntil', at, 'unguardedUntil', at + 600000) end
    tell(HOLD)
  end
  return #ended, ended
end
`

/** By hand: answers the reasons of the holds that were on. */
export const RELEASE = new Script(`
local HOLD, ANSWERS, MEMORY, ACCEPTED, ACCEPTED_BY, ACTIVITY = unpack(KEYS)
local who, acceptCode, reasons = ARGV[1], ARGV[2], { unpack(ARGV, 3) }
${HOLD_RECORD_LUA}
${ACTIVITY_LUA}
${END_HOLDS_LUA}
expectActivity(ACTIVITY)
local at = math.floor(now())
local count, ended = endHolds(reasons, at)

if acceptCode ~= '' then
  redis.call('SADD', ACCEPTED, acceptCode)
  redis.call('HSET', ACCEPTED_BY, acceptCode, cjson.encode({ who = who, at = at }))
  note(ACTIVITY, at, { who, 'accept-code', '{"code":' .. acceptCode .. '}' }, 1)
  tell(HOLD)
end
local held = count > 0 and cjson.encode({ holds = ended }) or '{}'
note(ACTIVITY, at, { who, 'release', held }, count)
return ended`)
