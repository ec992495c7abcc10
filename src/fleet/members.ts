/**
 * The fleet as its members see themselves: each worker process writes a line about itself, which ends with it. The members
 * are those who serve these queues; another fleet under the same prefix has its own.
 */

import type { Redis } from '../redis/connections.ts'
import { memberKey, membersKey, type QueueNames } from '../redis/names.ts'
import { redisTime } from '../redis/time.ts'

export interface Member {
  id: string
  host: string
  pid: number
  version: string
  startedAt: string
  concurrency: number
  inProgress: number
  /** Lookups that got their result here, a second, over the last ten. */
  perSecond: number
  /** As its own environment has them; null: none. */
  limits: { rate: number | null; burst: number; inFlight: number | null }
  stopping: boolean
}

export const MEMBER_BEAT_MS = 2_000
const MEMBER_TTL_MS = 10_000

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
      .set(this.#key(member.id), JSON.stringify(member), 'PX', MEMBER_TTL_MS)
      .zadd(this.#members, String(seen), member.id)
      .zremrangebyscore(this.#members, '-inf', String(seen - MEMBER_TTL_MS))
      .exec()
  }

  async leave(id: string): Promise<void> {
    await this.#redis.multi().del(this.#key(id)).zrem(this.#members, id).exec()
  }

  async members(): Promise<Member[]> {
    const ids = await this.#redis.zrange(this.#members, '0', '-1')
    if (ids.length === 0) return []
    const lines = await this.#redis.mget(ids.map((id) => this.#key(id)))
    return lines.filter((line) => line !== null).map((line) => JSON.parse(line) as Member)
  }

  get #members(): string {
    return membersKey(this.#names)
  }

  #key(id: string): string {
    return memberKey(this.#names, id)
  }
}
