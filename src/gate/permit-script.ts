/**
 * The one script that is asked before every call of the fleet, on Redis' clock: nobody calls before `not-before`; the
 * pace is a GCRA (the time at which the next call would be due, moved on by one interval for each permit); the calls in
 * flight are leases in a sorted set, so that those of a dead process end by themselves.
 *
 * KEYS  1 rate, 2 in-flight, 3 not-before (names.ts)
 * ARGV  1 permits wanted
 *       2 interval between calls, ms (0: no pace)
 *       3 burst
 *       4 calls in flight at most (0: no limit)
 *       5 lease, ms
 *       6 booked ahead at most, ms
 *       7 booked ahead at most for more than one permit at a time, ms
 *       8 process, 9 number of the first permit: their names are process and number
 * Reply 'granted', the time, then for each permit the milliseconds from then until its turn
 *       'wait', then the milliseconds after which to ask again
 *       'full'
 */
export const PERMIT_SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local wanted = tonumber(ARGV[1])
local interval = tonumber(ARGV[2])
local cap = tonumber(ARGV[4])

local notBefore = tonumber(redis.call('GET', KEYS[3]) or 0)
if notBefore > now then return { 'wait', tostring(notBefore - now) } end

if cap > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
  wanted = math.min(wanted, cap - redis.call('ZCARD', KEYS[2]))
  if wanted <= 0 then return { 'full' } end
end

local reply = { 'granted', string.format('%.3f', now) }
if interval == 0 then
  for i = 1, wanted do reply[#reply + 1] = '0' end
else
  local tolerance = (tonumber(ARGV[3]) - 1) * interval
  local due = tonumber(redis.call('GET', KEYS[1]) or 0)
  -- Further ahead than anybody books: the clock was set back.
  if due > now + tolerance + interval + 2 * tonumber(ARGV[6]) then due = now end
  local ahead = tonumber(ARGV[6])
  for i = 1, wanted do
    local turn = math.max(now, due - tolerance)
    if turn > now + ahead then
      if i == 1 then return { 'wait', tostring(turn - now - ahead) } end
      break
    end
    reply[#reply + 1] = tostring(turn - now)
    due = math.max(due, now) + interval
    ahead = tonumber(ARGV[7])
  end
  redis.call('SET', KEYS[1], string.format('%.3f', due), 'PX', math.ceil(due - now) + 1000)
end

if cap > 0 then
  for i = 3, #reply do
    redis.call('ZADD', KEYS[2], now + tonumber(reply[i]) + tonumber(ARGV[5]), ARGV[8] .. string.format('%d', tonumber(ARGV[9]) + i - 3))
  end
  redis.call('PEXPIRE', KEYS[2], tonumber(ARGV[5]) + tonumber(ARGV[6]) + 1000)
end
return reply`

// KEYS: not-before. ARGV: milliseconds from now. Only ever moves it on.
export const NOT_BEFORE_SCRIPT = `
local time = redis.call('TIME')
local at = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[1])
if at > tonumber(redis.call('GET', KEYS[1]) or 0) then
  redis.call('SET', KEYS[1], string.format('%d', at), 'PX', ARGV[1])
end
return 1`
