/** What people and other programs may do with a running fleet: see its limits and holds, and change them. */

import type { Hold } from '../domain/hold.ts'
import { cureOf, holdInWords } from '../gate/hold-words.ts'
import { Holds, type PaceSet, type Released, type ReleaseOptions } from '../gate/holds.ts'
import { LimitStore, type Limits } from '../gate/limits.ts'
import { type PastHold, readPastHolds } from '../gate/past-holds.ts'
import { quotaSpent } from '../gate/quota.ts'
import { readGate } from '../gate/read-gate.ts'
import type { Redis } from '../redis/connections.ts'
import type { GateKeys, QueueNames } from '../redis/names.ts'
import { type ByHandSet, gateByHand } from './by-hand.ts'
import { DEFAULT_REASON } from './hold-by-hand.ts'
import { gateKeysFor } from './known-services.ts'
import { Fleet } from './members.ts'

export type { PaceSet, Released, ReleaseOptions } from '../gate/holds.ts'
export type { Limits } from '../gate/limits.ts'
export type { PastHold } from '../gate/past-holds.ts'
export { holdInWords }

export interface FleetGate {
  /** Redis' time, ms. */
  at: number
  holds: (Hold & { cure: string })[]
  /** What was set by hand. */
  limitsSet: Partial<Limits>
  /** The part of the pace at which it goes until it is released in full; null: all of it. */
  pace: PaceSet | null
  /** What somebody has changed by hand, and is still so. */
  byHand: ByHandSet[]
  /** Calls in flight, if they are limited. */
  callsInFlight: number
}

/** A part of the pace was asked for, where nothing limits the pace. */
export class NoPace extends Error {
  constructor() {
    super(
      '--pace: expected a fleet with a limit of calls a second, got one without: there is no pace to go at a part of. ' +
        'Set a limit instead: chat-enricher limit --rate N',
    )
  }
}

export class FleetControl {
  readonly #holds: Holds
  readonly #limits: LimitStore

  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #keys: GateKeys

  private constructor(redis: Redis, names: QueueNames, keys: GateKeys) {
    this.#redis = redis
    this.#names = names
    this.#keys = keys
    this.#holds = new Holds(redis, keys)
    this.#limits = new LimitStore(redis, keys)
  }

  /**
   * The control of the fleet that calls the service at `endpoint`; null: of the only fleet that there is. Throws an
   * UnknownService.
   */
  static async of(redis: Redis, names: QueueNames, endpoint: string | null): Promise<FleetControl> {
    return new FleetControl(redis, names, await gateKeysFor(redis, names, endpoint))
  }

  async read(): Promise<FleetGate> {
    const { at, holds, pace, limitsSet: set, accepted, callsInFlight } = await readGate(this.#redis, this.#keys)
    const limitsSet = Object.fromEntries(set.map(({ name, value }) => [name, value]))
    const byHand = gateByHand(holds, pace, set, accepted)
    return { at, holds: holds.map((hold) => ({ ...hold, cure: cureOf(hold) })), limitsSet, pace, byHand, callsInFlight }
  }

  /** The last holds, also those that are over: from when to when (Redis' time, ms), and why. */
  pastHolds(): Promise<PastHold[]> {
    return readPastHolds(this.#redis, this.#keys)
  }

  /** Calls that are spent of a quota of this period. `at`: Redis' time, ms. */
  spent(periodMs: number, at: number): Promise<number> {
    return quotaSpent(this.#redis, this.#keys, periodMs, at)
  }

  /**
   * Stops all calls for `ms` at most. False if they were stopped by hand already; then the time is set anew, and the reason if
   * one is given, because whoever prolongs a hold does not want to say it again.
   */
  async hold(who: string, why: string | null, ms: number): Promise<boolean> {
    const reason = why ?? (await this.#reasonSoFar()) ?? DEFAULT_REASON
    return this.#holds.begin('manual', reason, ms, { who, action: 'hold', arguments: { forMs: ms, reason } })
  }

  async #reasonSoFar(): Promise<string | undefined> {
    return (await this.#holds.read()).holds.find(({ reason }) => reason === 'manual')?.why
  }

  /**
   * Ends every hold; the fleet begins slowly, and then goes on in full or at that part of its pace. Throws a NoPace where
   * nothing limits its pace.
   */
  async release(who: string, options: ReleaseOptions = {}): Promise<Released> {
    if (options.pace != null && (await this.#isUnlimited())) throw new NoPace()
    return this.#holds.release(who, options)
  }

  /** Whether some worker calls as fast as it can. */
  async #isUnlimited(): Promise<boolean> {
    const set = await this.#limits.read()
    if (set.rate !== undefined) return set.rate === null
    return (await new Fleet(this.#redis, this.#names).members()).some(({ limits }) => limits.rate === null)
  }

  /** Sets these limits; `reset` drops what else was set. */
  async changeLimits(who: string, limits: Partial<Limits>, reset = false): Promise<void> {
    await this.#limits.change(who, limits, reset)
  }
}
