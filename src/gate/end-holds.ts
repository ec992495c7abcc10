/** Lua that ends holds from outside of the report script: because their cause is gone, or by hand. */

import { ACTIVITY_LUA } from '../redis/activity.ts'
import { Script } from '../redis/script.ts'
import { HOLD_RECORD_LUA } from './hold-record.ts'
import { FORGET_FAR_LUA } from './permit-pace.ts'

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

/**
 * By hand. Answers at which part of the pace the fleet went before, '' for all of it, and the reasons of the holds that were
 * on.
 */
export const RELEASE = new Script(`
local HOLD, PAST_HOLDS, ANSWERS, MEMORY, ACCEPTED, ACCEPTED_BY, ACTIVITY = unpack(KEYS, 1, 7)
local PACES = { unpack(KEYS, 8) }
local who, mark, acceptCode, share, reasons = ARGV[1], ARGV[2], ARGV[3], ARGV[4], { unpack(ARGV, 5) }
${HOLD_RECORD_LUA}
${ACTIVITY_LUA}
${END_HOLDS_LUA}
${FORGET_FAR_LUA}
expectActivity(ACTIVITY)
local at = math.floor(now())
local _, _, paceBefore = readHolds(HOLD, at)
local count, ended = endHolds(reasons, at)
if count > 0 then slowStart(HOLD, at) end

if share ~= '' then
  keepPace(HOLD, { expiresAt = 0, share = tonumber(share), who = who, since = at })
elseif paceBefore then
  redis.call('HDEL', HOLD, 'pace')
  forgetFar(PACES, at)
end
if count == 0 then tell(HOLD) end

if acceptCode ~= '' then
  redis.call('SADD', ACCEPTED, acceptCode)
  redis.call('HSET', ACCEPTED_BY, acceptCode, cjson.encode({ who = who, since = at }))
  note(ACTIVITY, at, { who, 'accept-code', '{"code":' .. acceptCode .. '}', mark }, 1)
end
local said = { holds = count > 0 and ended or nil, pace = tonumber(share) or paceBefore and 1 }
note(ACTIVITY, at, { who, 'release', next(said) and cjson.encode(said) or '{}', mark }, count)
return { paceBefore and tostring(paceBefore.share) or '', unpack(ended) }`)
