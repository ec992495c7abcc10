/**
 * The fleet as its members see themselves: each worker process writes a line about itself, which ends with it. The members
 * are those who serve these queues; another fleet under the same prefix has its own.
 */

import type { Redis } from '../redis/connections.ts'
import { memberKey, membersKey, type QueueNames } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { NOW_LUA, redisTime } from '../redis/time.ts'
import type { CallsFor } from './callers.ts'
import type { SeenCertificate } from './certificates.ts'

/** How long finished lookups and markers are kept. */
export interface Keeps {
  lookupsMs: number
  markersMs: number
}

export interface Member {
  id: string
  host: string
  pid: number
  version: string
  startedAt: string
  concurrency: number
  inProgress: number
  /** Lookups that got their result in this process, a second, over the last ten seconds. */
  perSecond: number
  /** What the calls of a lookup take, on the average; null: it has called nobody yet. Missing: a worker of an older version. */
  callMs?: number | null
  /** The limits of its own environment; null: none. */
  limits: { rate: number | null; burst: number; inFlight: number | null }
  /** Its longer limit; null: none. */
  quota: { calls: number; periodMs: number } | null
  /** Missing: a worker of an older version. */
  keeps?: Keeps
  /** Of what should be the same in all workers: what is not as by default. Missing: a worker of an older version. */
  settings?: Record<string, string>
  stopping: boolean
  /** Stands for SOAP_ENDPOINT, as in keys. Missing: a worker of an older version. */
  service?: string
  /** The part of the pace that is kept for interactive lookups. Missing: a worker of an older version. */
  interactiveShare?: number
  /** For whom it called in the last minute; empty where no lookup said who asks. Missing: a worker of an older version. */
  callers?: CallsFor[]
  /** The last one that the service showed; null: none yet, or no TLS. Missing: a worker of an older version. */
  certificate?: SeenCertificate | null
}

/** Each setting in which they differ, with the values that there are. Of a worker that says nothing, nothing is known. */
export function differingSettings(members: readonly Member[]): [name: string, values: string[]][] {
  const told = members.flatMap(({ settings }) => (settings ? [settings] : []))
  const names = [...new Set(told.flatMap((settings) => Object.keys(settings)))].sort()
  return names.flatMap((name): [string, string[]][] => {
    const values = [...new Set(told.map((settings) => settings[name] ?? 'the default'))]
    return values.length > 1 ? [[name, values]] : []
  })
}

export interface SeenMember extends Member {
  /** When it was last heard of; it says something every two seconds. */
  seenMsAgo: number
}

export const MEMBER_BEAT_MS = 2_000
/** A member that is not heard of for so long is gone. */
const GONE_AFTER_MS = 10_000
/** By then others have taken up what a dead member had in hand: its locks have ended, and somebody has looked. */
export const TAKEN_UP_WITHIN_MS = 40_000
const KEPT_MS = 2 * TAKEN_UP_WITHIN_MS

// PREFIX is the key of a member's line without its id. Answers the time, the ids with when each was heard of, and their lines.
const READ = new Script(`
local MEMBERS, PREFIX = KEYS[1], ARGV[1]
${NOW_LUA}
local heard, keys = redis.call('ZRANGE', MEMBERS, 0, -1, 'WITHSCORES'), {}
for i = 1, #heard, 2 do keys[#keys + 1] = PREFIX .. heard[i] end
return { string.format('%.3f', now()), heard, #keys > 0 and redis.call('MGET', unpack(keys)) or {} }`)

export class Fleet {
  readonly #redis: Redis
  readonly #names: QueueNames

  constructor(redis: Redis, names: QueueNames) {
    this.#redis = redis
    this.#names = names
  }

  async beat(member: Member): Promise<void> {
    const seen = Math.floor(await redisTime(this.#redis, this.#members))
    await this.#redis
      .multi()
      .set(this.#key(member.id), JSON.stringify(member), 'PX', KEPT_MS)
      .zadd(this.#members, String(seen), member.id)
      .zremrangebyscore(this.#members, '-inf', String(seen - KEPT_MS))
      .exec()
  }

  async leave(id: string): Promise<void> {
    await this.#redis.multi().del(this.#key(id)).zrem(this.#members, id).exec()
  }

  /** Those that are there. */
  async members(): Promise<SeenMember[]> {
    return (await this.read()).members
  }

  /** Also those that died a moment ago with lookups in hand. */
  async read(): Promise<{ members: SeenMember[]; lost: SeenMember[] }> {
    const reply = await READ.run(this.#redis, [this.#members], [this.#key('')])
    const [at, pairs, lines] = reply as [string, string[], (string | null)[]]
    const seen = lines.flatMap((line, index) => {
      if (line === null) return []
      const seenMsAgo = Math.max(0, Math.floor(Number(at) - Number(pairs[2 * index + 1])))
      return [{ ...(JSON.parse(line) as Member), seenMsAgo }]
    })
    return {
      members: seen.filter(({ seenMsAgo }) => seenMsAgo <= GONE_AFTER_MS),
      lost: seen.filter(({ seenMsAgo, inProgress }) => seenMsAgo > GONE_AFTER_MS && inProgress > 0),
    }
  }

  get #members(): string {
    return membersKey(this.#names)
  }

  #key(id: string): string {
    return memberKey(this.#names, id)
  }
}
