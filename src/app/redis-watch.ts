/** Redis as a process sees it that starts also without one (API, webhook): is it fit, does it answer, will it keep what it has. */

import { within } from '../clock.ts'
import { ConfigError } from '../config/config.ts'
import type { Observe } from '../domain/event.ts'
import { placeInWords, type RedisPlace } from '../redis/connections.ts'
import { MemoryPolicy } from '../redis/memory-policy.ts'
import { type QueueNames, servicesKey } from '../redis/names.ts'
import { preflight } from '../redis/preflight.ts'
import { Pulse } from '../redis/pulse.ts'
import type { Connections } from './connections.ts'

/** A Redis that is there has said by then what it is. */
const PREFLIGHT_MS = 3_000

export class RedisWatch {
  readonly pulse: Pulse
  readonly memory: MemoryPolicy
  readonly #config: RedisPlace
  readonly #connections: Connections
  readonly #observe: Observe

  constructor(config: RedisPlace & QueueNames, connections: Connections, observe: Observe) {
    this.#config = config
    this.#connections = connections
    this.#observe = observe
    const quick = connections.impatient('health')
    this.pulse = new Pulse(quick, servicesKey(config))
    this.memory = new MemoryPolicy(quick, observe)
  }

  /** Throws a ConfigError if Redis is there and not fit; one that is away is waited for. */
  async start(): Promise<void> {
    const redis = this.#connections.impatient('preflight')
    const asked = new Promise<void>((resolve) => redis.once('ready', () => resolve()))
      .then(() => preflight(redis, placeInWords(this.#config).variable))
      .catch(() => null) // whoever asks next will meet it, and say so
    const fitness = await within(PREFLIGHT_MS, asked)
    redis.disconnect()
    if (fitness && fitness !== 'late') {
      if (fitness.problems.length > 0) throw new ConfigError(fitness.problems)
      for (const what of fitness.unknown) this.#observe({ type: 'redis-unknown', what })
    }
    await Promise.all([this.pulse.start(), this.memory.start()])
  }

  stop(): void {
    this.pulse.stop()
    this.memory.stop()
  }
}
