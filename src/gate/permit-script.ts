/**
 * The one script that is asked before every call of the fleet, on Redis' clock. In this order:
 *
 *     hold       while the fleet holds nobody calls, but for whoever has the token of the probe
 *     quota      calls of a longer period, counted in slices of it; spent, it begins a hold
 *     in flight  leases in a sorted set, so that those of a dead process end by themselves
 *     pace       a GCRA: the time at which the next call would be due, moved on by one interval for each permit; turns
 *                that a busy process missed are given back, a few in a second, so that the pace is kept
 *
 * The lanes: both book turns on one line. Batch lookups are given turns up to BATCH_AHEAD ahead; interactive ones a bit
 * further, as long as they keep within their own share, so that there is always a turn for them behind those already
 * booked; beyond it they get turns only while no batch lookup waits for one. Where calls in flight are limited, their share
 * of the places is the least that interactive lookups get while any waits, and the most while a batch lookup waits for one. (Of
 * a single place it is that one.)
 *
 * Processes may have different limits: each keeps to its own, and no rule takes what another one booked for a mistake.
 *
 * KEYS  1 rate, 2 rate of the interactive lane, 3 in-flight, 4 waiting, 5 quota, 6 limits, 7 hold,
 *       8 batch-waiting, 9 rate-missed, 10 in-flight of the interactive lane, 11 clock,
 *       12 waiting-batch (names.ts)
 * ARGV  1 permits wanted
 *       2 JSON: ratePerSecond (0: no limit), burst, inFlight (0: no limit), leaseMs, interactive (lane), share,
 *         quotaCalls (0: none), quotaPeriodMs, probe (token or '')
 *       3 process, 4 number of the first permit: their names are process and number
 *       5 turns that were missed since the last question
 * Reply 'granted', or 'leased' where calls in flight are limited: then each permit is to be given back; the time; then
 *         for each permit the milliseconds from then until its turn
 *       'wait', then the milliseconds after which to ask again
 *       'full'
 *       'held'
 *       'spent': the quota is, just now
 */

import type { GateKeys } from '../redis/names.ts'
import { Script } from '../redis/script.ts'

/** Turns are booked at most so far ahead: a process that dies takes little with it, one that joins need not queue. */
const BATCH_AHEAD_MS = 800
const INTERACTIVE_AHEAD_MS = 1000
/** Timers are good to about a millisecond; turns closer than this are fetched together. */
const TOGETHER_MS = 10
/** After a hold the fleet goes at this part of the pace for a while (the time is the hold's: slowUntil). */
const SLOWER = 5
/** Whoever waits asks again by then. */
const ASKS_AGAIN_MS = 250
/** Part of the pace. A turn given back stands beside another one: so many more calls may be in some second. */
const GIVEN_BACK = 0.01
const QUOTA_SLICES = 48
/** Redis' clock was set back if it is so much earlier than it has been. */
const SET_BACK_MS = 1000
const CLOCK_KEPT_MS = 3_600_000

export const PERMIT_SCRIPT = new Script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local wanted = tonumber(ARGV[1])
local ask = cjson.decode(ARGV[2])

local slower = 1
local holds = redis.call('HGETALL', KEYS[7])
for i = 1, #holds, 2 do
  if holds[i] == 'slowUntil' then
    if tonumber(holds[i + 1]) > now then slower = ${SLOWER} end
  else
    local hold = cjson.decode(holds[i + 1])
    if hold.expiresAt > now and not (ask.probe ~= '' and hold.token == ask.probe) then return { 'held' } end
  end
end

local limits = redis.call('HMGET', KEYS[6], 'rate', 'burst', 'inFlight')
local function set(value, otherwise)
  if not value then return otherwise end
  return value == 'none' and 0 or tonumber(value)
end
local rate = set(limits[1], ask.ratePerSecond)
local burst = set(limits[2], ask.burst)
local cap = set(limits[3], ask.inFlight)

local isBack = false
if rate > 0 or cap > 0 then
  isBack = tonumber(redis.call('GET', KEYS[11]) or 0) > now + ${SET_BACK_MS}
  redis.call('SET', KEYS[11], string.format('%.0f', now), 'PX', ${CLOCK_KEPT_MS})
end

local sliceMs = ask.quotaPeriodMs / ${QUOTA_SLICES}
local slice = math.floor(now / sliceMs)
if ask.quotaCalls > 0 then
  local total, oldest = 0, slice
  local slices = redis.call('HGETALL', KEYS[5])
  for i = 1, #slices, 2 do
    local number = tonumber(slices[i])
    if number <= slice - ${QUOTA_SLICES + 1} then
      redis.call('HDEL', KEYS[5], slices[i])
    else
      total = total + tonumber(slices[i + 1])
      oldest = math.min(oldest, number)
    end
  end
  if total >= ask.quotaCalls then
    local frees = math.ceil((oldest + ${QUOTA_SLICES + 1}) * sliceMs)
    local hold = { since = math.floor(now), expiresAt = frees, probes = 0, why = ask.quotaCalls .. ' calls of QUOTA_CALLS are spent' }
    redis.call('HSET', KEYS[7], 'quota', cjson.encode(hold))
    if redis.call('PTTL', KEYS[7]) < frees - now then redis.call('PEXPIRE', KEYS[7], math.ceil(frees - now)) end
    redis.call('PUBLISH', KEYS[7], 'changed')
    return { 'spent' }
  end
  wanted = math.min(wanted, ask.quotaCalls - total)
