/**
 * What the calls of the fleet say, counted in one place: whether it holds, and whether a hold ends.
 *
 *     breaker     the service fails: BREAKER_FAILURE_RATIO of at least BREAKER_MIN_CALLS calls in the window; so many in a
 *                 row; or, at any traffic, five and no answer for a whole window
 *     pause       the service asked for one (`Retry-After`): no probe before it is over
 *     refused     an answer that cannot be the lookup's fault
 *     suspicion   nine in ten of the last twenty answers are refusals of one kind
 *     stragglers  calls that began before the last hold ended, and fail after it, say nothing new
 *     probe       failed: the next one goes after twice the time; answered: the hold ends, at a slower pace at first
 *
 * KEYS  1 hold, 2 service, 3 answers (names.ts)
 * ARGV  1 JSON, settings: failureRatio, minCalls, windowMs, holdMinMs, holdMaxMs
 *       2 JSON, the report: answered, failed (counts); answeredAgoMs; failedBeganAgoMs (when the call that failed began);
 *         ids (answered, at most two); kinds (of the last answers, '-' for one of no suspicion); configuration (why, or
 *         ''); ofSuspect; retryAfterMs; probe (token, or ''); credentials (their stamp)
 * Reply JSON: began (reasons), ended (reasons), suspect (the kind that is held for, or '')
 */

import { Script } from '../redis/script.ts'

/** A configuration hold's probes: each is a login that is refused, and accounts lock. */
const CONFIGURATION_MAX_MS = 600_000
/** A hold outlives the time of its next probe by this: enough for a fleet that restarts, and no dead fleet keeps it. */
export const HOLD_MARGIN_MS = 60_000
const SLICES = 10
const FAILED_AT_ANY_TRAFFIC = 5
const SUSPICION = { of: 20, share: 0.9 }
const SLOW_START_MS = 5_000
const MEMORY_MS = 30 * 86_400_000
/** Redis' clock was set back if it is so much earlier than something that has been. */
const SET_BACK_MS = 1000

export const REPORT_SCRIPT = new Script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local settings = cjson.decode(ARGV[1])
local report = cjson.decode(ARGV[2])
local reply = { began = {}, ended = {}, suspect = '' }

local function holdOf(reason)
  local text = redis.call('HGET', KEYS[1], reason)
  local hold = text and cjson.decode(text)
  return hold and hold.expiresAt > now and hold or nil
end

local function keep(reason, hold)
  redis.call('HSET', KEYS[1], reason, cjson.encode(hold))
  if redis.call('PTTL', KEYS[1]) < hold.expiresAt - now then redis.call('PEXPIRE', KEYS[1], math.ceil(hold.expiresAt - now)) end
  local until_ = tonumber(redis.call('HGET', KEYS[2], 'heldUntil') or 0)
  redis.call('HSET', KEYS[2], 'heldUntil', math.max(until_, hold.expiresAt))
end

local function begin(reason, why, firstProbeAt, kind)
  keep(reason, { since = now, why = why, probes = 0, kind = kind, credentials = report.credentials, nextProbeAt = firstProbeAt, expiresAt = firstProbeAt + ${HOLD_MARGIN_MS} })
  table.insert(reply.began, reason)
end

local function finish(reason)
  redis.call('HDEL', KEYS[1], reason)
  redis.call('HSET', KEYS[1], 'slowUntil', now + ${SLOW_START_MS})
  if redis.call('PTTL', KEYS[1]) < ${SLOW_START_MS} then redis.call('PEXPIRE', KEYS[1], ${SLOW_START_MS}) end
  redis.call('HSET', KEYS[2], 'heldUntil', now, 'answeredAt', now)
  if reason == 'configuration' then redis.call('DEL', KEYS[3]) end
  table.insert(reply.ended, reason)
end

-- Memory: when the service last answered, whom, how often it failed since, and how it did in the last slices of a window.
local memory = redis.call('HMGET', KEYS[2], 'answeredAt', 'answeredId', 'failed', 'failingSince', 'heldUntil')
local answeredAt, failed, failingSince = tonumber(memory[1] or 0), tonumber(memory[3] or 0), math.min(now, tonumber(memory[4] or now))
if answeredAt > now + ${SET_BACK_MS} then -- nobody knows when that was; it must not be charged to who failed since
  answeredAt = 0
  redis.call('HSET', KEYS[2], 'answeredAt', 0)
end
if report.answered > 0 then
  answeredAt, failed = math.max(answeredAt, now - math.floor(report.answeredAgoMs)), 0
  redis.call('HSET', KEYS[2], 'answeredAt', answeredAt)
  for _, id in ipairs(report.ids) do
    local last = redis.call('HGET', KEYS[2], 'answeredId')
    if last ~= id then
      if last then redis.call('HSET', KEYS[2], 'answeredBefore', last) end
      redis.call('HSET', KEYS[2], 'answeredId', id)
    end
  end
