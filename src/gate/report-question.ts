/**
 * Lua of the report script: one call that tells whose failure it is, while the fleet does not hold. One question at a time
 * of the whole fleet, for a connection id that is known to be answered; whoever opened it makes the call, as a probe.
 *
 *     refusal     a call was refused while others are answered. Answered: the refusal is that lookup's own. Not answered:
 *                 the fleet holds. Who else is refused meanwhile waits for it.
 *     not-found   nine in ten of the last answers found nothing. The id that was enriched last is enriched again: the ids
 *                 are really unknown. It is not: the service has forgotten, and the fleet holds.
 */

/** So many of the last answers found nothing: then it is asked. */
export const GUARD = { of: 20, share: 0.9, againAfterMs: 600_000 }

export const QUESTION_LUA = `
local failureIs, waitsFor, asked = '', '', nil

local function readQuestion()
  local text = redis.call('HGET', MEMORY, 'question')
  local question = text and cjson.decode(text)
  return question and question.since <= at and question.over > at and question or nil
end

-- Another id than the refused one. None where that one is known itself: then its refusal is the answer.
local function knownBeside(refused)
  local ids = redis.call('HMGET', MEMORY, 'enrichedId', 'answeredId', 'answeredBefore')
  for i = 1, 3 do if ids[i] == refused then return nil end end
  return ids[1] or ids[2] or ids[3] or nil
end

local function ask(about, why, id)
  asked = { about = about, why = why, token = report.questionToken, since = at, over = at + report.questionMs }
  redis.call('HSET', MEMORY, 'question', cjson.encode(asked))
  asked.id = id
end

local function guardLater(ms)
  redis.call('HSET', MEMORY, 'unguardedUntil', at + ms)
end

local function judgeNotFound(question)
  if report.enrichedId ~= '' then return guardLater(${GUARD.againAfterMs}) end
  if lastKind() ~= 'not-found' then return guardLater(settings.holdMinMs) end
  if not isHeldFor('service') then begin('service', question.why, nil, 'not-found') end
end

local function judgeRefusal(question)
  if report.answered > 0 then
    redis.call('HSET', MEMORY, 'contradictedAt', at, 'contradictedBy', question.token)
  elseif not isHeldFor('configuration') then
    begin('configuration', question.why)
  end
end

local function judgeQuestion()
  local question = report.probe ~= '' and readQuestion()
  if not question or question.token ~= report.probe then return end
  redis.call('HDEL', MEMORY, 'question')
  if question.about == 'refusal' then judgeRefusal(question) else judgeNotFound(question) end
end

-- A known id was answered since: by the question that this refusal waited for, or by another one.
local function isContradicted()
  local last = redis.call('HMGET', MEMORY, 'contradictedAt', 'contradictedBy')
  local contradictedAt = tonumber(last[1] or 0)
  if report.waitsFor ~= '' and report.waitsFor == last[2] then return true end
  return contradictedAt <= at and contradictedAt >= at - report.endedAgoMs
end

local function refused()
  if report.configuration == '' or isHeldFor('configuration') then return end
  -- A lookup refused before may be the only one refused, so it starts no hold; unless the service has answered nobody
  -- since the last hold ended (by hand or by time).
  local isTroubled = report.ofTroubled and answeredAt >= heldUntil
  if isTroubled or isContradicted() then
    failureIs = 'own'
    return
  end
  local id = report.questionMs > 0 and report.probe == '' and not isHeld() and knownBeside(report.refusedId)
  if not id then return begin('configuration', report.configuration) end
  failureIs = 'undecided'
  local question = readQuestion()
  if not question then ask('refusal', report.configuration, id) end
  waitsFor = (question or asked).token
end

local function guard()
  if not settings.notFoundGuard or report.questionMs == 0 or lastKind() ~= 'not-found' or readQuestion() or isHeld() then return end
  local known = redis.call('HMGET', MEMORY, 'enrichedId', 'unguardedUntil')
  if not known[1] or tonumber(known[2] or 0) > at then return end
  local of, count = countLastKind()
  if of < ${GUARD.of} or count < of * ${GUARD.share} then return end
  local why = count .. ' of the last ' .. of .. ' answers were not-found, and so was the one for a connection id that was found before'
  ask('not-found', why, known[1])
end

-- A lookup that was not found waits while it is asked whether the service has forgotten.
local function isNotFoundDoubted()
  local question, hold = readQuestion(), readHold(HOLD, 'service', at)
  if question and question.about == 'not-found' then
    if report.awaits == 'not-found' then failureIs = 'undecided' end
    return true
  end
  return hold and hold.kind == 'not-found'
end
`
