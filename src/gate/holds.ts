/** The holds of a fleet in Redis: reading them, the ones that people and queues begin, and the probe's token. */

import type { ByHand } from '../domain/by-hand.ts'
import { HOLD_REASONS, type Hold, type HoldReason, type HoldRecord } from '../domain/hold.ts'
import { ACTIVITY_LUA, byHandArgs, newMark } from '../redis/activity.ts'
import type { Redis } from '../redis/connections.ts'
import type { GateKeys } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { END_HOLDS_LUA, RELEASE } from './end-holds.ts'
import { HOLD_RECORD_LUA } from './hold-record.ts'

/** `holdsNow` answers what `holdsIn` reads; behind HOLD_RECORD_LUA. By one clock, because in a Cluster TIME asks any node. */
export const HOLDS_NOW_LUA = `
local function holdsNow(HOLD)
  local at, on = now(), {}
  local holds, _, pace = readHolds(HOLD, at)
  holds.pace = pace
  for reason, hold in pairs(holds) do
    on[#on + 1] = reason
    on[#on + 1] = cjson.encode(hold)
  end
  return { string.format('%.3f', at), unpack(on) }
end`

const READ = new Script(`
${HOLD_RECORD_LUA}
${HOLDS_NOW_LUA}
return holdsNow(KEYS[1])`)

// Begins a hold, or prolongs it to this long from now. Answers 1 if it began.
const BEGIN = new Script(`
local HOLD, PAST_HOLDS, ACTIVITY = unpack(KEYS)
local reason, why, ms, byHand = ARGV[1], ARGV[2], tonumber(ARGV[3]), { unpack(ARGV, 4, 7) }
${HOLD_RECORD_LUA}
${ACTIVITY_LUA}
expectActivity(ACTIVITY)
local at = math.floor(now())
local hold = readHold(HOLD, reason, at)
local began = not hold
if began then hold = { since = at, probes = 0 } end
hold.why, hold.expiresAt = why, at + ms
if byHand[1] ~= '' then hold.by = byHand[1] end
keepHold(HOLD, reason, hold, at)
note(ACTIVITY, at, byHand, 1)
if began then tell(HOLD) end
return began and 1 or 0`)

// Answers how many were on.
const END = new Script(`
local HOLD, PAST_HOLDS, ANSWERS, MEMORY = unpack(KEYS)
local reasons = ARGV
${HOLD_RECORD_LUA}
${END_HOLDS_LUA}
return endHolds(reasons, math.floor(now()))`)

// Answers 1 if this is the one probe of the fleet that may go now. Credentials not yet tried during this hold may be probed
// at once, one time. So may a hold that began later than now: Redis' clock was set back.
const CLAIM = new Script(`
local HOLD, PAST_HOLDS = unpack(KEYS)
local token, ms, credentials = ARGV[1], tonumber(ARGV[2]), ARGV[3]
${HOLD_RECORD_LUA}
local at = math.floor(now())
local holds, isFresh = readHolds(HOLD, at), false

for _, hold in pairs(holds) do
  local isBack = hold.since > at
  if not hold.nextProbeAt or hold.token and hold.tokenUntil > at and not isBack then return 0 end
  if isBack then hold.since, hold.nextProbeAt = at, at end
end

local configuration = holds.configuration
if configuration and configuration.credentials ~= credentials then
  local tried = configuration.tried or ''
  if not string.find(tried, credentials, 1, true) then
    configuration.triedBefore, configuration.tried, isFresh = tried, tried .. ' ' .. credentials, true
  end
end

for reason, hold in pairs(holds) do
  if hold.nextProbeAt > at and not (isFresh and reason == 'configuration') then return 0 end
end
for reason, hold in pairs(holds) do
  hold.token, hold.tokenUntil = token, at + ms
  keepHold(HOLD, reason, hold, at)
end
return next(holds) and 1 or 0`)

// The probe was not sent: drop the token, and let the credentials it carried be tried at once again.
const GIVE_BACK = new Script(`
local HOLD, PAST_HOLDS = unpack(KEYS)
local token = ARGV[1]
${HOLD_RECORD_LUA}
local at = math.floor(now())
for reason, hold in pairs(readHolds(HOLD, at)) do
  if hold.token == token then
    hold.token = nil
    hold.tried, hold.triedBefore = hold.triedBefore or hold.tried, nil
    keepHold(HOLD, reason, hold, at)
  end
end
return 1`)

/** Who set something by hand, and when (Redis' time, ms); null where it was set before that was kept. */
export interface SetByHand {
  who: string | null
  since: number | null
}

