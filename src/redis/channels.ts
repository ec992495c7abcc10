/**
 * Many channels on one connection, in parts: one SUBSCRIBE of 10,000 channels keeps Redis busy for tens of milliseconds. For
 * the same reason they are subscribed to again here when the connection was lost, not by ioredis. (A Cluster's
 * subscriptions are ioredis' own; it does not say when it has lost them.)
 */

import { after } from '../clock.ts'
import type { Redis } from './connections.ts'

/** Takes Redis half a millisecond. */
const PART = 500
const LEAVE_AFTER_MS = 50

export class Channels {
  readonly #redis: Redis
  readonly #onBack: () => void
  readonly #channels = new Set<string>()
  #left: string[] = []
  #wasReady: boolean

  /** `redis` does nothing else. `onBack`: the connection was lost, and all are subscribed to again; messages may be lost. */
  constructor(redis: Redis, onMessage: (channel: string, message: string) => void, onBack: () => void) {
    this.#redis = redis
    this.#onBack = onBack
    this.#wasReady = redis.status === 'ready'
    redis.options.autoResubscribe = false
    redis.on('message', onMessage)
    redis.on('ready', () => {
      if (this.#wasReady) void this.#again()
      this.#wasReady = true
    })
  }

  /** Resolves when no message on them is missed any more. */
  async join(channels: string[]): Promise<void> {
    for (const channel of channels) this.#channels.add(channel)
    await this.#subscribe(channels)
  }

  /**
   * What was published before now has been heard when this resolves. And a connection whose other end has gone without a
   * word is noticed by this, because it owes an answer.
   */
  async heard(channel: string | undefined): Promise<void> {
    if (channel === undefined) return
    await this.#redis.subscribe(channel)
    if (!this.#channels.has(channel)) this.leave(channel)
  }

  leave(channel: string): void {
    this.#channels.delete(channel)
    if (this.#left.push(channel) > 1) return
    after(LEAVE_AFTER_MS, () => {
      const left = this.#left.filter((one) => !this.#channels.has(one))
      this.#left = []
      for (const part of parts(left)) void this.#redis.unsubscribe(...part).catch(() => {})
    })
  }

  async #again(): Promise<void> {
    try {
      await this.#subscribe([...this.#channels])
      this.#onBack()
    } catch {
      // The connection is lost once more, and comes back, or is given up.
    }
  }

  async #subscribe(channels: string[]): Promise<void> {
    for (const part of parts(channels)) await this.#redis.subscribe(...part)
  }
}

function parts(channels: string[]): string[][] {
  const count = Math.ceil(channels.length / PART)
  return Array.from({ length: count }, (_, index) => channels.slice(index * PART, (index + 1) * PART))
}