end
local heldUntil = tonumber(memory[5] or 0)
if report.probe == '' and heldUntil <= now and now - report.failedBeganAgoMs < heldUntil then
  report.failed, report.configuration = 0, ''
end
if failed == 0 then failingSince = now end
failed = failed + report.failed
redis.call('HSET', KEYS[2], 'failed', failed, 'failingSince', failingSince)
redis.call('PEXPIRE', KEYS[2], ${MEMORY_MS})

local number = math.floor(now / (settings.windowMs / ${SLICES}))
local field = 'slice' .. number % ${SLICES}
local function slice(text)
  local at, calls, bad = string.match(text or '', '^(%d+) (%d+) (%d+)$')
  if at and tonumber(at) > number - ${SLICES} and tonumber(at) <= number then return tonumber(at), tonumber(calls), tonumber(bad) end
  return 0, 0, 0
end
local at, calls, bad = slice(redis.call('HGET', KEYS[2], field))
if at ~= number then calls, bad = 0, 0 end
redis.call('HSET', KEYS[2], field, string.format('%d %d %d', number, calls + report.answered + report.failed, bad + report.failed))

-- What the probe of a hold came to.
if report.probe ~= '' then
  for _, reason in ipairs({ 'service', 'configuration' }) do
    local hold = holdOf(reason)
    if hold and hold.token == report.probe then
      hold.token = nil
      local same = hold.kind and report.kinds[1] == hold.kind
      if report.answered > 0 and not same and report.configuration == '' then
        finish(reason)
        for i = 0, ${SLICES - 1} do redis.call('HDEL', KEYS[2], 'slice' .. i) end
      else
        hold.probes = hold.probes + 1
        local most = reason == 'configuration' and math.max(settings.holdMaxMs, ${CONFIGURATION_MAX_MS}) or settings.holdMaxMs
        hold.nextProbeAt = now + math.min(most, settings.holdMinMs * 2 ^ math.min(hold.probes, 30))
        hold.expiresAt = hold.nextProbeAt + ${HOLD_MARGIN_MS}
        keep(reason, hold)
      end
    end
  end
end

if report.retryAfterMs > 0 then
  local over = now + report.retryAfterMs
  local hold = holdOf('service')
  if not hold then
    begin('service', 'the service asked for a pause (Retry-After)', over)
  elseif hold.nextProbeAt < over then
    hold.nextProbeAt = over
    hold.expiresAt = over + ${HOLD_MARGIN_MS}
    keep('service', hold)
  end
end

-- One that was refused before may be refused alone. Where nobody was answered since, for the hold was ended by hand or by
-- its time, that is not so.
local isAlone = report.ofSuspect and answeredAt >= heldUntil
if report.configuration ~= '' and not isAlone and not holdOf('configuration') then
  begin('configuration', report.configuration, now + settings.holdMinMs)
end

if report.failed > 0 and report.probe == '' and not holdOf('service') then
  local all, wrong = 0, 0
  for i = 0, ${SLICES - 1} do
    local _, c, b = slice(redis.call('HGET', KEYS[2], 'slice' .. i))
    all, wrong = all + c, wrong + b
  end
  local silentFor = now - math.max(answeredAt, answeredAt == 0 and failingSince or 0)
  if all >= settings.minCalls and wrong >= all * settings.failureRatio then
    begin('service', wrong .. ' of the last ' .. all .. ' calls failed', now + settings.holdMinMs)
  elseif failed >= settings.minCalls then
    begin('service', 'the last ' .. failed .. ' calls failed', now + settings.holdMinMs)
  elseif failed >= ${FAILED_AT_ANY_TRAFFIC} and silentFor >= settings.windowMs then
    begin('service', failed .. ' calls failed, and there was no answer for ' .. math.floor(silentFor / 1000) .. ' s', now + settings.holdMinMs)
  end
end

if #report.kinds > 0 then
  for _, kind in ipairs(report.kinds) do redis.call('LPUSH', KEYS[3], kind) end
  redis.call('LTRIM', KEYS[3], 0, ${SUSPICION.of - 1})
  redis.call('PEXPIRE', KEYS[3], ${MEMORY_MS})
  local kind = report.kinds[#report.kinds]
  if kind ~= '-' and not holdOf('configuration') then
    local last, count = redis.call('LRANGE', KEYS[3], 0, -1), 0
    for _, one in ipairs(last) do if one == kind then count = count + 1 end end
    if #last >= ${SUSPICION.of} and count >= #last * ${SUSPICION.share} then
      begin('configuration', count .. ' of the last ' .. #last .. ' answers were the same refusal, ' .. kind, now + settings.holdMinMs, kind)
    end
  end
end

local hold = holdOf('configuration')
if hold and hold.kind then reply.suspect = hold.kind end
if #reply.began + #reply.ended > 0 then redis.call('PUBLISH', KEYS[1], 'changed') end
-- An empty list would be encoded as an object.
return cjson.encode({ began = table.concat(reply.began, ','), ended = table.concat(reply.ended, ','), suspect = reply.suspect })`)
