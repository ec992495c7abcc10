/**
 * What the calls of the fleet say, counted in one place: whether it holds, and whether a hold ends.
 *
 *     stragglers  calls that began before the last hold ended, and fail after it, say nothing new
 *     probe       failed: the next one goes after twice the time; answered: the hold ends, at a slower pace at first
 *     pause       the service asked for one (`Retry-After`): no probe before it is over
 *     refused     an answer that cannot be the lookup's fault
 *     breaker     the service fails: BREAKER_FAILURE_RATIO of at least BREAKER_MIN_CALLS calls in the window; so many in a
 *                 row; or, at any traffic, five and no answer for a whole window
 *     suspicion   nine in ten of the last twenty answers are refusals of one kind
 */

import type { HoldReason } from '../domain/hold.ts'
import type { Redis } from '../redis/connections.ts'
import type { GateKeys } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { SHARED_LUA } from './lua.ts'

/** When the fleet holds, as it is configured. */
export interface HoldSettings {
  failureRatio: number
  minCalls: number
  windowMs: number
  /** Time to the first probe of a hold, and between probes at most, doubling. */
  holdMinMs: number
  holdMaxMs: number
}

/** Calls that have ended, in the order in which they did. */
export interface EndedCalls {
  answered: number
  failed: number
  answeredAgoMs: number
  /** When the last of the calls that failed began. */
  failedBeganAgoMs: number
  /** Answered last, at most two different ones. */
  ids: string[]
  /** Of the last answers, '-' for one of no suspicion. */
  kinds: string[]
  /** Why an answer cannot be the lookup's fault, or ''. */
  configuration: string
  /** True if every configuration refusal here came from a lookup that had been refused before. */
  ofTroubled: boolean
  retryAfterMs: number
  /** Token, or ''. */
  probe: string
  /** Stamp of the credentials of these calls. */
  credentials: string
}

export interface ReportReply {
  began: HoldReason[]
  ended: HoldReason[]
  /** The kind of answer that the fleet holds for: it is not believed to be the lookup's. */
  heldKind: string | null
}

/** A configuration hold's probes: each is a login that is refused, and accounts lock. */
const CONFIGURATION_MAX_MS = 600_000
/** A hold outlives the time of its next probe by this: enough for a fleet that restarts, and no dead fleet keeps it. */
const HOLD_MARGIN_MS = 60_000
const SLICES = 10
const FAILED_AT_ANY_TRAFFIC = 5
const SUSPICION = { of: 20, share: 0.9 }
const SLOW_START_MS = 5_000
const MEMORY_MS = 30 * 86_400_000
/** Redis' clock was set back if it is so much earlier than something that has been. */
const SET_BACK_MS = 1000

