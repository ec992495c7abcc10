/** What people and other programs may do with a running fleet: see its limits and holds, and change them. */

import type { Hold, HoldReason } from '../domain/hold.ts'
import { cureOf, holdInWords } from '../gate/hold-words.ts'
import { Holds } from '../gate/holds.ts'
import { LimitStore, type Limits } from '../gate/limits.ts'
import { quotaSpent } from '../gate/quota.ts'
import type { Redis } from '../redis/connections.ts'
import type { GateKeys, QueueNames } from '../redis/names.ts'
import { gateKeysFor } from './known-services.ts'

export type { Limits } from '../gate/limits.ts'
export { holdInWords }

export interface FleetGate {
  /** Redis' time, ms. */
  at: number
  holds: (Hold & { cure: string })[]
  /** What was set by hand. */
  limitsSet: Partial<Limits>
  /** Calls in flight, if they are limited. */
  callsInFlight: number
}

export class FleetControl {
  readonly #holds: Holds
  readonly #limits: LimitStore

  readonly #redis: Redis
  readonly #keys: GateKeys

  private constructor(redis: Redis, keys: GateKeys) {
    this.#redis = redis
    this.#keys = keys
    this.#holds = new Holds(redis, keys)
    this.#limits = new LimitStore(redis, keys)
  }

  /**
   * The control of the fleet that calls the service at `endpoint`; null: of the only fleet that there is. Throws an
   * UnknownService.
   */
  static async of(redis: Redis, names: QueueNames, endpoint: string | null): Promise<FleetControl> {
    return new FleetControl(redis, await gateKeysFor(redis, names, endpoint))
  }

  async read(): Promise<FleetGate> {
    const [{ at, holds }, limitsSet, callsInFlight] = await Promise.all([
      this.#holds.read(),
      this.#limits.read(),
      this.#limits.inFlight(),
    ])
    return { at, holds: holds.map((hold) => ({ ...hold, cure: cureOf(hold) })), limitsSet, callsInFlight }
  }

  /** Calls that are spent of a quota of this period. `at`: Redis' time, ms. */
  spent(periodMs: number, at: number): Promise<number> {
    return quotaSpent(this.#redis, this.#keys, periodMs, at)
  }

  /** Stops all calls for `ms` at most. False if they were stopped by hand already; then only the time is set anew. */
  async hold(who: string, why: string, ms: number): Promise<boolean> {
    return this.#holds.begin('manual', why, ms, { who, action: 'hold', arguments: { forMs: ms, reason: why } })
  }

  /**
   * Ends every hold. `acceptCode` is a response code that is right after all, and means not found. Resolves to the reasons of
   * the holds that were on.
   */
  async release(who: string, acceptCode: number | null = null): Promise<HoldReason[]> {
    return this.#holds.release(who, acceptCode)
  }

  /** Sets these limits; `reset` drops what else was set. */
  async changeLimits(who: string, limits: Partial<Limits>, reset = false): Promise<void> {
    await this.#limits.change(who, limits, reset)
  }
}
