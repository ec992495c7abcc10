/** Limits of the fleet that were set by hand: they win over every process's own, until they are reset. */

import type { ByHand } from '../domain/by-hand.ts'
import { ACTIVITY_LUA, byHandArgs } from '../redis/activity.ts'
import type { Redis } from '../redis/connections.ts'
import type { GateKeys } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { NOW_LUA } from '../redis/time.ts'
import type { SetByHand } from './holds.ts'
import { FORGET_FAR_LUA } from './permit-pace.ts'

export interface Limits {
  /** Calls a second; null: no limit. */
  rate: number | null
  burst: number
  /** Calls at one time; null: no limit. */
  inFlight: number | null
}

export interface LimitSet extends SetByHand {
  name: keyof Limits
  value: number | null
}

// ARGV: whether all that was set is dropped first; by whom; names and values.
const SET = new Script(`
local RATE, RATE_INTERACTIVE, RATE_RETRIES, LIMITS, ACTIVITY = unpack(KEYS)
local isReset, byHand, wanted = ARGV[1] == '1', { unpack(ARGV, 2, 5) }, { unpack(ARGV, 6) }
${NOW_LUA}
${ACTIVITY_LUA}
${FORGET_FAR_LUA}
expectActivity(ACTIVITY)
local at = math.floor(now())
if isReset then redis.call('DEL', LIMITS) end
for i = 1, #wanted, 2 do
  local name, value = wanted[i], wanted[i + 1]
  redis.call('HSET', LIMITS, name, value, name .. 'By', cjson.encode({ who = byHand[1], since = at }))
end
forgetFar({ RATE, RATE_INTERACTIVE, RATE_RETRIES }, at)
note(ACTIVITY, at, byHand, #wanted / 2)
return 1`)

export class LimitStore {
  readonly #redis: Redis
  readonly #keys: GateKeys

  constructor(redis: Redis, keys: GateKeys) {
    this.#redis = redis
    this.#keys = keys
  }

  /** What was set by hand, and nothing else. */
  async read(): Promise<Partial<Limits>> {
    const set = limitsIn(await this.#redis.hgetall(this.#keys.limits))
    return Object.fromEntries(set.map(({ name, value }) => [name, value]))
  }

  /** Sets these, and drops what else was set if `reset` says so. */
  async change(who: string, limits: Partial<Limits>, reset = false): Promise<void> {
    const { rate, rateInteractive, rateRetries, limits: set, activity } = this.#keys
    const byHand: ByHand = { who, action: 'limit', arguments: { ...(reset ? { reset } : {}), ...limits } }
    const wanted = Object.entries(limits).flatMap(([name, value]) => [name, String(value ?? 'none')])
    const args = [reset ? 1 : 0, ...byHandArgs(byHand), ...wanted]
    await SET.run(this.#redis, [rate, rateInteractive, rateRetries, set, activity], args)
  }
}

/** `fields`: of the hash of limits. */
export function limitsIn(fields: Readonly<Record<string, string>>): LimitSet[] {
  return (['rate', 'burst', 'inFlight'] as const).flatMap((name) => {
    const text = fields[name]
    if (text === undefined) return []
    const by = JSON.parse(fields[`${name}By`] ?? '{"who":null,"since":null}') as SetByHand
    return [{ name, value: text === 'none' ? null : Number(text), ...by }]
  })
}
