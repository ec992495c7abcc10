/**
 * The one script that is asked before every call of the fleet, on Redis' clock. In this order:
 *
 *     hold     while the fleet holds nobody calls, but for whoever has the token of the probe
 *     quota    calls of a longer period, counted in slices of it; spent, it begins a hold
 *     places   calls in flight: leases in a sorted set, so that those of a dead process end by themselves
 *     pace     a GCRA: the time at which the next call would be due, moved on by one interval for each permit; turns
 *              that a busy process missed are given back, a few in a second, so that the pace is kept
 *
 * The lanes and the pace: both book turns on one line. Batch lookups are given turns up to BATCH_AHEAD ahead; interactive
 * ones a bit further, as long as they keep within their own share, so that there is always a turn for them behind those
 * already booked; beyond their share they get turns only while no batch lookup waits for one.
 *
 * The lanes and the places: interactive calls own ceil(inFlight x share) places. Batch calls may not take those while an
 * interactive call waits; interactive calls may not take more while a batch call waits. With one place only, it goes to
 * the interactive lane while that waits.
 *
 * Processes may be configured differently. Each applies its own limits, and must accept state that another wrote under
 * larger ones. What was booked at a time that is yet to come was booked before Redis' clock was set back: it is forgotten.
 */

import type { Lane } from '../domain/lane.ts'
import type { Redis } from '../redis/connections.ts'
import type { GateKeys } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { SHARED_LUA } from './lua.ts'

export interface PermitQuestion {
  wanted: number
  lane: Lane
  /** Token of the probe, or ''. */
  probe: string
  /** Turns that were missed since the last question. */
  missed: number
  /** The permits' leases go by this name and by numbers from `first` on. */
  process: string
  first: number
  /** How long a lease lasts from its turn on, ms. */
  leaseMs: number
  /** Calls a second, 0: no limit. The limits set by hand win over this one and the next two. */
  rate: number
  burst: number
  /** Calls at one time, 0: no limit. */
  inFlight: number
  /** Part of pace and places that is kept for interactive lookups while any wait. */
  share: number
  /** 0: none. */
  quotaCalls: number
  quotaPeriodMs: number
}

/**
 * Permits: `turns` are milliseconds from `at` on (Redis' time), `leases` the names by which places are given back, none
 * where places are not limited. Or none: ask again after `waitMs`, or soon (all places are `full`); the fleet is `held`;
 * the quota is `spent`, just now.
 */
export type PermitReply =
  | { at: number; turns: number[]; leases: string[] }
  | { waitMs: number }
  | 'full'
  | 'held'
  | 'spent'

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
/** Redis' clock was set back if something was booked at a time that is so much later than now. */
const SET_BACK_MS = 1000
/** No call takes so long: a lease that ends later is of a clock that was set back. */
const LONGEST_LEASE_MS = 600_000

