/** What the fleet has told people, in Redis: whichever of its processes speaks next knows it. */

import type { Redis } from '../redis/connections.ts'
import { type QueueNames, toldKey } from '../redis/names.ts'
import type { Told } from './notices.ts'

/** A fleet that is stopped for longer begins anew. */
const KEPT_MS = 30 * 86_400_000

export class ToldNotices {
  readonly #redis: Redis
  readonly #key: string

  constructor(redis: Redis, names: QueueNames) {
    this.#redis = redis
    this.#key = toldKey(names)
  }

  async read(): Promise<Map<string, Told>> {
    const fields = Object.entries(await this.#redis.hgetall(this.#key))
    return new Map(fields.map(([kind, text]) => [kind, JSON.parse(text) as Told]))
  }

  async keep(kind: string, told: Told): Promise<void> {
    await this.#redis.multi().hset(this.#key, kind, JSON.stringify(told)).pexpire(this.#key, KEPT_MS).exec()
  }
}
