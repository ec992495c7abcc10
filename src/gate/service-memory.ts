/**
 * What the fleet remembers of the service's answers. It tells whose failure it was when a lookup failed. The reports of
 * all calls write it (report-script.ts).
 */

import type { Redis } from '../redis/connections.ts'
import type { GateKeys } from '../redis/names.ts'
import { Script } from '../redis/script.ts'

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
    this.#key = keys.memory
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

const FORGET = new Script(`
local MEMORY = KEYS[1]
local id, removed = ARGV[1], 0
for _, field in ipairs({ 'answeredId', 'answeredBefore', 'enrichedId' }) do
  if redis.call('HGET', MEMORY, field) == id then removed = removed + redis.call('HDEL', MEMORY, field) end
end
return removed`)

/** Takes a connection id out of what is remembered under this key. True if it was there. */
export async function forgetInMemory(redis: Redis, key: string, connectionId: string): Promise<boolean> {
  return Number(await FORGET.run(redis, [key], [connectionId])) > 0
}
