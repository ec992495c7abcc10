/**
 * What the fleet remembers of the service's answers. It tells whose failure it was when a lookup failed. The reports of
 * all calls write it (report-script.ts).
 */

import type { Redis } from '../redis/connections.ts'
import type { GateKeys } from '../redis/names.ts'

export interface ServiceMemory {
  /** When the service last answered, Redis time, ms; 0: never. */
  answeredAt: number
  /** Connection ids that it has answered, the last one first. */
  answered: string[]
  /** The one that it enriched last; null if it never did. */
  enriched: string | null
  /** When the last hold for it, or for our configuration, ended or will end at the latest; 0 if there was none. */
  heldUntil: number
}

export class ServiceMemories {
  readonly #redis: Redis
  readonly #key: string

  constructor(redis: Redis, keys: GateKeys) {
    this.#redis = redis
    this.#key = keys.service
  }

  async read(): Promise<ServiceMemory> {
    const fields = ['answeredAt', 'answeredId', 'answeredBefore', 'enrichedId', 'heldUntil']
    const [answeredAt, last, before, enriched, heldUntil] = await this.#redis.hmget(this.#key, ...fields)
    return {
      answeredAt: Number(answeredAt ?? 0),
      answered: [last, before].filter((id): id is string => typeof id === 'string'),
      enriched: enriched ?? null,
      heldUntil: Number(heldUntil ?? 0),
    }
  }
}
