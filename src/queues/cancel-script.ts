/**
 * Ends lookups that no worker has in hand. One script looks where the lookup is, publishes its result with its marker, takes
 * it away from there, and fails it by BullMQ's own text. So a lookup that starts at that moment is cancelled or answered, and
 * never both.
 *
 * Redis takes nothing out of the middle of a list but by reading it up to there: a tenth of a second in a list of a million. So
 * near either end what is cancelled is taken out, and deep within a long list the newest lookup moves to its place. No
 * lookup waits longer for it.
 */

import { STEPS_LUA } from '../redis/activity.ts'
import { EachScript } from '../redis/each-script.ts'
import { NOW_LUA } from '../redis/time.ts'
import { FAIL_KEYS } from './bull-fail.ts'
import { COUNTED_FIELDS, OLD_MARK } from './bull-layout.ts'
import type { Publishing } from './result-queue.ts'
import { LOOK_LUA } from './stored-jobs.ts'
import { CANCELLED_TOTAL } from './totals.ts'

/** Behind those of `publish`: of BullMQ's `fail`, and these. */
export const CANCEL_KEYS = [...FAIL_KEYS, 'completed', 'waiting-children'] as const
/** What lies there, by Redis' name; a sorted set, if nothing is said. */
const KINDS: Readonly<Record<string, string>> = {
  wait: 'list',
  active: 'list',
  paused: 'list',
  events: 'stream',
  meta: 'hash',
  stalled: 'set',
  limiter: 'string',
  pc: 'string',
  'metrics:failed': 'hash',
}

/** So far from an end of the list LREM is quick. */
const NEAR_AN_END = 5000

/**
 * What became of one. `active`: a worker has it in hand. `ended`: it has, or has had its result and is about to. `gone`: there is
 * no such lookup. `changed`: since it was read. `moved`: it waits, but not where it was said to.
 */
export type Cancelled = 'done' | 'active' | 'ended' | 'gone' | 'changed' | 'moved'

// KEYS: those of `publish`, CANCEL_KEYS, the totals, the action's steps; of each those of `publish` and its lock.
// ARGV: those of `publish`, and from where to where in `wait` to look, as distances from the tail; of each those of
// `publish`, its id, and its fingerprint.
export function cancelScript({ lua, first, each }: Publishing, fail: string): EachScript {
  const keys = first.keys.length
  const key = (name: (typeof CANCEL_KEYS)[number]) => `KEYS[${keys + CANCEL_KEYS.indexOf(name) + 1}]`
  const shape = {
    first: { keys: keys + CANCEL_KEYS.length + 2, args: first.args.length + 2 },
    each: { keys: each.keys + 1, args: each.args + 2 },
  }
  const places = `
local WAIT, ACTIVE, PAUSED = ${key('wait')}, ${key('active')}, ${key('paused')}
local SETS = { ${key('delayed')}, ${key('prioritized')}, ${key('waiting-children')} }
local FAILED, COMPLETED = ${key('failed')}, ${key('completed')}
local TOTALS, STEPS = KEYS[${shape.first.keys - 1}], KEYS[${shape.first.keys}]
local FAIL_KEYS = { unpack(KEYS, ${keys + 1}, ${keys + FAIL_KEYS.length}) }
local NEAREST, FARTHEST = tonumber(ARGV[${shape.first.args - 1}]), tonumber(ARGV[${shape.first.args}])`
  const kinds = [...CANCEL_KEYS.map((name) => KINDS[name] ?? 'zset'), 'hash', 'hash']
  const before = `${lua}\n${fail}\n${NOW_LUA}\n${STEPS_LUA}\n${LOOK_LUA}\n${places}\n${expectLua(keys, kinds)}`
  return new EachScript(`${before}\n${WHERE_LUA}\n${oneLua(each)}`, shape, LAST_LUA)
}

/** A script that fails half way leaves what it has written, so it looks first. */
function expectLua(before: number, kinds: string[]): string {
  return `
for i, expected in ipairs({ ${kinds.map((kind) => `'${kind}'`).join(', ')} }) do
  local kind = redis.call('TYPE', KEYS[${before} + i]).ok
  if kind ~= 'none' and kind ~= expected then error('a key of the queue: expected a ' .. expected .. ', got a ' .. kind) end
end`
}

