/**
 * Whether Redis may throw lookups away when its memory is full. Asked every five seconds, because the policy can be
 * changed live.
 */

import { every } from '../clock.ts'
import type { Observe } from '../domain/event.ts'
import type { Redis } from './connections.ts'
import { SAFE_POLICY, unsafePolicy } from './preflight.ts'

const ASK_EVERY_MS = 5_000

export class MemoryPolicy {
  readonly #redis: Redis
  readonly #observe: Observe
  /** As last seen. */
  #unsafe: string | null | undefined
  #timer: { stop: () => void } | null = null

  /** `redis` gives up by itself when Redis hangs. */
  constructor(redis: Redis, observe: Observe) {
    this.#redis = redis
    this.#observe = observe
  }

  /** The policy if it is not the right one, else null. */
  get unsafe(): string | null {
    return this.#unsafe ?? null
  }

  async start(): Promise<void> {
    this.#timer = every(ASK_EVERY_MS, () => this.#ask())
    await this.#ask()
  }

  stop(): void {
    this.#timer?.stop()
  }

  /** Never rejects. While Redis does not answer, the last value stands. */
  async #ask(): Promise<void> {
    const before = this.#unsafe
    const seen = await unsafePolicy(this.#redis).catch(() => before)
    if (seen === undefined || seen === before) return
    this.#unsafe = seen
    this.#observe({
      type: 'memory-policy',
      policy: seen ?? SAFE_POLICY,
      isSafe: seen === null,
      isFirst: before === undefined,
    })
  }
}
