/** Lua of the report script: holds begin, are probed, and end. */

/**
 * The longest time between probes of a configuration hold, because each probe is a login that is refused, and accounts
 * lock.
 */
const CONFIGURATION_MAX_MS = 600_000
/** A hold outlives the time of its next probe by this: enough for a fleet that restarts, and no dead fleet keeps it. */
const HOLD_MARGIN_MS = 60_000
const FAILED_AT_ANY_TRAFFIC = 5
const SUSPICION = { of: 20, share: 0.9 }
/**
 * After others' answers contradicted a pause: for this long, one call that is asked to pause pauses nobody else; this
 * many failures in a row still do.
 */
const PAUSES_DOUBTED = { ms: 600_000, inARow: 3 }

export const HOLDS_LUA = `
local began, ended = {}, {}

local function isHeldFor(reason) return readHold(HOLD, reason, at) ~= nil end

local function isHeld() return next((readHolds(HOLD, at))) ~= nil end

local function keep(reason, hold)
  keepHold(HOLD, reason, hold, at)
  local until_ = tonumber(redis.call('HGET', MEMORY, 'heldUntil') or 0)
  redis.call('HSET', MEMORY, 'heldUntil', math.max(until_, hold.expiresAt))
end

local function begin(reason, why, firstProbeIn, kind, suspicion)
  local probeAt = at + (firstProbeIn or settings.holdMinMs)
  local hold = {
    since = at, why = why, probes = 0, kind = kind, credentials = report.credentials,
    nextProbeAt = probeAt, expiresAt = probeAt + ${HOLD_MARGIN_MS},
  }
  for name, value in pairs(suspicion or {}) do hold[name] = value end
  keep(reason, hold)
  table.insert(began, reason)
end

local function finish(reason, hold)
  endHold(HOLD, reason, at)
  slowStart(HOLD, at)
  redis.call('HSET', MEMORY, 'heldUntil', at, 'answeredAt', at)
  if reason == 'configuration' or hold.kind then redis.call('DEL', ANSWERS) end
  forgetWindow()
  table.insert(ended, reason)
end

local function probeFailed(reason, hold)
  hold.token, hold.probes = nil, hold.probes + 1
  local most = reason == 'configuration' and math.max(settings.holdMaxMs, ${CONFIGURATION_MAX_MS}) or settings.holdMaxMs
  hold.nextProbeAt = at + math.min(most, settings.holdMinMs * 2 ^ math.min(hold.probes, 30))
  hold.expiresAt = hold.nextProbeAt + ${HOLD_MARGIN_MS}
  keep(reason, hold)
end

-- The first probe was answered well, with the credentials that were suspected: the answers were the lookups' own.
local function isSuspicionWrong(hold)
  return hold.kind and hold.probes == 0 and #report.ids > 0 and hold.credentials == report.credentials
end

local function judgeProbe()
  if report.probe == '' then return end
  for _, reason in ipairs({ 'service', 'configuration' }) do
    local hold = readHold(HOLD, reason, at)
    if hold and hold.token == report.probe then
      local isSame = hold.kind and lastKind() == hold.kind
      if report.answered > 0 and not isSame and report.configuration == '' then
        if isSuspicionWrong(hold) then contradict(hold.kind) end
        finish(reason, hold)
      else
        probeFailed(reason, hold)
      end
    end
  end
end

-- A lookup that was asked to pause before is asked again, while others are answered: the pause is that lookup's own.
local function isPauseDoubted()
  if report.ofTroubled and answeredAt >= heldUntil then
    redis.call('HSET', MEMORY, 'pausesDoubtedUntil', at + ${PAUSES_DOUBTED.ms})
    return true
  end
  local doubtedUntil = tonumber(redis.call('HGET', MEMORY, 'pausesDoubtedUntil') or 0)
  return doubtedUntil > at and doubtedUntil <= at + ${PAUSES_DOUBTED.ms} and failed < ${PAUSES_DOUBTED.inARow}
end

local function pause()
  if report.retryAfterMs == 0 then return end
  local hold, over = readHold(HOLD, 'service', at), at + report.retryAfterMs
  if not hold then
    if isPauseDoubted() then return end
    local why = 'the service asked for a pause of ' .. math.ceil(report.retryAfterMs / 1000) .. ' s (Retry-After)'
    return begin('service', why, report.retryAfterMs)
  end
  if hold.nextProbeAt >= over then return end
  hold.nextProbeAt, hold.expiresAt = over, over + ${HOLD_MARGIN_MS}
  keep('service', hold)
end

local function withHows(text, count)
  local words, _, known = howTheLastFailed(count)
  if words == '' then return text end
  return text .. (known < count and '; the last ' .. known .. ' of them: ' or ': ') .. words
end

local function silence(silentFor)
  local _, hows, known = howTheLastFailed(failed)
  local text = 'no call answered for ' .. math.floor(silentFor / 1000) .. ' s; the last ' .. failed
  if #hows == 1 and hows[1] == 'timeout' and known == failed then return text .. ' timed out' end
  return withHows(text .. ' failed', failed)
end

local function breaker()
  if report.failed == 0 or report.probe ~= '' or isHeldFor('service') then return end
  local all, wrong = readWindow()
  local silentFor = at - math.max(answeredAt, answeredAt == 0 and failingSince or 0)
  if all >= settings.minCalls and wrong >= all * settings.failureRatio then
    begin('service', withHows(wrong .. ' of the last ' .. all .. ' calls failed', wrong))
  elseif failed >= settings.minCalls then
    begin('service', withHows('the last ' .. failed .. ' calls failed', failed))
  elseif failed >= ${FAILED_AT_ANY_TRAFFIC} and silentFor >= settings.windowMs then
    begin('service', silence(silentFor))
  end
end

local function inWords(kind, says)
  local what, which = string.match(kind, '^(%a+):(.+)$')
  if what == 'read' then return 'could not be read' .. (says == '' and '' or ': ' .. says) end
  if what == 'fault' then return 'were SOAP fault ' .. which end
  return 'were responseCode ' .. which .. (says == '' and '' or ' ("' .. says .. '")')
end

local function suspicion()
  local kind = lastKind()
  if kind == '-' or kind == 'not-found' then return end
  local reason = string.match(kind, '^read:') and 'service' or 'configuration'
  if isHeldFor(reason) or isKindContradicted(kind) then return end
  local of, count, since, says = countLastKind()
  if of < ${SUSPICION.of} or count < of * ${SUSPICION.share} then return end
  -- The lookup that got the last of these answers goes back, so it has not spent its result.
  local spent = { suspectedSince = since, spent = reason == 'configuration' and count - 1 or 0 }
  begin(reason, count .. ' of the last ' .. of .. ' answers ' .. inWords(kind, says), nil, kind, spent)
end
`
