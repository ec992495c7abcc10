/**
 * Whether Redis answers, and how far this machine's clock is off Redis' clock. Asked every two seconds, and at each new
 * connection.
 */

import { every, monotonic, now } from '../clock.ts'
import type { Redis } from './connections.ts'
import { redisTime } from './time.ts'

const ASK_EVERY_MS = 2_000

export class Pulse {
  readonly #redis: Redis
  readonly #key: string
  #answersSince: number | null = null
  #skewMs = 0
  #timer: { stop: () => void } | null = null

  /** `redis` gives up by itself if Redis hangs. `key` tells a Cluster which node is ours. */
  constructor(redis: Redis, key: string) {
    this.#redis = redis
    this.#key = key
  }

  get answers(): boolean {
    return this.#answersSince !== null
  }

  /** For how long Redis has answered every time; 0 if it does not answer. */
  get answersForMs(): number {
    return this.#answersSince === null ? 0 : monotonic() - this.#answersSince
  }

  /** This machine's clock minus Redis' clock, ms, as last seen. */
  get skewMs(): number {
    return this.#skewMs
  }

  async start(): Promise<void> {
    this.#timer = every(ASK_EVERY_MS, () => this.ask())
    this.#redis.on('ready', () => void this.ask())
    await this.ask()
  }

  stop(): void {
    this.#timer?.stop()
  }

  /** Never rejects. */
  async ask(): Promise<void> {
    const before = now()
    try {
      const at = await redisTime(this.#redis, this.#key)
      this.#skewMs = (before + now()) / 2 - at
      this.#answersSince ??= monotonic()
    } catch {
      this.#answersSince = null
    }
  }
}
