/** Cancels lookups that no worker has in hand, by name or by what they are: each gets its result, and is a dead letter. */

import { LANES, type Lane } from '../domain/lane.ts'
import type { Selection } from '../domain/selection.ts'
import { CancelLookups, type ToCancel } from '../queues/cancel-lookups.ts'
import type { Cancelled } from '../queues/cancel-script.ts'
import { placesInWait } from '../queues/found-in-list.ts'
import { namedLookupsIn } from '../queues/named-lookups.ts'
import type { ResultQueueOptions } from '../queues/result-queue.ts'
import type { Redis } from '../redis/connections.ts'
import { actionKey, type QueueNames, queueOf } from '../redis/names.ts'
import { namedLookups, selectedLookups } from './activity.ts'
import { type ActionOptions, inSteps } from './in-steps.ts'
import { planOfNamed } from './named-plan.ts'
import {
  actOnEach,
  actOnSelected,
  type PacedEnd,
  type Plan,
  type PlanOptions,
  planOf,
  type StepEnd,
  stepEnd,
} from './paced.ts'
import { whyResultsPileUp } from './piled-up-results.ts'
import { type FoundLookup, Selected } from './selected.ts'

export interface CancelSettings extends ResultQueueOptions {
  /** Unconsumed results at which it waits; null: it never does. */
  resultBacklogLimit: number | null
}

/**
 * Which lookups: those of these ids, or those that a selection means. With a producer, the ids of other producers' lookups are
 * not known.
 */
export type WhichLookups = { lookupIds: readonly string[]; producer?: string } | { selection: Selection }

export interface CancelOptions extends ActionOptions {
  /** Who does it, for the activity. */
  who: string
}

/**
 * Cancels them at a pace, and waits while results pile up. Rejects when Redis fails, and with the signal's reason; what was
 * done is done, and running it again does the rest.
 */
export async function cancel(
  redis: Redis,
  names: QueueNames,
  settings: CancelSettings,
  which: WhichLookups,
  { who, ...options }: CancelOptions,
): Promise<PacedEnd> {
  const cancelling = new Cancelling(redis, names, settings)
  const args = 'selection' in which ? selectedLookups(which.selection) : namedLookups(which.lookupIds)
  return inSteps(redis, names, { who, action: 'cancel', arguments: args }, options, (stepsKey, steps) => {
    const paced = { ...steps, waitsFor: () => cancelling.waitsFor() }
    if ('lookupIds' in which) {
      return actOnEach(which.lookupIds, (ids) => cancelling.named(ids, stepsKey, which.producer), paced)
    }
    const selected = new Selected(redis, names, which.selection)
    return actOnSelected(selected, mayBeCancelled, (found) => cancelling.found(found, stepsKey), paced)
  })
}

/**
 * Cancels one that nobody waits for any more; whether it did. No hand does this, so no activity is noted, only counted.
 * Rejects when Redis fails.
 */
export async function cancelUnawaited(
  redis: Redis,
  names: QueueNames,
  settings: CancelSettings,
  lookupId: string,
): Promise<boolean> {
  const { done } = await new Cancelling(redis, names, settings).named([lookupId], actionKey(names, 'unawaited'))
  return done === 1
}

/** Those that a selection may mean here: all others are in hand, or have ended. */
export function mayBeCancelled({ state }: Pick<FoundLookup, 'state'>): boolean {
  return state === 'waiting' || state === 'delayed'
}

/** What cancelling them would do. Rejects when Redis fails, and with the signal's reason. */
export async function cancelPlan(
  redis: Redis,
  names: QueueNames,
  which: WhichLookups,
  options?: PlanOptions,
): Promise<Plan> {
  if ('selection' in which) return planOf(new Selected(redis, names, which.selection), mayBeCancelled, options)
  const { lookupIds, producer } = which
  return planOfNamed(redis, names, lookupIds, mayBeCancelled, (lookup) => isOf(producer, lookup))
}

function isOf(producer: string | undefined, lookup: Pick<FoundLookup, 'producer'>): boolean {
  return producer === undefined || lookup.producer === producer
}

export class Cancelling {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #settings: CancelSettings
  readonly #lookups: CancelLookups

  constructor(redis: Redis, names: QueueNames, settings: CancelSettings) {
    this.#redis = redis
    this.#names = names
    this.#settings = settings
    this.#lookups = new CancelLookups(redis, names, settings)
  }

  /** Those that are named, of this producer if one is given. Rejects when Redis fails. */
  async named(lookupIds: readonly string[], stepsKey: string, producer?: string): Promise<StepEnd> {
    const why = new Map<string, Cancelled>()
    for (const lane of LANES) {
      const unknown = lookupIds.filter((id) => (why.get(id) ?? 'gone') === 'gone')
      const left = producer === undefined ? unknown : await this.#ofProducer(producer, lane, unknown)
      const places = await placesInWait(this.#redis, this.#names, queueOf(this.#names, lane), left)
      const some = left.map((lookupId) => ({ lookupId, at: places.get(lookupId) ?? null }))
      for (const [id, how] of await this.#lookups.cancel(lane, some, stepsKey)) why.set(id, how)
    }
    return stepEnd(lookupIds, why)
  }

  /** Those that were found. Rejects when Redis fails. */
  async found(lookups: readonly FoundLookup[], stepsKey: string): Promise<StepEnd> {
    const ends = await Promise.all(LANES.map((lane) => this.#ofLane(lane, lookups, stepsKey)))
    return { done: ends.reduce((sum, { done }) => sum + done, 0), refused: ends.flatMap(({ refused }) => refused) }
  }

  async #ofProducer(producer: string, lane: Lane, lookupIds: readonly string[]): Promise<string[]> {
    const found = await namedLookupsIn(this.#redis, this.#names, lane, lookupIds, { at: 0, searched: 0 })
    return found.filter((lookup) => isOf(producer, lookup)).map(({ lookupId }) => lookupId)
  }

  async #ofLane(lane: Lane, lookups: readonly FoundLookup[], stepsKey: string): Promise<StepEnd> {
    const some: ToCancel[] = lookups
      .filter((lookup) => lookup.lane === lane)
      .map(({ lookupId, behind }) => ({ lookupId, at: behind === null ? null : behind + 1 }))
    const ids = some.map(({ lookupId }) => lookupId)
    return stepEnd(ids, await this.#lookups.cancel(lane, some, stepsKey))
  }

  /** Why it has to wait: nobody takes the results. Null: it need not. */
  waitsFor(): Promise<string | null> {
    return whyResultsPileUp(this.#redis, this.#names, this.#settings.resultBacklogLimit)
  }
}
