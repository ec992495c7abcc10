/**
 * The record of a hold in Redis (HoldRecord, domain/hold.ts): Lua that the gate's scripts include. A hold ends by its time
 * (`expiresAt`, here), by an answered probe (report-holds.ts), or by hand (holds.ts).
 *
 *     now         Redis' time, ms since 1970, with fractions
 *     extend      moves a key's expiry later, never earlier
 *     readHold    the record of a hold that is on, or nil
 *     readHolds   all that are on, by reason; until when the pace is slow after a hold; and the pace that was set by hand
 *     keepHold    writes one; expects the key of the past holds as PAST_HOLDS
 *     endHold     takes one away; true if it was on; expects PAST_HOLDS, too
 *     slowStart   the pace is slow from now on, for a while
 *     tell        tells whoever listens that holds have changed
 *
 * Holds are fields of one hash, by reason. Beside them stand `slowUntil`, and `pace` (PaceSet, holds.ts): which part of the
 * pace the fleet goes at until it is released in full. A worker of an older version takes `pace` for a hold that is over.
 */

import { NOW_LUA } from '../redis/time.ts'

/** After a hold the fleet goes slowly for so long. */
const SLOW_START_MS = 5_000
/** By then nobody knows any more why the pace was lowered. Like a hold, it ends at some time by itself. */
const PACE_KEPT_MS = 366 * 86_400_000

/** Longer than a lookup lives (LOOKUP_EXPIRY_MS). */
export const KEPT_SPANS = { most: 200, ms: 8 * 86_400_000 }

export const HOLD_RECORD_LUA = `${NOW_LUA}
local function extend(key, ms)
  if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, math.ceil(ms)) end
end

local function readHold(key, reason, at)
  local text = redis.call('HGET', key, reason)
  local hold = text and cjson.decode(text)
  return hold and hold.expiresAt > at and hold or nil
end

local function readHolds(key, at)
  local fields, holds, slowUntil, pace = redis.call('HGETALL', key), {}, 0, nil
  for i = 1, #fields, 2 do
    if fields[i] == 'slowUntil' then
      slowUntil = tonumber(fields[i + 1])
    elseif fields[i] == 'pace' then
      pace = cjson.decode(fields[i + 1])
    else
      local hold = cjson.decode(fields[i + 1])
      if hold.expiresAt > at then holds[fields[i]] = hold end
    end
  end
  return holds, slowUntil, pace
end

-- By reason and beginning, with the end as score: so a hold that ends by its time needs nobody to write that. It is for
-- lookups' timing alone, so nothing fails with it.
local function rememberSpan(reason, hold, endsAt)
  redis.pcall('ZADD', PAST_HOLDS, endsAt, reason .. ':' .. string.format('%.0f', hold.since))
  redis.pcall('ZREMRANGEBYRANK', PAST_HOLDS, 0, -${KEPT_SPANS.most + 1})
  extend(PAST_HOLDS, ${KEPT_SPANS.ms})
end

local function keepHold(key, reason, hold, at)
  redis.call('HSET', key, reason, cjson.encode(hold))
  extend(key, hold.expiresAt - at)
  rememberSpan(reason, hold, hold.expiresAt)
end

local function endHold(key, reason, at)
  local hold = readHold(key, reason, at)
  redis.call('HDEL', key, reason)
  if hold then rememberSpan(reason, hold, at) end
  return hold ~= nil
end

local function slowStart(key, at)
  redis.call('HSET', key, 'slowUntil', at + ${SLOW_START_MS})
  extend(key, ${SLOW_START_MS})
end

local function keepPace(key, pace)
  redis.call('HSET', key, 'pace', cjson.encode(pace))
  extend(key, ${PACE_KEPT_MS})
end

local function tell(key)
  redis.call('PUBLISH', key, 'changed')
end
`
