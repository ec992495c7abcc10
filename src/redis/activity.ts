/**
 * The activity of a fleet: one bounded stream with an entry for each action by hand, written by the script that acts, so
 * that no action is without its entry and no entry without its action.
 *
 * An action in one step writes its entry whole. One in many steps (cancel, redrive, drop, forget) writes it before its first
 * step; beside it stands a hash of that action, in which each step counts what it has done. So an action that was cut off is
 * there, with what it did. `fleet/activity.ts` reads them together.
 */

import { randomBytes } from 'node:crypto'
import { every } from '../clock.ts'
import type { ByHand } from '../domain/by-hand.ts'
import type { Redis } from './connections.ts'
import { actionKey, activityKey, type QueueNames } from './names.ts'
import { Script } from './script.ts'
import { NOW_LUA } from './time.ts'

/** About so many entries are kept; Redis cuts off whole blocks of them. */
const MOST_ENTRIES = 10_000
/** The second run of a script comes seconds after the first. */
const LOOKED_AT = 50
/** How long the hash of an action in steps is kept. Later, its entry says no more what it did. */
const STEPS_KEPT_MS = 366 * 86_400_000

/**
 * `note` writes an entry; `byHand` is a table of what `byHandArgs` gives. It does nothing for what no hand did. A script
 * that writes before it notes calls `expectActivity` first, because what a script has written stays when it fails.
 */
export const ACTIVITY_LUA = `
local function expectActivity(ACTIVITY)
  local kind = redis.call('TYPE', ACTIVITY).ok
  if kind ~= 'none' and kind ~= 'stream' then error('the key of the activity: expected a stream, got a ' .. kind) end
end

-- Redis may run a script a second time, because its connection was lost before the answer: the entry of the first time stands.
local function isNoted(ACTIVITY, action, mark)
  for _, entry in ipairs(redis.call('XREVRANGE', ACTIVITY, '+', '-', 'COUNT', ${LOOKED_AT})) do
    local fields = {}
    for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
    if fields.mark == mark and fields.action == action then return true end
  end
  return false
end

local function note(ACTIVITY, at, byHand, count, id)
  local who, action, arguments, mark = unpack(byHand, 1, 4)
  if who == '' or isNoted(ACTIVITY, action, mark) then return end
  local entry = { 'at', string.format('%.0f', at), 'who', who, 'action', action, 'arguments', arguments, 'mark', mark }
  if id then
    entry[#entry + 1], entry[#entry + 2] = 'id', id
  else
    entry[#entry + 1], entry[#entry + 2] = 'count', count
  end
  redis.call('XADD', ACTIVITY, 'MAXLEN', '~', ${MOST_ENTRIES}, '*', unpack(entry))
end
`

/** `countStep` counts what one step of an action in steps has done. */
export const STEPS_LUA = `
local function countStep(STEPS, at, count)
  redis.call('HINCRBY', STEPS, 'count', count)
  redis.call('HSET', STEPS, 'seenAt', string.format('%.0f', at))
  redis.call('PEXPIRE', STEPS, ${STEPS_KEPT_MS})
end
`

/** Four arguments of a script; null: nobody's hand did it. */
export function byHandArgs(byHand: ByHand | null): [who: string, action: string, argumentsJson: string, mark: string] {
  return byHand ? [byHand.who, byHand.action, JSON.stringify(byHand.arguments), newMark()] : ['', '', '', '']
}

/** Tells an action from another one of the same words. */
export function newMark(): string {
  return randomBytes(9).toString('base64url')
}

// The entry of an action in steps, before its first step.
const BEGIN = new Script(`
local ACTIVITY, STEPS = unpack(KEYS)
local byHand, id = { unpack(ARGV, 1, 4) }, ARGV[5]
${NOW_LUA}
${ACTIVITY_LUA}
${STEPS_LUA}
expectActivity(ACTIVITY)
local at = math.floor(now())
countStep(STEPS, at, 0)
redis.call('HSET', STEPS, 'at', string.format('%.0f', at), 'who', byHand[1], 'action', byHand[2], 'arguments', byHand[3])
note(ACTIVITY, at, byHand, nil, id)
return 1`)

// Says that it goes on, how it ended if it has, and how far it has come: names and values behind the first argument.
const SEEN = new Script(`
local STEPS = KEYS[1]
local ended = ARGV[1]
${NOW_LUA}
${STEPS_LUA}
local at = math.floor(now())
countStep(STEPS, at, 0)
if ended ~= '' then redis.call('HSET', STEPS, 'ended', ended, 'endedAt', string.format('%.0f', at)) end
if #ARGV > 1 then redis.call('HSET', STEPS, unpack(ARGV, 2)) end
return 1`)

/** Whoever looks on wants to see it move; and an action that waits, for a pace or for the end of a hold, still goes on. */
const SAYS_EVERY_MS = 1000
/** One that has said nothing for so long was cut off. */
export const CUT_OFF_AFTER_MS = 30_000

/** An action by hand that goes in many steps. Each step's script counts with `countStep`, on `stepsKey`. */
export class ActionInSteps {
  readonly id: string
  readonly stepsKey: string
  readonly #redis: Redis
  readonly #timer: { stop: () => void }
  #progress: Readonly<Record<string, string>> = {}

  private constructor(redis: Redis, id: string, stepsKey: string) {
    this.id = id
    this.stepsKey = stepsKey
    this.#redis = redis
    // Redis may be away for a moment; the next step tells whoever acts.
    this.#timer = every(SAYS_EVERY_MS, () => this.#seen('').catch(() => {}))
  }

  /** Writes the entry. */
  static async begin(redis: Redis, names: QueueNames, byHand: ByHand): Promise<ActionInSteps> {
    const id = `ac-${randomBytes(12).toString('hex')}`
    const stepsKey = actionKey(names, id)
    await BEGIN.run(redis, [activityKey(names), stepsKey], [...byHandArgs(byHand), id])
    return new ActionInSteps(redis, id, stepsKey)
  }

  /** How far it has come, beside what each step counts; told with what is said next. */
  tell(progress: Readonly<Record<string, string>>): void {
    this.#progress = progress
  }

  /** `done`: all of it. `stopped`: somebody stopped it, or it failed; what it has done is counted. */
  async end(how: 'done' | 'stopped'): Promise<void> {
    this.#timer.stop()
    await this.#seen(how)
  }

  async #seen(ended: string): Promise<void> {
    await SEEN.run(this.#redis, [this.stepsKey], [ended, ...Object.entries(this.#progress).flat()])
  }
}