/** At which part of its pace the fleet goes on until it is released in full. */
export interface PaceSet extends SetByHand {
  share: number
}

export interface ReleaseOptions {
  /** Is no suspicion any more, and means not found. */
  acceptCode?: number | null
  /** Above 0, below 1. Null: in full. */
  pace?: number | null
}

/** What a release has ended: holds, by their reasons, and a part of the pace. */
export interface Released {
  holds: HoldReason[]
  paceBefore: number | null
}

/** The holds that are on, the pace that was set by hand, and Redis' time (ms). */
export interface HoldsNow {
  at: number
  holds: Hold[]
  pace: PaceSet | null
}

export interface AcceptedCode extends SetByHand {
  code: number
}

export class Holds {
  readonly #redis: Redis
  readonly #keys: GateKeys

  constructor(redis: Redis, keys: GateKeys) {
    this.#redis = redis
    this.#keys = keys
  }

  /** The channel on which changes are announced. */
  get channel(): string {
    return this.#keys.hold
  }

  async read(): Promise<HoldsNow> {
    return holdsIn((await READ.run(this.#redis, [this.#keys.hold])) as string[])
  }

  /** Begins a hold, or prolongs it; it ends after `ms` at the latest. True if it was not on before. */
  async begin(reason: HoldReason, why: string, ms: number, byHand: ByHand | null = null): Promise<boolean> {
    const { hold, pastHolds, activity } = this.#keys
    const args = [reason, why, Math.ceil(ms), ...byHandArgs(byHand)]
    return (await BEGIN.run(this.#redis, [hold, pastHolds, activity], args)) === 1
  }

  /** Ends holds; resolves to how many of them were on. */
  async end(...reasons: HoldReason[]): Promise<number> {
    const { hold, pastHolds, answers, memory } = this.#keys
    return Number(await END.run(this.#redis, [hold, pastHolds, answers, memory], reasons))
  }

  /** Ends every hold by hand, and begins slowly if any was on. */
  async release(who: string, { acceptCode = null, pace = null }: ReleaseOptions = {}): Promise<Released> {
    const { hold, pastHolds, answers, memory, accepted, acceptedBy, activity } = this.#keys
    const { rate, rateInteractive, rateRetries } = this.#keys
    const paces = [rate, rateInteractive, rateRetries]
    const keys = [hold, pastHolds, answers, memory, accepted, acceptedBy, activity, ...paces]
    const reply = await RELEASE.run(this.#redis, keys, [who, newMark(), acceptCode ?? '', pace ?? '', ...HOLD_REASONS])
    const [paceBefore, ...holds] = reply as [string, ...HoldReason[]]
    return { holds, paceBefore: paceBefore === '' ? null : Number(paceBefore) }
  }

  /**
   * Asks to be the one who probes, for `ms` at most. `credentials` stands for what the call would be made with. Only
   * holds that a probe can end are probed, when their time has come.
   */
  async claimProbe(token: string, ms: number, credentials: string): Promise<boolean> {
    const { hold, pastHolds } = this.#keys
    return (await CLAIM.run(this.#redis, [hold, pastHolds], [token, ms, credentials])) === 1
  }

  /** The probe was not made. */
  async giveProbeBack(token: string): Promise<void> {
    const { hold, pastHolds } = this.#keys
    await GIVE_BACK.run(this.#redis, [hold, pastHolds], [token])
  }

  /** Codes that an operator has accepted: they are no suspicion any more, and mean not found. */
  async accepted(): Promise<Set<number>> {
    return new Set((await this.#redis.smembers(this.#keys.accepted)).map(Number))
  }
}

export function holdsIn([at, ...pairs]: readonly string[]): HoldsNow {
  const found = new Map(pairs.map((text, index) => [text, pairs[index + 1] ?? 'null']))
  const recordOf = (name: string) => JSON.parse(found.get(name) ?? 'null')
  const holds = HOLD_REASONS.flatMap((reason) => {
    const record = recordOf(reason) as HoldRecord | null
    return record ? [asHold(reason, record)] : []
  })
  const pace = recordOf('pace') as PaceSet | null
  return { at: Number(at), holds, pace: pace && { share: pace.share, who: pace.who, since: pace.since } }
}

function asHold(reason: HoldReason, record: HoldRecord): Hold {
  const { why, since, expiresAt, probes } = record
  const { nextProbeAt = null, kind = null, suspectedSince = null, spent = 0, by = null } = record
  return { reason, why, since, expiresAt, nextProbeAt, probes, kind, suspectedSince, spent, by }
}
