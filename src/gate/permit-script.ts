/**
 * The one script that is asked before every call of the fleet, on Redis' clock. In this order:
 *
 *     hold     while the fleet holds nobody calls, but for whoever has the token of the probe; after it, and where somebody
 *              has released it at a part of the pace, turns stand further apart
 *     quota    calls of a longer period, counted in slices of it; spent, it begins a hold
 *     places   calls in flight: leases in a sorted set, so that those of a dead process end by themselves
 *     pace     a GCRA: the time at which the next call would be due, moved on by one interval for each permit; turns
 *              that a busy process missed are given back, a few in a second, so that the pace is kept. Retries get a
 *              tenth of it at most while first calls wait, and those beyond it are refused: a service that is half down gets
 *              first calls, not repetitions
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
 * larger ones. Quota and places count the calls of all processes, also of those without such a limit. If a booking
 * says that it was made later than now, Redis' clock was set back since: the booking is forgotten.
 */

import type { Lane } from '../domain/lane.ts'
import type { Redis } from '../redis/connections.ts'
import type { GateKeys } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { HOLD_RECORD_LUA } from './hold-record.ts'
import { ASKS_AGAIN_MS, PACE_LUA } from './permit-pace.ts'

export interface PermitQuestion {
  wanted: number
  /** How many of them repeat a call. */
  retries: number
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
 * Permits: `turns` are milliseconds from `at` on (Redis' time), `retries` how many of them may repeat a call while others
 * wait, `leases` the names by which places are given back, none where nobody limits places; `slice` is where the quota has
 * counted them, '' where nobody has one. Or none: ask again after `waitMs`, or soon (all places are `full`); the fleet is `held`;
 * the quota is `spent`, just now. `refused` of the retries asked for are not to wait, because first calls do.
 */
export type PermitReply = Permits | { waitMs: number; refused: number } | 'full' | 'held' | 'spent'
export interface Permits {
  at: number
  turns: number[]
  retries: number
  refused: number
  leases: string[]
  slice: string
}

/** After a hold the fleet goes so many times slower for a while (the time is the hold's: slowUntil). */
const SLOWER = 5
export const QUOTA_SLICES = 48
/** How long it counts that some process limits places. */
const PLACES_COUNTED_MS = 600_000
/** No call takes this long, so a lease that ends later was written before Redis' clock was set back. */
const LONGEST_LEASE_MS = 600_000

export const PERMIT_SCRIPT = new Script(`
local RATE, RATE_INTERACTIVE, RATE_MISSED, IN_FLIGHT, IN_FLIGHT_INTERACTIVE, QUOTA, LIMITS, HOLD = unpack(KEYS, 1, 8)
local BATCH_WAITS_FOR_PLACE, INTERACTIVE_WAITS_FOR_PLACE, BATCH_WAITS_FOR_TURN, FIRST_WAITS_FOR_TURN = unpack(KEYS, 9, 12)
local RATE_RETRIES, COUNTED, PAST_HOLDS = unpack(KEYS, 13)
local ask = cjson.decode(ARGV[1])
${HOLD_RECORD_LUA}
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
  local holds, slowUntil, pace = readHolds(HOLD, at)
  for _, hold in pairs(holds) do
    if ask.probe == '' or hold.token ~= ask.probe then return { 'held' } end
  end
  if slowUntil > at then slower = ${SLOWER} end
  if pace then slower = math.max(slower, 1 / pace.share) end
end

-- What somebody limits is counted for all: the quota's period, and places.
local function counted()
  local known = redis.call('HMGET', COUNTED, 'quotaPeriodMs', 'places')
  local function limitHere(field, value, ms)
    redis.call('HSET', COUNTED, field, value)
    extend(COUNTED, ms)
    return value
  end
  local periodMs, isPlaced = tonumber(known[1]), inFlight > 0 or known[2] == '1'
  if ask.quotaCalls > 0 then periodMs = limitHere('quotaPeriodMs', ask.quotaPeriodMs, ask.quotaPeriodMs) end
  if inFlight > 0 then limitHere('places', 1, ${PLACES_COUNTED_MS}) end
  return periodMs, isPlaced
end

local periodMs, hasPlaces = counted()
local sliceMs = (periodMs or 0) / ${QUOTA_SLICES}
local slice = periodMs and math.floor(at / sliceMs)

-- The period as QUOTA_PERIOD is written.
local function inWords(ms)
  for _, unit in ipairs({ { 'd', 86400000 }, { 'h', 3600000 }, { 'm', 60000 }, { 's', 1000 } }) do
    if ms % unit[2] == 0 then return ms / unit[2] .. unit[1] end
  end
  return ms .. 'ms'
end

local function spend(oldest)
  local frees = math.ceil((oldest + ${QUOTA_SLICES + 1}) * sliceMs)
  local why = ask.quotaCalls .. ' calls in ' .. inWords(ask.quotaPeriodMs) .. ' are spent (QUOTA_CALLS, QUOTA_PERIOD)'
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

${PACE_LUA}
local function count()
  if slice then
    redis.call('HINCRBY', QUOTA, string.format('%d', slice), #turns)
    redis.call('PEXPIRE', QUOTA, math.ceil(periodMs + 2 * sliceMs))
  end
  if not hasPlaces then return end
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
local said = hasPlaces and 'leased' or 'granted'
local inSlice = slice and string.format('%d', slice) or ''
return { said, string.format('%.3f', at), inSlice, tostring(retries), tostring(refused), unpack(turns) }`)

/** What the script is run with. */
export function permitCommand(keys: GateKeys, question: PermitQuestion): { keys: string[]; args: string[] } {
  const { rate, rateInteractive, rateMissed, inFlight, inFlightInteractive, quota, limits, hold } = keys
  const { batchWaitsForPlace, interactiveWaitsForPlace, batchWaitsForTurn, firstWaitsForTurn } = keys
  return {
    keys: [
      ...[rate, rateInteractive, rateMissed, inFlight, inFlightInteractive, quota, limits, hold],
      ...[batchWaitsForPlace, interactiveWaitsForPlace, batchWaitsForTurn, firstWaitsForTurn],
      ...[keys.rateRetries, keys.counted, keys.pastHolds],
    ],
    args: [JSON.stringify(question)],
  }
}

export function readPermits(reply: unknown, { process, first }: PermitQuestion): PermitReply {
  const [said, ...values] = reply as [string, ...string[]]
  if (said === 'full' || said === 'held' || said === 'spent') return said
  if (said === 'wait') return { waitMs: Number(values[0]), refused: Number(values[1]) }
  const [at, slice = '', retries, refused, ...rest] = values
  const turns = rest.map(Number)
  const leases = said === 'leased' ? turns.map((_, index) => `${process}${first + index}`) : []
  return { at: Number(at), turns, retries: Number(retries), refused: Number(refused), leases, slice }
}

export async function askPermits(redis: Redis, keys: GateKeys, question: PermitQuestion): Promise<PermitReply> {
  const command = permitCommand(keys, question)
  return readPermits(await PERMIT_SCRIPT.run(redis, command.keys, command.args), question)
}
