/**
 * Lua of the report script: what the fleet remembers of the service's answers.
 *
 *     answeredAt, answeredId, answeredBefore   when it last answered, and whom
 *     enrichedId                               the connection id that it enriched last
 *     failed, failingSince                     how often in a row it failed since
 *     hows                                     how the last calls failed, the latest first, a line each
 *     heldUntil                                when the last hold ended, or will end at the latest
 *     slice0 ... slice9                        how it did in the last slices of the window: number, calls, failures
 *     contradicted                             kinds of answers that a probe told to be the lookups' own: until when, and
 *                                              with which credentials
 *     ANSWERS (a list)                         of what kind the last answers were; of a suspicious one also when, and a hash
 *                                              of what came with it: that may be a customer's
 */

const SLICES = 10
const HOWS_KEPT = 100
const ANSWERS_KEPT = 20
const MEMORY_MS = 30 * 86_400_000
const CONTRADICTED_MS = 600_000
/** Redis' clock was set back if it is this much earlier than something that has happened. */
const SET_BACK_MS = 1000

export const MEMORY_LUA = `
local memory = redis.call('HMGET', MEMORY, 'answeredAt', 'failed', 'failingSince', 'heldUntil')
local answeredAt, failed = tonumber(memory[1] or 0), tonumber(memory[2] or 0)
local failingSince, heldUntil = math.min(at, tonumber(memory[3] or at)), tonumber(memory[4] or 0)

-- Redis' clock was set back. Forget this time, or lookups that failed since would be charged because of it.
local function heedTheClock()
  if answeredAt <= at + ${SET_BACK_MS} then return end
  answeredAt = 0
  redis.call('HSET', MEMORY, 'answeredAt', 0)
end

local function rememberAnswers()
  if report.answered == 0 then return end
  answeredAt, failed = math.max(answeredAt, at - math.floor(report.answeredAgoMs)), 0
  redis.call('HSET', MEMORY, 'answeredAt', answeredAt)
  if report.enrichedId ~= '' then redis.call('HSET', MEMORY, 'enrichedId', report.enrichedId) end
  for _, id in ipairs(report.ids) do
    local last = redis.call('HGET', MEMORY, 'answeredId')
    if last ~= id then
      if last then redis.call('HSET', MEMORY, 'answeredBefore', last) end
      redis.call('HSET', MEMORY, 'answeredId', id)
    end
  end
end

local function ignoreStragglers()
  if report.probe ~= '' or heldUntil > at or at - report.failedBeganAgoMs >= heldUntil then return end
  report.failed, report.configuration, report.hows = 0, '', {}
end

local function rememberHows()
  local kept, count = {}, #report.hows
  for i = count, 1, -1 do kept[#kept + 1] = report.hows[i] end
  for how in string.gmatch(redis.call('HGET', MEMORY, 'hows') or '', '[^\\n]+') do
    if #kept < ${HOWS_KEPT} then kept[#kept + 1] = how end
  end
  redis.call('HSET', MEMORY, 'hows', table.concat(kept, '\\n'))
end

local function rememberFailures()
  if failed == 0 then failingSince = at end
  failed = failed + report.failed
  redis.call('HSET', MEMORY, 'failed', failed, 'failingSince', failingSince)
  if #report.hows > 0 then rememberHows() end
  redis.call('PEXPIRE', MEMORY, ${MEMORY_MS})
end

-- How the last calls failed, each how with its number, the most frequent first: "14 x HTTP 503, 1 x timeout"; and of how many
-- calls that is known: of the last ones alone.
local function howTheLastFailed(count)
  local counts, hows, words, known = {}, {}, {}, 0
  for how in string.gmatch(redis.call('HGET', MEMORY, 'hows') or '', '[^\\n]+') do
    if known == count then break end
    if not counts[how] then hows[#hows + 1] = how end
    counts[how], known = (counts[how] or 0) + 1, known + 1
  end
  table.sort(hows, function(a, b) return counts[a] > counts[b] or counts[a] == counts[b] and a < b end)
  for i, how in ipairs(hows) do words[i] = counts[how] .. ' × ' .. how end
  return table.concat(words, ', '), hows, known
end

local number = math.floor(at / (settings.windowMs / ${SLICES}))

-- The number of the slice that lies there, its calls, and how many of them failed; zeros if that was before the window.
local function readSlice(i)
  local text = redis.call('HGET', MEMORY, 'slice' .. i)
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
  calls, bad = calls + report.answered + report.unread + report.failed, bad + report.failed
  redis.call('HSET', MEMORY, 'slice' .. i, string.format('%d %d %d', number, calls, bad))
end

local function readWindow()
  local all, wrong = 0, 0
  for i = 0, ${SLICES - 1} do
    local _, calls, bad = readSlice(i)
    all, wrong = all + calls, wrong + bad
  end
  return all, wrong
end

local function forgetWindow()
  for i = 0, ${SLICES - 1} do redis.call('HDEL', MEMORY, 'slice' .. i) end
end

-- The kind of an answer, and what came with it.
local function readSaid(said)
  local kind, says = string.match(said or '', '^(%S+) ?(.*)$')
  return kind or '-', says or ''
end

local function rememberKinds()
  if #report.kinds == 0 then return end
  for _, said in ipairs(report.kinds) do
    local kind, says = readSaid(said)
    local isPlain = kind == '-' or kind == 'not-found'
    redis.call('LPUSH', ANSWERS, isPlain and kind or kind .. ' ' .. at .. ' ' .. redis.sha1hex(says))
  end
  redis.call('LTRIM', ANSWERS, 0, ${ANSWERS_KEPT - 1})
  redis.call('PEXPIRE', ANSWERS, ${MEMORY_MS})
end

local function lastKind() return (readSaid(report.kinds[#report.kinds])) end

-- How many of the last answers there are, how many are of the kind of the last one, since when, and what came with all of
-- those, '' where that was not the same.
local function countLastKind()
  local kind, says = readSaid(report.kinds[#report.kinds])
  local last, count, since, hash = redis.call('LRANGE', ANSWERS, 0, -1), 0, at, redis.sha1hex(says)
  for _, answer in ipairs(last) do
    local its, when, saidHash = string.match(answer, '^(%S+) ?(%d*) ?(%x*)$')
    if its == kind then
      count, since = count + 1, math.min(since, tonumber(when) or at)
      if saidHash ~= hash then says = '' end
    end
  end
  return #last, count, since, says
end

-- The kinds that were contradicted lately. One that lies further ahead than we write has been set back with Redis' clock.
local function readContradicted()
  local kinds = cjson.decode(redis.call('HGET', MEMORY, 'contradicted') or '{}')
  for kind, told in pairs(kinds) do
    if told.over <= at or told.over > at + ${CONTRADICTED_MS} then kinds[kind] = nil end
  end
  return kinds
end

local function contradict(kind)
  local kinds = readContradicted()
  kinds[kind] = { over = at + ${CONTRADICTED_MS}, credentials = report.credentials }
  redis.call('HSET', MEMORY, 'contradicted', cjson.encode(kinds))
end

local function isKindContradicted(kind)
  local told = readContradicted()[kind]
  return told ~= nil and told.credentials == report.credentials
end
`
