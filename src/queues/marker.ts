/**
 * The marker: this lookup has had its result. The script that publishes the result sets the marker with it
 * (result-queue.ts). A marker lives RESULT_MARKER_TTL_MS, whatever becomes of the result; until then no second result is
 * published.
 */

import type { ResultStatus } from '../domain/result.ts'
import type { Redis } from '../redis/connections.ts'
import { type LookupIdentity, markerKeys, type QueueNames } from '../redis/names.ts'
import { Together } from '../redis/together.ts'

/** `before`: the marker of an earlier version. */
export const MARKER_LUA = `
local function hasMarker(marker, before) return redis.call('EXISTS', marker, before) > 0 end
local function setMarker(marker, status, lifeMs) redis.call('SET', marker, status, 'PX', lifeMs) end
`

export class Markers {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #together = new Together<LookupIdentity, ResultStatus | null>((all) => this.#read(all))

  constructor(redis: Redis, names: QueueNames) {
    this.#redis = redis
    this.#names = names
  }

  /** The status of the result that the lookup has had, or null. */
  statusOf(identity: LookupIdentity): Promise<ResultStatus | null> {
    return this.#together.ask(identity)
  }

  /** Which of these lookups have no marker. */
  async missing<T extends LookupIdentity>(identities: T[]): Promise<T[]> {
    if (identities.length === 0) return []
    const statuses = await this.#read(identities)
    return identities.filter((_, index) => statuses[index] === null)
  }

  async #read(identities: LookupIdentity[]): Promise<(ResultStatus | null)[]> {
    const values = await this.#redis.mget(identities.flatMap((identity) => markerKeys(this.#names, identity)))
    return identities.map((_, index) => (values[2 * index] ?? values[2 * index + 1] ?? null) as ResultStatus | null)
  }
}
