/**
 * Says whether each accepted lookup got exactly one result. It shares no code with the product and none with BullMQ's
 * consumer: a result is taken from the result queue and put on a list of the auditor's in one script, so that no result is
 * seen twice or missed because of what happens to the auditor's own connection.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Result } from '../../src/domain/result.ts'

/** What a consumer does with a result it has: removes it at once, or keeps it among the completed ones. */
export type Consumption = 'remove' | 'retain'

export interface Audit {
  accepted: number
  results: number
  /** Lookups without a result. */
  lost: string[]
  /** Results beyond the first, of whatever lookup. */
  duplicates: string[]
  /** Results of lookups that nobody accepted for certain: the producer got no answer. */
  unasked: number
  notEnriched: Result[]
}

/** The auditor's own list in Redis. */
export const TAKEN = 'auditor:taken'

// KEYS: the result queue's wait, its completed, the auditor's list. ARGV: prefix of a job's key, 'retain' or 'remove'.
const TAKE = `
for _ = 1, 200 do
  local id = redis.call('LINDEX', KEYS[1], -1)
  if not id then break end
  local job = ARGV[1] .. id
  local data = redis.call('HGET', job, 'data')
  if data then redis.call('RPUSH', KEYS[3], data) end -- first: out of memory, this is what is refused
  redis.call('RPOP', KEYS[1])
  if data and ARGV[2] == 'retain' then redis.call('ZADD', KEYS[2], 1, id) else redis.call('DEL', job) end
end
return redis.call('LLEN', KEYS[3])`

/** Of an auditor's connection: it asks again soon. */
export const IMPATIENT = {
  protocol: 2,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  commandTimeout: 2000,
  retryStrategy: () => 100,
} as const

export class Auditor {
  /** Lookups that Redis has said it has, by id. */
  readonly accepted = new Set<string>()
  readonly results: Result[] = []
  consumption: Consumption = 'remove'
  /** While true, nobody consumes. */
  paused = false
  readonly #redis: Redis
  readonly #queue: string
  /** In a Cluster it must lie where the queues lie. */
  readonly #taken: string
  #closed = false
  readonly #looking: Promise<void>

  /** `redis` may be a connection that finds its Redis by itself; it is the auditor's from then on. */
  constructor(redis: string | Redis, resultQueue = 'chat-results', prefix = 'bull') {
    this.#queue = `${prefix}:${resultQueue}`
    const own = resultQueue === 'chat-results' ? TAKEN : `${TAKEN}:${resultQueue}`
    this.#taken = prefix === 'bull' ? own : `${prefix}:${own}`
    this.#redis = typeof redis === 'string' ? new Redis(redis, IMPATIENT) : redis
    this.#redis.on('error', () => {})
    this.#looking = this.#look()
  }

  of(lookupId: string): Result[] {
    return this.results.filter((result) => result.lookupId === lookupId)
  }

  audit(): Audit {
    const seen = new Map<string, number>()
    for (const { lookupId, redrive } of this.results) {
      const key = redrive > 0 ? `${lookupId} ${redrive}` : lookupId
      seen.set(key, (seen.get(key) ?? 0) + 1)
    }
    return {
      accepted: this.accepted.size,
      results: this.results.length,
      lost: [...this.accepted].filter((id) => !seen.has(id)),
      duplicates: [...seen].filter(([, count]) => count > 1).map(([id]) => id),
      unasked: [...seen.keys()].filter((id) => !this.accepted.has(id)).length,
      notEnriched: this.results.filter(({ status }) => status !== 'enriched'),
    }
  }

  /** Resolves when every accepted lookup has a result, or rejects, saying how many have none. */
  async complete(withinMs = 60_000): Promise<Audit> {
    const end = performance.now() + withinMs
    const have = new Set<string>()
    let read = 0
    for (;;) {
      for (; read < this.results.length; read++) have.add((this.results[read] as Result).lookupId)
      const left = [...this.accepted].filter((id) => !have.has(id)).length
      if (left === 0) return this.audit()
      if (performance.now() > end) throw new Error(`${left} of ${this.accepted.size} lookups have no result`)
      await sleep(100)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#looking
    this.#redis.disconnect()
  }

  async #look(): Promise<void> {
    const keys = [`${this.#queue}:wait`, `${this.#queue}:completed`, this.#taken]
    while (!this.#closed) {
      try {
        if (!this.paused) await this.#redis.eval(TAKE, 3, ...keys, `${this.#queue}:`, this.consumption)
        const more = await this.#redis.lrange(this.#taken, String(this.results.length), '-1')
        for (const text of more) this.results.push(JSON.parse(text) as Result)
      } catch {
        // Redis is what is being broken. A connection that has ended for good is no reason to see nothing.
        if (this.#redis.status === 'end') this.#redis.connect().catch(() => {})
      }
      await sleep(50)
    }
  }
}