const WHERE_LUA = `
local AT, done, holes, positions = string.format('%.0f', math.floor(now())), 0, {}, nil
local function positionOf(id)
  if not positions then
    positions = {}
    local ids = FARTHEST > 0 and redis.call('LRANGE', WAIT, -FARTHEST, -NEAREST) or {}
    for i, one in ipairs(ids) do positions[one] = NEAREST + #ids - i end
  end
  return positions[id]
end
-- The key of its place, and what has become of it where it cannot be cancelled.
local function whereIs(id)
  for _, set in ipairs(SETS) do if redis.call('ZSCORE', set, id) then return set end end
  if positionOf(id) then return WAIT end
  if redis.call('ZSCORE', FAILED, id) or redis.call('ZSCORE', COMPLETED, id) then return nil, 'ended' end
  if redis.call('LPOS', ACTIVE, id) then return nil, 'active' end
  if redis.call('LPOS', PAUSED, id) then return PAUSED end
  return nil, 'moved'
end
local function takeFrom(place, id)
  if place == WAIT then
    holes[#holes + 1] = positions[id]
    positions[id] = nil
  elseif place == PAUSED then
    redis.call('LREM', PAUSED, 1, id)
  else
    redis.call('ZREM', place, id)
  end
end
-- What BullMQ cannot read would stop it half way.
local function mend(job)
  for _, field in ipairs({ ${COUNTED_FIELDS.map((field) => `'${field}'`).join(', ')} }) do
    if not string.match(redis.call('HGET', job, field) or '0', '^-?%d+$') then redis.call('HDEL', job, field) end
  end
  local isJson, parent = pcall(cjson.decode, redis.call('HGET', job, 'parent') or '{"id":"","queueKey":""}')
  local isParent = isJson and type(parent) == 'table' and type(parent.id) == 'string' and type(parent.queueKey) == 'string'
  if not isParent then redis.call('HDEL', job, 'parent', 'parentKey') end
end`

function oneLua({ keys, args }: { keys: number; args: number }): string {
  return `
local function one(...)
  local all = { ... }
  local job, lock, id, fingerprint = all[${keys}], all[${keys + 1}], all[${keys + args + 2}], all[${keys + args + 3}]
  local kind, _, found = look(job)
  if kind ~= 'hash' then return 'gone' end
  if redis.call('EXISTS', lock) == 1 then return 'active' end
  local place, problem = whereIs(id)
  if not place then return problem end
  if found ~= fingerprint then return 'changed' end
  local input = { unpack(all, 1, ${keys}) }
  for i = 1, ${args} do input[${keys} + i] = all[${keys + 1} + i] end
  if publish(unpack(input)) == 'suppressed' then return 'ended' end
  mend(job)
  takeFrom(place, id)
  redis.call('RPUSH', ACTIVE, id)
  local code = fail(FAIL_KEYS, job, id, AT, input[#input])
  if code ~= 0 then error('BullMQ: expected to fail a job, got ' .. tostring(code)) end
  done = done + 1
  return 'done'
end`
}

const LAST_LUA = `
if #holes > 0 then
  local nearest, farthest = math.min(unpack(holes)), math.max(unpack(holes))
  local isNearHead = redis.call('LLEN', WAIT) - nearest < ${NEAR_AN_END}
  if farthest <= ${NEAR_AN_END} or isNearHead then
    for _, at in ipairs(holes) do redis.call('LSET', WAIT, -at, '${OLD_MARK}cancelled') end
    redis.call('LREM', WAIT, isNearHead and #holes or -#holes, '${OLD_MARK}cancelled')
  else
    for _, at in ipairs(holes) do redis.call('LSET', WAIT, -at, redis.call('LPOP', WAIT)) end
  end
end
if done > 0 then
  countStep(STEPS, AT, done)
  redis.call('HINCRBY', TOTALS, '${CANCELLED_TOTAL}', done)
end`