export const PERMIT_SCRIPT = new Script(`
local RATE, RATE_INTERACTIVE, RATE_MISSED, IN_FLIGHT, IN_FLIGHT_INTERACTIVE, QUOTA, LIMITS, HOLD = unpack(KEYS, 1, 8)
local BATCH_WAITS_FOR_PLACE, INTERACTIVE_WAITS_FOR_PLACE, BATCH_WAITS_FOR_TURN = unpack(KEYS, 9)
local ask = cjson.decode(ARGV[1])
${SHARED_LUA}
local at = now()
local wanted = ask.wanted
local isInteractive = ask.lane == 'interactive'
local slower = 1

local limits = redis.call('HMGET', LIMITS, 'rate', 'burst', 'inFlight')
local function limit(set, own)
  if not set then return own end
  return set == 'none' and 0 or tonumber(set)
end
local rate, burst, inFlight = limit(limits[1], ask.rate), limit(limits[2], ask.burst), limit(limits[3], ask.inFlight)

local function hold()
  local holds, slowUntil = readHolds(HOLD, at)
  for _, hold in pairs(holds) do
    if ask.probe == '' or hold.token ~= ask.probe then return { 'held' } end
  end
  if slowUntil > at then slower = ${SLOWER} end
end

local sliceMs = ask.quotaPeriodMs / ${QUOTA_SLICES}
local slice = math.floor(at / sliceMs)

local function spend(oldest)
  local frees = math.ceil((oldest + ${QUOTA_SLICES + 1}) * sliceMs)
  local why = ask.quotaCalls .. ' calls of QUOTA_CALLS are spent'
  keepHold(HOLD, 'quota', { since = math.floor(at), expiresAt = frees, probes = 0, why = why }, at)
  tell(HOLD)
  return { 'spent' }
end

local function quota()
  if ask.quotaCalls == 0 then return end
  local total, oldest = 0, slice
  local slices = redis.call('HGETALL', QUOTA)
  for i = 1, #slices, 2 do
    local number = tonumber(slices[i])
    if number <= slice - ${QUOTA_SLICES + 1} then
      redis.call('HDEL', QUOTA, slices[i])
    else
      total = total + tonumber(slices[i + 1])
      oldest = math.min(oldest, number)
    end
  end
  if total >= ask.quotaCalls then return spend(oldest) end
  wanted = math.min(wanted, ask.quotaCalls - total)
end

local function out(leases)
  redis.call('ZREMRANGEBYSCORE', leases, '-inf', at)
  redis.call('ZREMRANGEBYSCORE', leases, at + ${LONGEST_LEASE_MS}, '+inf')
  return redis.call('ZCARD', leases)
end

local function places()
  if inFlight == 0 then return end
  local batch, interactive = out(IN_FLIGHT), out(IN_FLIGHT_INTERACTIVE)
  local share = math.max(1, math.ceil(inFlight * ask.share))
  wanted = math.min(wanted, inFlight - batch - interactive)
  if isInteractive then
    if inFlight > 1 and redis.call('EXISTS', BATCH_WAITS_FOR_PLACE) == 1 then wanted = math.min(wanted, share - interactive) end
  elseif redis.call('EXISTS', INTERACTIVE_WAITS_FOR_PLACE) == 1 then
    wanted = math.min(wanted, inFlight - share - batch)
  end
  if wanted > 0 then return end
  redis.call('SET', isInteractive and INTERACTIVE_WAITS_FOR_PLACE or BATCH_WAITS_FOR_PLACE, 1, 'PX', ${ASKS_AGAIN_MS})
  return { 'full' }
end

-- Stands with the time at which it was booked.
local function readDue(key)
  local due, booked = string.match(redis.call('GET', key) or '', '^(%S+) ?(%S*)$')
  if (tonumber(booked) or 0) > at + ${SET_BACK_MS} then return 0 end
  return tonumber(due) or 0
end

local function keepDue(key, due)
  redis.call('SET', key, string.format('%.3f %.0f', due, at), 'PX', math.ceil(due - at) + 1000)
end

local function batchWaits(ms)
  if not isInteractive then redis.call('SET', BATCH_WAITS_FOR_TURN, 1, 'PX', math.ceil(ms) + ${ASKS_AGAIN_MS}) end
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

local turns = {}

local function pace()
  if rate == 0 then
    for i = 1, wanted do turns[i] = '0' end
    return
  end
  local due, interval, tolerance = readPace()
  local own, step, ofOwn = readShare(interval)
  if isInteractive and ask.share > 0 and redis.call('EXISTS', BATCH_WAITS_FOR_TURN) == 1 then
    if ofOwn == 0 then return { 'wait', tostring(math.min(own - at - ${INTERACTIVE_AHEAD_MS}, ${ASKS_AGAIN_MS})) } end
    wanted = math.min(wanted, ofOwn)
  end
  local ahead = ofOwn > 0 and ${INTERACTIVE_AHEAD_MS} + interval or ${BATCH_AHEAD_MS}
  for i = 1, wanted do
    local turn = math.max(at, due - tolerance)
    if turn > at + ahead then
      if i > 1 then break end
      batchWaits(math.min(turn - at - ahead, 1000))
      return { 'wait', tostring(turn - at - ahead) }
    end
    turns[i] = tostring(turn - at)
    due = math.max(due, at) + interval
    if i >= ofOwn then ahead = ${TOGETHER_MS} end
  end
  keepDue(RATE, due)
  if #turns < ask.wanted then batchWaits(turns[#turns]) end
  if ofOwn > 0 then keepDue(RATE_INTERACTIVE, own + step * math.min(#turns, ofOwn)) end
end

local function count()
  if ask.quotaCalls > 0 then
    redis.call('HINCRBY', QUOTA, string.format('%d', slice), #turns)
    redis.call('PEXPIRE', QUOTA, math.ceil(ask.quotaPeriodMs + 2 * sliceMs))
  end
  if inFlight == 0 then return end
  local leases, ends = isInteractive and IN_FLIGHT_INTERACTIVE or IN_FLIGHT, 0
  for i, turn in ipairs(turns) do
    ends = tonumber(turn) + ask.leaseMs
    redis.call('ZADD', leases, at + ends, ask.process .. string.format('%d', ask.first + i - 1))
  end
  extend(leases, ends + 1000)
end

local none = hold() or quota() or places() or pace()
if none then return none end
count()
return { inFlight > 0 and 'leased' or 'granted', string.format('%.3f', at), unpack(turns) }`)

/** What the script is run with. */
export function permitCommand(keys: GateKeys, question: PermitQuestion): { keys: string[]; args: string[] } {
  const { rate, rateInteractive, rateMissed, inFlight, inFlightInteractive, quota, limits, hold } = keys
  const { batchWaitsForPlace, interactiveWaitsForPlace, batchWaitsForTurn } = keys
  return {
    keys: [
      ...[rate, rateInteractive, rateMissed, inFlight, inFlightInteractive, quota, limits, hold],
      ...[batchWaitsForPlace, interactiveWaitsForPlace, batchWaitsForTurn],
    ],
    args: [JSON.stringify(question)],
  }
}

export function readPermits(reply: unknown, { process, first }: PermitQuestion): PermitReply {
  const [said, ...values] = reply as [string, ...string[]]
  if (said === 'full' || said === 'held' || said === 'spent') return said
  if (said === 'wait') return { waitMs: Number(values[0]) }
  const [at = 0, ...turns] = values.map(Number)
  const leases = said === 'leased' ? turns.map((_, index) => `${process}${first + index}`) : []
  return { at, turns, leases }
}

export async function askPermits(redis: Redis, keys: GateKeys, question: PermitQuestion): Promise<PermitReply> {
  const command = permitCommand(keys, question)
  return readPermits(await PERMIT_SCRIPT.run(redis, command.keys, command.args), question)
}
