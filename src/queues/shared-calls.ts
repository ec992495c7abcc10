/**
 * Where lookups of one connection id, in any process, find out that one of them is calling, and how that call ended; and
 * first of all, whether a lookup has had its result already, because then it needs no call.
 */

import { randomBytes } from 'node:crypto'
import { every } from '../clock.ts'
import { BriefMap } from '../domain/brief-map.ts'
import type { Lane } from '../domain/lane.ts'
import type { ResultStatus } from '../domain/result.ts'
import type { Redis } from '../redis/connections.ts'
import { EachScript, type ScriptInput } from '../redis/each-script.ts'
import { formerMarkerKeys, type LookupIdentity, markersKey, type QueueNames, sharingKeys } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { NOW_LUA } from '../redis/time.ts'
import { Together } from '../redis/together.ts'
import { MARKED_LUA, markOf, statusIn } from './marker.ts'

/** Whoever makes the call for all who meet at these keys. */
export interface Lead {
  token: string
  call: string
  answer: string
}

export type Joined =
  | { is: 'has-result'; status: ResultStatus }
  | { is: 'leader'; lead: Lead }
  | { is: 'follower'; leader: string }
  | { is: 'answered'; end: string; source: 'shared' | 'cache' }

export interface SharedCallsSettings {
  /** A leader that died is noticed after this, ms. */
  leaseMs: number
  /** How long a ChatRequest serves everybody, ms; 0: never. */
  cacheTtlMs: number
}

/** Followers look every few milliseconds; an answer is kept for them this long. */
const ANSWER_MS = 2000

const AT = `${NOW_LUA}
local at = math.floor(now())`

// First: markers; lease ms, cache ms. Each: two keys that its marker had in earlier versions, call, answer; its mark, my token,
// when I was put on the queue, the token I follow ('' for none).
const JOIN = new EachScript(
  `${AT}
local MARKERS = KEYS[1]
${MARKED_LUA}
local LEASE_MS, CACHE_MS = ARGV[1], tonumber(ARGV[2])

local function one(FORMER, BEFORE, CALL, ANSWER, mark, token, askedAt, following)
  local marker = markedAs(mark, FORMER, BEFORE)
  if marker then return { 'has-result', marker } end
  local answer = redis.call('HMGET', ANSWER, 'token', 'startedAt', 'endedAt', 'good', 'found', 'end')
  if answer[1] then
    if answer[1] == following then return { 'answered', answer[6], 'shared' } end
    local isNew = answer[4] == '1' and tonumber(askedAt) > 0 and tonumber(askedAt) <= tonumber(answer[2])
    if isNew and at - tonumber(answer[3]) <= ${ANSWER_MS} then return { 'answered', answer[6], 'shared' } end
    if answer[5] == '1' and at - tonumber(answer[3]) < CACHE_MS then return { 'answered', answer[6], 'cache' } end
  end
  local leader = redis.call('HGET', CALL, 'token')
  if leader then
    redis.call('HSET', CALL, 'followed', 1)
    return { 'follower', leader }
  end
  redis.call('HSET', CALL, 'token', token, 'startedAt', at)
  redis.call('PEXPIRE', CALL, LEASE_MS)
  return { 'leader', token }
end`,
  { first: { keys: 1, args: 2 }, each: { keys: 4, args: 4 } },
)

const RENEW = new Script(`
local CALL = KEYS[1]
local token, leaseMs = unpack(ARGV)
if redis.call('HGET', CALL, 'token') ~= token then return 0 end
return redis.call('PEXPIRE', CALL, leaseMs)`)

// First: cache ms. Each: call, answer; token, what the call came to ('' if that was not sent), good ('' for a call that came to
// nothing), found, followed in its own process. What it came to is kept only if others want it; 'wanted': they do, and it
// was not sent.
const LEAVE = new EachScript(
  `${AT}
local CACHE_MS = tonumber(ARGV[1])

local function one(CALL, ANSWER, token, ended, good, found, followedHere)
  local call = redis.call('HMGET', CALL, 'token', 'startedAt', 'followed')
  if call[1] ~= token then return 'gone' end
  local cacheMs = found == '1' and CACHE_MS or 0
  local isWanted = good ~= '' and (call[3] or followedHere == '1' or cacheMs > 0)
  if isWanted and ended == '' then return 'wanted' end
  redis.call('DEL', CALL)
  if not isWanted then return 'left' end
  redis.call('HSET', ANSWER, 'token', token, 'startedAt', call[2], 'endedAt', at, 'good', good, 'found', found, 'end', ended)
  redis.call('PEXPIRE', ANSWER, math.max(${ANSWER_MS}, cacheMs))
  return 'left'
end`,
  { first: { keys: 0, args: 1 }, each: { keys: 2, args: 5 } },
)