const REPORT_SCRIPT = new Script(`
local HOLD, SERVICE, ANSWERS = unpack(KEYS)
local settings, report = cjson.decode(ARGV[1]), cjson.decode(ARGV[2])
${SHARED_LUA}
local at = math.floor(now())
local began, ended = {}, {}

local function isHeldFor(reason) return readHold(HOLD, reason, at) ~= nil end

local function keep(reason, hold)
  keepHold(HOLD, reason, hold, at)
  local heldUntil = tonumber(redis.call('HGET', SERVICE, 'heldUntil') or 0)
  redis.call('HSET', SERVICE, 'heldUntil', math.max(heldUntil, hold.expiresAt))
end

local function begin(reason, why, firstProbeIn, kind)
  local probeAt = at + (firstProbeIn or settings.holdMinMs)
  keep(reason, {
    since = at, why = why, probes = 0, kind = kind, credentials = report.credentials,
    nextProbeAt = probeAt, expiresAt = probeAt + ${HOLD_MARGIN_MS},
  })
  table.insert(began, reason)
end

local function finish(reason)
  endHold(HOLD, reason, at)
  redis.call('HSET', HOLD, 'slowUntil', at + ${SLOW_START_MS})
  extend(HOLD, ${SLOW_START_MS})
  redis.call('HSET', SERVICE, 'heldUntil', at, 'answeredAt', at)
  if reason == 'configuration' then redis.call('DEL', ANSWERS) end
  for i = 0, ${SLICES - 1} do redis.call('HDEL', SERVICE, 'slice' .. i) end
  table.insert(ended, reason)
end

-- Memory: when the service last answered, whom, how often it failed since, and how it did in the last slices of a window.
local memory = redis.call('HMGET', SERVICE, 'answeredAt', 'failed', 'failingSince', 'heldUntil')
local answeredAt, failed = tonumber(memory[1] or 0), tonumber(memory[2] or 0)
local failingSince, heldUntil = math.min(at, tonumber(memory[3] or at)), tonumber(memory[4] or 0)

-- Redis' clock was set back. Forget this time, or lookups that failed since would be charged because of it.
local function heedTheClock()
  if answeredAt <= at + ${SET_BACK_MS} then return end
  answeredAt = 0
  redis.call('HSET', SERVICE, 'answeredAt', 0)
end

local function rememberAnswers()
  if report.answered == 0 then return end
  answeredAt, failed = math.max(answeredAt, at - math.floor(report.answeredAgoMs)), 0
  redis.call('HSET', SERVICE, 'answeredAt', answeredAt)
  for _, id in ipairs(report.ids) do
    local last = redis.call('HGET', SERVICE, 'answeredId')
    if last ~= id then
      if last then redis.call('HSET', SERVICE, 'answeredBefore', last) end
      redis.call('HSET', SERVICE, 'answeredId', id)
    end
  end
end

local function ignoreStragglers()
  if report.probe ~= '' or heldUntil > at or at - report.failedBeganAgoMs >= heldUntil then return end
  report.failed, report.configuration = 0, ''
end

local function rememberFailures()
  if failed == 0 then failingSince = at end
  failed = failed + report.failed
  redis.call('HSET', SERVICE, 'failed', failed, 'failingSince', failingSince)
  redis.call('PEXPIRE', SERVICE, ${MEMORY_MS})
end

local number = math.floor(at / (settings.windowMs / ${SLICES}))

-- The number of the slice that lies there, its calls, and how many of them failed; zeros where it is of before the window.
local function readSlice(i)
  local text = redis.call('HGET', SERVICE, 'slice' .. i)
  local its, calls, bad = string.match(text or '', '^(%d+) (%d+) (%d+)$')
  if its and tonumber(its) > number - ${SLICES} and tonumber(its) <= number then
    return tonumber(its), tonumber(calls), tonumber(bad)
  end
  return 0, 0, 0
end

local function countInSlice()
  local i = number % ${SLICES}
  local its, calls, bad = readSlice(i)
  if its ~= number then calls, bad = 0, 0 end
  calls, bad = calls + report.answered + report.failed, bad + report.failed
  redis.call('HSET', SERVICE, 'slice' .. i, string.format('%d %d %d', number, calls, bad))
end

local function probeFailed(reason, hold)
  hold.token, hold.probes = nil, hold.probes + 1
  local most = reason == 'configuration' and math.max(settings.holdMaxMs, ${CONFIGURATION_MAX_MS}) or settings.holdMaxMs
  hold.nextProbeAt = at + math.min(most, settings.holdMinMs * 2 ^ math.min(hold.probes, 30))
  hold.expiresAt = hold.nextProbeAt + ${HOLD_MARGIN_MS}
  keep(reason, hold)
end

local function judgeProbe()
  if report.probe == '' then return end
  for _, reason in ipairs({ 'service', 'configuration' }) do
    local hold = readHold(HOLD, reason, at)
    if hold and hold.token == report.probe then
      local isSame = hold.kind and report.kinds[1] == hold.kind
      if report.answered > 0 and not isSame and report.configuration == '' then finish(reason) else probeFailed(reason, hold) end
    end
  end
end

local function pause()
  if report.retryAfterMs == 0 then return end
  local hold, over = readHold(HOLD, 'service', at), at + report.retryAfterMs
  if not hold then return begin('service', 'the service asked for a pause (Retry-After)', report.retryAfterMs) end
  if hold.nextProbeAt >= over then return end
  hold.nextProbeAt, hold.expiresAt = over, over + ${HOLD_MARGIN_MS}
  keep('service', hold)
end

local function refused()
  if report.configuration == '' or isHeldFor('configuration') then return end
  -- A lookup refused before may be the only one refused, so it starts no hold; unless the service has answered nobody
  -- since the last hold ended (by hand or by time).
  if report.ofTroubled and answeredAt >= heldUntil then return end
  begin('configuration', report.configuration)
end

local function breaker()
  if report.failed == 0 or report.probe ~= '' or isHeldFor('service') then return end
  local all, wrong = 0, 0
  for i = 0, ${SLICES - 1} do
    local _, calls, bad = readSlice(i)
    all, wrong = all + calls, wrong + bad
  end
  local silentFor = at - math.max(answeredAt, answeredAt == 0 and failingSince or 0)
  if all >= settings.minCalls and wrong >= all * settings.failureRatio then
    begin('service', wrong .. ' of the last ' .. all .. ' calls failed')
  elseif failed >= settings.minCalls then
    begin('service', 'the last ' .. failed .. ' calls failed')
  elseif failed >= ${FAILED_AT_ANY_TRAFFIC} and silentFor >= settings.windowMs then
    begin('service', failed .. ' calls failed, and there was no answer for ' .. math.floor(silentFor / 1000) .. ' s')
  end
end

local function suspicion()
  if #report.kinds == 0 then return end
  for _, kind in ipairs(report.kinds) do redis.call('LPUSH', ANSWERS, kind) end
  redis.call('LTRIM', ANSWERS, 0, ${SUSPICION.of - 1})
  redis.call('PEXPIRE', ANSWERS, ${MEMORY_MS})
  local kind = report.kinds[#report.kinds]
  if kind == '-' or isHeldFor('configuration') then return end
  local last, count = redis.call('LRANGE', ANSWERS, 0, -1), 0
  for _, one in ipairs(last) do if one == kind then count = count + 1 end end
  if #last < ${SUSPICION.of} or count < #last * ${SUSPICION.share} then return end
  begin('configuration', count .. ' of the last ' .. #last .. ' answers were the same refusal, ' .. kind, nil, kind)
end

heedTheClock()
rememberAnswers()
ignoreStragglers()
rememberFailures()
countInSlice()
judgeProbe()
pause()
refused()
breaker()
suspicion()

if #began + #ended > 0 then tell(HOLD) end
local hold = readHold(HOLD, 'configuration', at)
return { table.concat(began, ','), table.concat(ended, ','), hold and hold.kind or '' }`)

const reasonsIn = (text: string) => text.split(',').filter((reason) => reason !== '') as HoldReason[]

export async function reportCalls(
  redis: Redis,
  { hold, service, answers }: GateKeys,
  { failureRatio, minCalls, windowMs, holdMinMs, holdMaxMs }: HoldSettings,
  calls: EndedCalls,
): Promise<ReportReply> {
  const args = [JSON.stringify({ failureRatio, minCalls, windowMs, holdMinMs, holdMaxMs }), JSON.stringify(calls)]
  const reply = (await REPORT_SCRIPT.run(redis, [hold, service, answers], args)) as [string, string, string]
  const [began, ended, heldKind] = reply
  return { began: reasonsIn(began), ended: reasonsIn(ended), heldKind: heldKind || null }
}
