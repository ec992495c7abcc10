/** Lua of the permit script: turns by the pace of the fleet, for both lanes and for retries. */

/**
 * Turns are booked at most this far ahead, so that a process that dies takes little with it and one that joins need not
 * queue.
 */
const BATCH_AHEAD_MS = 800
const INTERACTIVE_AHEAD_MS = 1000
/** Timers are good to about a millisecond; turns closer than this are fetched together. */
const TOGETHER_MS = 10
/** A waiting process asks again within this time. */
export const ASKS_AGAIN_MS = 250
/** Part of the pace at which missed turns are given back. Each is one more call in some second. */
const GIVEN_BACK = 0.01
/** Part of the pace that retries get while first calls wait. */
const RETRIES = 0.1
/** Redis' clock was set back if something was booked at a time this much later than now. */
const SET_BACK_MS = 1000

/**
 * For scripts that raise the pace: clears the time of the next turn, because nobody must wait for a turn of the old pace.
 * Turns that are booked are nearer than this.
 */
export const FORGET_FAR_LUA = `
local function forgetFar(keys, at)
  for _, key in ipairs(keys) do
    local due = tonumber(string.match(redis.call('GET', key) or '', '^%S+') or 0)
    if due > at + ${INTERACTIVE_AHEAD_MS} then redis.call('DEL', key) end
  end
end
`

export const PACE_LUA = `
-- Stands with the time at which it was booked.
local function readDue(key)
  local due, booked = string.match(redis.call('GET', key) or '', '^(%S+) ?(%S*)$')
  if (tonumber(booked) or 0) > at + ${SET_BACK_MS} then return 0 end
  return tonumber(due) or 0
end

local function keepDue(key, due)
  redis.call('SET', key, string.format('%.3f %.0f', due, at), 'PX', math.ceil(due - at) + 1000)
end

local firstWanted = ask.wanted - ask.retries

-- Retries of all processes see this. Another process may have said that its own wait longer.
local function firstWait(ms)
  redis.call('SET', FIRST_WAITS_FOR_TURN, 1, 'PX', math.max(math.ceil(ms), redis.call('PTTL', FIRST_WAITS_FOR_TURN)))
end

local function othersWait(ms)
  if not isInteractive then redis.call('SET', BATCH_WAITS_FOR_TURN, 1, 'PX', math.ceil(ms) + ${ASKS_AGAIN_MS}) end
  if firstWanted > 0 then firstWait(ms + ${ASKS_AGAIN_MS}) end
end

-- What is due by the fleet's pace, and how far apart turns stand.
local function readPace()
  local interval, tolerance = slower * 1000 / rate, (burst - 1) * 1000 / rate
  local due = readDue(RATE)
  -- During slow start, do not grant the burst that built up during the hold.
  if slower > 1 then due = math.max(due, at + tolerance) end
  local hasMissed = ask.missed > 0 and due > at
  if hasMissed and redis.call('SET', RATE_MISSED, 1, 'PX', math.ceil(interval / ${GIVEN_BACK}), 'NX') then
    due = math.max(at, due - interval)
  end
  return due, interval, tolerance
end

-- The interactive lane's own share: when its next turn is due, how far apart they stand, how many may be booked now.
local function readShare(interval)
  if not isInteractive or ask.share == 0 then return at, 0, 0 end
  local own, step = math.max(at, readDue(RATE_INTERACTIVE)), interval / ask.share
  return own, step, math.max(0, math.floor((at + ${INTERACTIVE_AHEAD_MS} - own) / step) + 1)
end

-- How many may repeat a call; while first calls wait, their own next turn and how far apart those stand.
local function readRetries(interval, due)
  if ask.retries == 0 or firstWanted == 0 and redis.call('EXISTS', FIRST_WAITS_FOR_TURN) == 0 then return ask.retries end
  -- First calls book ahead: a turn that is free now is one that none of them wants.
  if firstWanted == 0 and due <= at then return 1 end
  local own, step = math.max(at, readDue(RATE_RETRIES)), interval / ${RETRIES}
  local allowed = math.max(0, math.floor((at + ${TOGETHER_MS} - own) / step) + 1)
  return math.min(ask.retries, allowed), own, step
end

local turns, retries, refused = {}, ask.retries, 0

local function mustWait(ms) return { 'wait', tostring(ms), tostring(refused) } end

local function pace()
  if rate == 0 then
    for i = 1, wanted do turns[i] = '0' end
    return
  end
  local due, interval, tolerance = readPace()
  local ownOfRetries, stepOfRetries
  retries, ownOfRetries, stepOfRetries = readRetries(interval, due)
  wanted = math.min(wanted, firstWanted + retries)
  -- A retry beyond the budget is refused, or it would wait in a slot that a first call could have.
  refused = ownOfRetries and ask.retries - retries or 0
  if wanted <= 0 then return mustWait(0) end
  local own, step, ofOwn = readShare(interval)
  if isInteractive and ask.share > 0 and redis.call('EXISTS', BATCH_WAITS_FOR_TURN) == 1 then
    if ofOwn == 0 then return mustWait(math.min(own - at - ${INTERACTIVE_AHEAD_MS}, ${ASKS_AGAIN_MS})) end
    wanted = math.min(wanted, ofOwn)
  end
  local ahead = ofOwn > 0 and ${INTERACTIVE_AHEAD_MS} + interval or ${BATCH_AHEAD_MS}
  for i = 1, wanted do
    local turn = math.max(at, due - tolerance)
    if turn > at + ahead then
      if i > 1 then break end
      othersWait(math.min(turn - at - ahead, 1000))
      return mustWait(turn - at - ahead)
    end
    turns[i] = tostring(turn - at)
    due = math.max(due, at) + interval
    if i >= ofOwn then ahead = ${TOGETHER_MS} end
  end
  keepDue(RATE, due)
  local last = tonumber(turns[#turns])
  if #turns < firstWanted + retries then
    othersWait(last)
  elseif firstWanted > 0 then
    -- Where all who ask go at once, nobody waits.
    if last > ${TOGETHER_MS} then firstWait(last) else refused = 0 end
  end
  if ownOfRetries then keepDue(RATE_RETRIES, ownOfRetries + stepOfRetries * math.min(#turns, retries)) end
  if ofOwn > 0 then keepDue(RATE_INTERACTIVE, own + step * math.min(#turns, ofOwn)) end
end
`