export interface SharedEnd {
  /** Made only if somebody wants it. */
  text: () => string
  /** An answer, not a failure. */
  good: boolean
  /** An answer with a ChatRequest. */
  found: boolean
}

const nothing = () => {}
const flag = (value: boolean) => (value ? '1' : '0')

/** One lookup that wants a call. */
export interface Sharer {
  lookup: LookupIdentity
  lane: Lane
  connectionId: string
  askedAt: number
}

export class SharedCalls {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #asker: () => string
  readonly #settings: SharedCallsSettings
  readonly #process = randomBytes(6).toString('hex')
  /** Calls of this process that are over, until Redis knows. */
  readonly #leaving = new BriefMap<string, { lead: Lead; left: Promise<void> }>()
  readonly #joins: Together<ScriptInput, string[]>
  readonly #leaves: Together<ScriptInput, string>
  readonly #leads = new BriefMap<string, Lead>()
  #renewal: { stop: () => void } | null = null
  #count = 0

  /** `asker` stands for the service, the credentials in force, and what response codes mean at the moment. */
  constructor(redis: Redis, names: QueueNames, asker: () => string, settings: SharedCallsSettings) {
    this.#redis = redis
    this.#names = names
    this.#asker = asker
    this.#settings = settings
    const { leaseMs, cacheTtlMs } = settings
    this.#joins = new Together((all) =>
      JOIN.run(redis, { keys: [markersKey(names)], args: [leaseMs, cacheTtlMs] }, all),
    )
    this.#leaves = new Together((all) => LEAVE.run(redis, { keys: [], args: [cacheTtlMs] }, all))
  }

  /** The same text for lookups that may share a call. */
  meetingPlace({ lane, connectionId }: Sharer): string {
    return `${lane} ${this.#asker()} ${connectionId}`
  }

  /** Resolves to a place: it leads, follows, has its answer or its result. `following`: the leader whose end is awaited. */
  async join({ lookup, lane, connectionId, askedAt }: Sharer, following: string): Promise<Joined> {
    const { call, answer } = sharingKeys(this.#names, lane, this.#asker(), connectionId)
    const token = `${this.#process}${this.#count++}`
    const leaving = this.#leaving.get(call)
    if (leaving) await leaving.left // or one that calls again at once would follow itself
    const former = formerMarkerKeys(this.#names, lookup)
    const joining = { keys: [...former, call, answer], args: [markOf(lookup), token, askedAt, following] }
    const [is, what = '', source] = await this.#joins.ask(joining)
    if (is === 'has-result') return { is, status: statusIn(what) as ResultStatus }
    if (is === 'leader') return { is, lead: { token: what, call, answer } }
    if (is === 'follower') return { is, leader: what }
    return { is: 'answered', end: what, source: source as 'shared' | 'cache' }
  }

  /** Says from now on that the leader is alive, until it leaves. */
  keepAlive(lead: Lead): void {
    this.#leads.set(lead.token, lead)
    this.#renewal ??= every(this.#settings.leaseMs / 3, () => this.#renewAll())
  }

  /** One timer serves all leaders of this process, and stops when there are none. */
  #renewAll(): void {
    if (this.#leads.size === 0) {
      this.#renewal?.stop()
      this.#renewal = null
    }
    for (const { call, token } of this.#leads.values())
      RENEW.run(this.#redis, [call], [token, this.#settings.leaseMs]).then(nothing, nothing)
  }

  /**
   * The call is over; `end` null: without an end that others can use. Nobody waits for this, because followers notice a
   * missing leader soon enough.
   */
  leave(lead: Lead, end: SharedEnd | null, isFollowed: boolean): void {
    this.#leads.delete(lead.token)
    this.#leaving.set(lead.call, { lead, left: this.#leave(lead, end, isFollowed) })
  }

  /** Never rejects. */
  async #leave(lead: Lead, end: SharedEnd | null, isFollowed: boolean): Promise<void> {
    const isWantedHere = isFollowed || this.#settings.cacheTtlMs > 0
    try {
      const left = await this.#askToLeave(lead, end, isFollowed, isWantedHere)
      if (left === 'wanted') await this.#askToLeave(lead, end, isFollowed, true)
    } catch {
      // Redis is away: its lease ends.
    } finally {
      if (this.#leaving.get(lead.call)?.lead === lead) this.#leaving.delete(lead.call)
    }
  }

  /** What the call came to is as long as a result, and hardly ever wanted: it is sent only to those who want it. */
  #askToLeave({ token, call, answer }: Lead, end: SharedEnd | null, isFollowed: boolean, isWanted: boolean) {
    const text = end && isWanted ? end.text() : ''
    const args = [token, text, end ? flag(end.good) : '', end ? flag(end.found) : '', flag(isFollowed)]
    return this.#leaves.ask({ keys: [call, answer], args })
  }
}
