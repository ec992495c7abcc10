/**
 * Small things of which there are millions, in shared hashes that expire whole. A key for each would take ten times what it
 * says, so they lie in shards: hashes so small that Redis keeps each in one piece (hash-max-listpack-entries). A thing's mark
 * says in which shard it lies, and under which field. Shards expire whole, so they belong to generations: what is new
 * goes into the newest generation that lives long enough for it, and another generation begins where there is none, or where
 * a shard has become full.
 *
 * A hash under the key of all of it names the generations: when each began (Redis' ms), to its number of shards and its end.
 */

/** Hexadecimal digits of a mark that say the shard; the rest is the field. */
export const SHARD_DIGITS = 5
const MOST_SHARDS = 16 ** SHARD_DIGITS
/** Things in a shard: what a generation's size aims at, and how many are too many. */
const HELD = { aim: 32, most: 128 }
/** A generation that has become full is followed by one of so many times its shards. */
const GROWTH = 8
/** So many shards tell how full a generation is. */
const SAMPLES = 16

/** What things of one kind need. */
export interface Kept {
  /** Shards of a generation at least, a power of two. */
  leastShards: number
  /** A generation lives for so many times the life of what is put into it, at most: the less, the more generations. */
  livesTimes: number
}

/** `generationsIn(key)` finds what lies behind a key; `valueOf` answers a value and its generation, or nothing. */
export const GENERATIONS_LUA = `
local function generationsIn(key) -- newest first
  local all = { key = key }
  local kept = redis.call('HGETALL', key)
  for i = 1, #kept, 2 do
    local shards, ends = string.match(kept[i + 1], '^(%d+) (%d+)$')
    if shards then
      all[#all + 1] = { begun = tonumber(kept[i]), shards = tonumber(shards), ends = tonumber(ends) }
    end
  end
  table.sort(all, function(a, b) return a.begun > b.begun end)
  return all
end

local function shardAt(all, generation, number)
  return string.format('%s:%d:%d', all.key, generation.begun, number % generation.shards)
end
local function shardOf(all, generation, mark)
  return shardAt(all, generation, tonumber(string.sub(mark, 1, ${SHARD_DIGITS}), 16)), string.sub(mark, ${SHARD_DIGITS + 1})
end

local function valueOf(all, mark)
  for _, generation in ipairs(all) do
    local value = redis.call('HGET', shardOf(all, generation, mark))
    if value then return value end
  end
end`

/** To put things there; behind NOW_LUA and GENERATIONS_LUA. */
export const PUT_LUA = `
local AT = now()

-- The least power of two that holds what this generation held.
local function shardsAfter(all, generation, least)
  if not generation then return least end
  local held, shards = 0, least
  for i = 1, ${SAMPLES} do
    held = held + redis.call('HLEN', shardAt(all, generation, math.floor(i * generation.shards / ${SAMPLES})))
  end
  local wanted = held / ${SAMPLES} * generation.shards / ${HELD.aim}
  while shards < wanted and shards < ${MOST_SHARDS} do shards = shards * 2 end
  return shards
end

local function begin(all, shards, lifeMs, livesTimes)
  local newest = all[1]
  local begun = math.max(math.floor(AT), newest and newest.begun + 1 or 0)
  local ends = math.ceil(AT + livesTimes * lifeMs)
  redis.call('HSET', all.key, string.format('%d', begun), string.format('%d %d', shards, ends))
  local last = ends
  for _, generation in ipairs(all) do
    last = math.max(last, generation.ends)
    if generation.ends < AT then
      redis.call('HDEL', all.key, string.format('%d', generation.begun), string.format('n%d', generation.begun))
    end
  end
  redis.call('PEXPIREAT', all.key, string.format('%d', last))
  table.insert(all, 1, { begun = begun, shards = shards, ends = ends })
end

-- Answers the generation that it went into, and whether it is new there.
local function put(all, mark, value, lifeMs, leastShards, livesTimes)
  local newest = all[1]
  if not newest or newest.ends < AT + lifeMs then
    begin(all, shardsAfter(all, newest, leastShards), lifeMs, livesTimes)
  end
  newest = all[1]
  local shard, field = shardOf(all, newest, mark)
  local isNew = redis.call('HSET', shard, field, value) == 1
  local held = redis.call('HLEN', shard)
  if held == 1 then redis.call('PEXPIREAT', shard, string.format('%d', newest.ends)) end
  if held >= ${HELD.most} then begin(all, math.min(newest.shards * ${GROWTH}, ${MOST_SHARDS}), lifeMs, livesTimes) end
  return newest, isNew
end`
