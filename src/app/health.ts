/** Whether a worker process lives and may be given work, in words for an operator. */

import { monotonic } from '../clock.ts'
import type { LookupEvent, RedisErrorKind } from '../domain/event.ts'

export interface Readiness {
  ready: boolean
  /** Why not, if it is not. */
  reasons: string[]
}

export interface Liveness {
  live: boolean
  reasons: string[]
}

/** What is looked at. */
export interface Vitals {
  isStopping(): boolean
  redis: { answers: boolean; skewMs: number }
  memory: { unsafe: string | null }
  workers: readonly { isRunning: boolean }[]
  stuckWatch: { isStuck: boolean }
  /** What else is wrong, in words; null: nothing. */
  further?(): string | null
}

/**
 * The largest skew that is accepted, because delays, and the times at which lookups finish, are by this machine's clock.
 */
const MAX_CLOCK_SKEW_MS = 5_000
/** What Redis said is what is wrong for so long; the parts that meet it ask again within seconds. */
const TROUBLE_LASTS_MS = 30_000

/** What Redis said when it was there and refused. */
const REFUSALS: Partial<Record<RedisErrorKind, string>> = {
  auth: 'Redis refuses our user or password, or a command that its ACL does not allow',
  oom: "Redis' memory is full: it takes no writes",
  readonly: 'Redis is a read-only replica',
  loading: 'Redis is still reading its data',
}

export class Health {
  readonly #vitals: Vitals
  #refusal: { kind: RedisErrorKind; at: number } | null = null

  constructor(vitals: Vitals) {
    this.#vitals = vitals
  }

  /** Hears what happens, because only whoever asked Redis knows what it said. */
  hear(event: LookupEvent): void {
    if (event.type === 'redis-error' && REFUSALS[event.kind]) this.#refusal = { kind: event.kind, at: monotonic() }
    if (event.type === 'redis-ready' || event.type === 'published') this.#refusal = null
  }

  /**
   * Live unless a restart would help. Redis and the service play no part, because in their outage an orchestrator would
   * restart the whole fleet for nothing.
   */
  liveness(): Liveness {
    const isStuck = this.#vitals.stuckWatch.isStuck && !this.#vitals.isStopping()
    return { live: !isStuck, reasons: isStuck ? ['takes no lookups, though it could and Redis answers'] : [] }
  }

  readiness(): Readiness {
    const { redis, memory, workers } = this.#vitals
    const said = this.#said
    const reasons = [
      this.#vitals.isStopping() ? 'stopping' : null,
      redis.answers ? null : (said ?? 'Redis does not answer'),
      workers.every(({ isRunning }) => isRunning)
        ? null
        : `workers take no lookups: ${said ?? 'they do not run (yet)'}`,
      memory.unsafe &&
        `maxmemory-policy of Redis is ${memory.unsafe}, which may throw lookups away: set it to noeviction`,
      this.#vitals.further?.(),
      Math.abs(redis.skewMs) > MAX_CLOCK_SKEW_MS && `clock is ${(redis.skewMs / 1000).toFixed(1)} s off that of Redis`,
    ].filter((text) => typeof text === 'string')
    return { ready: reasons.length === 0, reasons }
  }

  get #said(): string | null {
    const isRecent = this.#refusal !== null && monotonic() - this.#refusal.at < TROUBLE_LASTS_MS
    return (isRecent && this.#refusal && REFUSALS[this.#refusal.kind]) || null
  }
}
