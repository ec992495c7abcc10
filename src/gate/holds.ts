/** The holds of a fleet as they lie in Redis: reading them, the ones that people and queues begin, and the probe's token. */

import { cureOf, HOLD_REASONS, type Hold, type HoldReason } from '../domain/hold.ts'
import type { Redis } from '../redis/connections.ts'
import type { GateKeys } from '../redis/names.ts'
import { Script } from '../redis/script.ts'

// By one clock: in a Cluster TIME itself asks whichever node it likes. KEYS: hold.
const READ = new Script(`return { redis.call('HGETALL', KEYS[1]), redis.call('TIME') }`)

// KEYS: hold. ARGV: reason, why, milliseconds. Begins it, or lets it last so long from now on. Answers 1 if it began.
const BEGIN = new Script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local text = redis.call('HGET', KEYS[1], ARGV[1])
local hold = text and cjson.decode(text)
local began = not (hold and hold.expiresAt > now)
if began then hold = { since = now, probes = 0 } end
hold.why = ARGV[2]
hold.expiresAt = now + tonumber(ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(hold))
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
if began then redis.call('PUBLISH', KEYS[1], 'changed') end
return began and 1 or 0`)

// KEYS: hold, answers, service. ARGV: reasons. Answers how many were on. Suspicion starts anew: it was looked at. What
// failed before is charged to nobody; what fails from now on may be.
const END = new Script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ended = 0
for _, reason in ipairs(ARGV) do
  local text = redis.call('HGET', KEYS[1], reason)
  if text and cjson.decode(text).expiresAt > now then ended = ended + 1 end
  redis.call('HDEL', KEYS[1], reason)
  if reason == 'configuration' then redis.call('DEL', KEYS[2]) end
end
if ended > 0 then
  if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('HSET', KEYS[3], 'heldUntil', now) end
  redis.call('PUBLISH', KEYS[1], 'changed')
end
return ended`)

// KEYS: hold. ARGV: token, its life in ms, stamp of the credentials. Answers 1 if this is the one probe of the fleet that
// may go now. Credentials that this hold has not been tried with need not wait for its time, once. Nor does a hold that
// began later than it is now: Redis' clock was set back.
const CLAIM = new Script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fields = redis.call('HGETALL', KEYS[1])
local holds, fresh = {}, false
for i = 1, #fields, 2 do
  local hold = fields[i] ~= 'slowUntil' and cjson.decode(fields[i + 1])
  if hold and hold.expiresAt > now then
    local isBack = hold.since > now
    if not hold.nextProbeAt or hold.token and hold.tokenUntil > now and not isBack then return 0 end
    if isBack then hold.since, hold.nextProbeAt = now, now end
    holds[fields[i]] = hold
    if fields[i] == 'configuration' and hold.credentials ~= ARGV[3] then
      local tried = hold.tried or ''
      if not string.find(tried, ARGV[3], 1, true) then
        hold.triedBefore, hold.tried = tried, tried .. ' ' .. ARGV[3]
        fresh = true
      end
    end
  end
end
for reason, hold in pairs(holds) do
  if hold.nextProbeAt > now and not (fresh and reason == 'configuration') then return 0 end
end
for reason, hold in pairs(holds) do
  hold.token = ARGV[1]
  hold.tokenUntil = now + tonumber(ARGV[2])
  redis.call('HSET', KEYS[1], reason, cjson.encode(hold))
end
return next(holds) and 1 or 0`)

// KEYS: hold. ARGV: token. Nobody was asked after all: credentials that were to be tried with it are as fresh as before.
const GIVE_BACK = new Script(`
for _, reason in ipairs({ 'service', 'configuration' }) do
  local text = redis.call('HGET', KEYS[1], reason)
  local hold = text and cjson.decode(text)
  if hold and hold.token == ARGV[1] then
    hold.token = nil
    hold.tried, hold.triedBefore = hold.triedBefore or hold.tried, nil
    redis.call('HSET', KEYS[1], reason, cjson.encode(hold))
  end
end
return 1`)

export class Holds {
  readonly #redis: Redis
  readonly #keys: GateKeys

  constructor(redis: Redis, keys: GateKeys) {
    this.#redis = redis
    this.#keys = keys
  }

  /** Channel on which a change is told. */
  get channel(): string {
    return this.#keys.hold
  }

  /** Those that are on, and Redis' time (ms). */
  async read(): Promise<{ at: number; holds: Hold[] }> {
    const [pairs, [seconds, micros]] = (await READ.run(this.#redis, [this.#keys.hold])) as [string[], [string, string]]
    const at = Number(seconds) * 1000 + Number(micros) / 1000
    const fields: Record<string, string> = {}
    for (let i = 0; i < pairs.length; i += 2) fields[pairs[i] ?? ''] = pairs[i + 1] ?? ''
    const holds = HOLD_REASONS.flatMap((reason) => {
      const text = fields[reason]
      const hold = text === undefined ? null : { reason, ...readHold(text) }
      return hold && hold.expiresAt > at ? [hold] : []
    })
    return { at, holds }
  }

  /** Begins a hold, or prolongs it; it ends after `ms` at the latest. True if it was not on. */
  async begin(reason: HoldReason, why: string, ms: number): Promise<boolean> {
    return (await BEGIN.run(this.#redis, [this.#keys.hold], [reason, why, Math.ceil(ms)])) === 1
  }

  /** Ends holds; resolves to how many of them were on. */
  async end(...reasons: HoldReason[]): Promise<number> {
    const { hold, answers, service } = this.#keys
    return Number(await END.run(this.#redis, [hold, answers, service], reasons))
  }

  /**
   * Asks to be the one who probes, for `ms` at most. `credentials` stands for what the call would be made with. Only
   * holds that a probe can end are probed, when their time has come.
   */
  async claimProbe(token: string, ms: number, credentials: string): Promise<boolean> {
    return (await CLAIM.run(this.#redis, [this.#keys.hold], [token, ms, credentials])) === 1
  }

  /** The probe was not made. */
  async giveProbeBack(token: string): Promise<void> {
    await GIVE_BACK.run(this.#redis, [this.#keys.hold], [token])
  }

  /** Codes that an operator has accepted: they are no suspicion any more, and mean not found. */
  async accepted(): Promise<Set<number>> {
    return new Set((await this.#redis.smembers(this.#keys.accepted)).map(Number))
  }

  async accept(code: number): Promise<void> {
    await this.#redis.sadd(this.#keys.accepted, String(code))
    await this.#redis.publish(this.#keys.hold, 'changed')
  }
}

function readHold(text: string): Omit<Hold, 'reason'> {
  const { why, since, expiresAt, nextProbeAt = null, probes, kind = null } = JSON.parse(text) as Omit<Hold, 'reason'>
  return { why, since, expiresAt, nextProbeAt, probes, kind }
}

/** One line for people: what holds, and what ends it. `at` is Redis' time. */
export function holdInWords(hold: Hold, at: number): string {
  const { reason, why, since, expiresAt, nextProbeAt } = hold
  const ends = `ends in ${inWords(expiresAt - at)} at the latest; `
  // A hold for results is prolonged as long as it is needed: its end says nothing.
  const next = nextProbeAt !== null ? `next probe in ${inWords(nextProbeAt - at)}; ` : reason === 'results' ? '' : ends
  return `held (${reason}) for ${inWords(at - since)}: ${why}; ${next}${cureOf(hold)}`
}

function inWords(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  if (seconds <= 120) return `${seconds} s`
  return seconds <= 7200 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3600)} h`
}