end

if cap > 0 then
  if isBack then redis.call('DEL', KEYS[3], KEYS[10]) end
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
  redis.call('ZREMRANGEBYSCORE', KEYS[10], '-inf', now)
  local batch, interactive = redis.call('ZCARD', KEYS[3]), redis.call('ZCARD', KEYS[10])
  wanted = math.min(wanted, cap - batch - interactive)
  local share = math.max(1, math.ceil(cap * ask.share))
  if ask.interactive and cap > 1 and redis.call('EXISTS', KEYS[12]) == 1 then wanted = math.min(wanted, share - interactive) end
  if not ask.interactive and redis.call('EXISTS', KEYS[4]) == 1 then wanted = math.min(wanted, cap - share - batch) end
  if wanted <= 0 then
    redis.call('SET', ask.interactive and KEYS[4] or KEYS[12], 1, 'PX', ${ASKS_AGAIN_MS})
    return { 'full' }
  end
end

local reply = { cap > 0 and 'leased' or 'granted', string.format('%.3f', now) }
if rate == 0 then
  for i = 1, wanted do reply[#reply + 1] = '0' end
else
  local interval = slower * 1000 / rate
  local tolerance = (burst - 1) * 1000 / rate
  local due = isBack and 0 or tonumber(redis.call('GET', KEYS[1]) or 0)
  -- A hold is a pause; yet what is in the burst for it is not for a service that has only just recovered.
  if slower > 1 then due = math.max(due, now + tolerance) end
  local hasMissed = tonumber(ARGV[5]) > 0 and due > now
  if hasMissed and redis.call('SET', KEYS[9], 1, 'PX', math.ceil(interval / ${GIVEN_BACK}), 'NX') then
    due = math.max(now, due - interval)
  end
  local ahead = ${BATCH_AHEAD_MS}
  local own, step, ofOwn = now, 0, 0
  if ask.interactive and ask.share > 0 then
    step = interval / ask.share
    own = math.max(now, isBack and 0 or tonumber(redis.call('GET', KEYS[2]) or 0))
    ofOwn = math.max(0, math.floor((now + ${INTERACTIVE_AHEAD_MS} - own) / step) + 1)
    if ofOwn > 0 then ahead = ${INTERACTIVE_AHEAD_MS} + interval end
    if redis.call('EXISTS', KEYS[8]) == 1 then
      if ofOwn == 0 then return { 'wait', tostring(math.min(own - now - ${INTERACTIVE_AHEAD_MS}, ${ASKS_AGAIN_MS})) } end
      wanted = math.min(wanted, ofOwn)
    end
  end
  local function othersWait(ms)
    if not ask.interactive then redis.call('SET', KEYS[8], 1, 'PX', math.ceil(ms) + ${ASKS_AGAIN_MS}) end
  end
  for i = 1, wanted do
    local turn = math.max(now, due - tolerance)
    if turn > now + ahead then
      if i > 1 then break end
      othersWait(math.min(turn - now - ahead, 1000))
      return { 'wait', tostring(turn - now - ahead) }
    end
    reply[#reply + 1] = tostring(turn - now)
    due = math.max(due, now) + interval
    if i >= ofOwn then ahead = ${TOGETHER_MS} end
  end
  redis.call('SET', KEYS[1], string.format('%.3f', due), 'PX', math.ceil(due - now) + 1000)
  local got = #reply - 2
  if got < tonumber(ARGV[1]) then othersWait(reply[#reply]) end
  if ofOwn > 0 then
    own = own + step * math.min(got, ofOwn)
    redis.call('SET', KEYS[2], string.format('%.3f', own), 'PX', math.ceil(own - now) + 1000)
  end
end

local granted = #reply - 2
if ask.quotaCalls > 0 then
  redis.call('HINCRBY', KEYS[5], string.format('%d', slice), granted)
  redis.call('PEXPIRE', KEYS[5], math.ceil(ask.quotaPeriodMs + 2 * sliceMs))
end
if cap > 0 then
  local leases, ends = ask.interactive and KEYS[10] or KEYS[3], 0
  for i = 3, #reply do
    ends = tonumber(reply[i]) + ask.leaseMs
    redis.call('ZADD', leases, now + ends, ARGV[3] .. string.format('%d', tonumber(ARGV[4]) + i - 3))
  end
  if redis.call('PTTL', leases) < ends + 1000 then redis.call('PEXPIRE', leases, math.ceil(ends) + 1000) end
end
return reply`)

/** In the order in which the script takes them. */
export function permitKeys(keys: GateKeys): string[] {
  const { rate, rateInteractive, inFlight, waiting, quota, limits, hold, batchWaiting, rateMissed } = keys
  const first = [rate, rateInteractive, inFlight, waiting, quota, limits, hold, batchWaiting, rateMissed]
  return [...first, keys.inFlightInteractive, keys.clock, keys.waitingBatch]
}
