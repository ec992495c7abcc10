/**
 * Putting lookups back that have ended (redrive), and ending dead letters for good (drop): those that are named, or that
 * a selection means, at a pace. What is done is done once, in Redis (queues/ended-lookups.ts), so an action that was cut off
 * is finished by running it again; then what it has put back already, and what has ended again since, is left alone.
 */

import { fromIso } from '../clock.ts'
import type { Hold } from '../domain/hold.ts'
import { LANES } from '../domain/lane.ts'
import type { Selection } from '../domain/selection.ts'
import { type Acted, EndedLookups, type Steps } from '../queues/ended-lookups.ts'
import type { Redis } from '../redis/connections.ts'
import { type QueueNames, queueOf } from '../redis/names.ts'
import { redisTime } from '../redis/time.ts'
import { namedLookups, readActivity, selectedLookups } from './activity.ts'
import { costOf } from './cost.ts'
import type { FleetControl } from './fleet-control.ts'
import { isCauseOf, mayBeCause, refusalInWords } from './held-cause.ts'
import { type ActionOptions, inSteps, type StepOptions } from './in-steps.ts'
import { planOfNamed } from './named-plan.ts'
import {
  actOnEach,
  actOnSelected,
  type PacedEnd,
  type PacedOptions,
  type Plan,
  planOf,
  type StepEnd,
  stepEnd,
} from './paced.ts'
import { whyResultsPileUp } from './piled-up-results.ts'
import { type FoundLookup, Selected } from './selected.ts'
import type { FleetStatus } from './status.ts'

export type EndedAction = 'redrive' | 'drop'

export interface EndedRequest {
  action: EndedAction
  who: string
  /** Without a state: dead ones. */
  selection: Selection
  /** Instead of a selection, of which then the state alone counts. */
  lookupIds: readonly string[] | null
  /** Why they are dropped. */
  reason?: string
  /** Also a cause for which the fleet holds, and without waiting for the end of the hold. */
  force?: boolean
}

export interface EndedPlan extends Plan {
  /** Calls that it costs at least, and seconds at the pace and the limit in force. */
  calls: number
  seconds: number
  /** Why it is refused: the fleet holds for the cause of some of them. Null: it is not. */
  refused: string | null
}

export interface EndedEnd extends PacedEnd {
  /** When the action that this one went on with began, ISO 8601; null: it is a new one. */
  wentOnFrom: string | null
}

export interface EndedSettings {
  /** Unconsumed results at which a redrive waits; null: it never does. */
  resultBacklogLimit: number | null
}

/** Rejects with an UnknownService where it is not clear whose fleet is meant. */
export interface FleetView {
  control(): Promise<FleetControl>
  status(): Promise<FleetStatus>
}

/** Null: such lookups can be put back, or dropped. */
export function problemOfState(action: EndedAction, { state, result }: Selection): string | null {
  if (state === undefined || state === 'dead') return null
  if (action === 'redrive' && state === 'finished' && result !== 'failed') return null
  return action === 'drop'
    ? 'state: expected dead, the only one that can be dropped'
    : 'state: expected dead or finished'
}

const GOES_ON_WITHIN_MS = 86_400_000
const ENTRIES_LOOKED_AT = 100

export class EndedActions {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #settings: EndedSettings
  readonly #fleet: FleetView
  readonly #ended: EndedLookups

  constructor(redis: Redis, names: QueueNames, settings: EndedSettings, fleet: FleetView) {
    this.#redis = redis
    this.#names = names
    this.#settings = settings
    this.#fleet = fleet
    this.#ended = new EndedLookups(redis, names)
  }

  /** What it would do. Rejects when Redis fails. */
  async plan(
    request: EndedRequest,
    options: Pick<StepOptions, 'ratePerSecond' | 'signal'>,
    onLooked?: (looked: number) => void,
  ): Promise<EndedPlan> {
    const holds = request.action === 'redrive' ? await this.#holds() : []
    const heldFor = new Set<Hold>()
    const isMeant = (lookup: FoundLookup) => {
      if (lookup.state !== (request.selection.state ?? 'dead')) return false
      for (const hold of holds) if (isCauseOf(hold, lookup)) heldFor.add(hold)
      return true
    }
    const plan = request.lookupIds
      ? await planOfNamed(this.#redis, this.#names, request.lookupIds, isMeant)
      : await planOf(this.#selected(request), isMeant, { ...options, ...(onLooked && { onLooked }) })
    const calls = request.action === 'redrive' ? plan.count : 0
    const perSecond = calls > 0 ? costOf(calls, await this.#fleet.status()).perSecond : null
    const rate = Math.min(options.ratePerSecond, perSecond ?? Number.POSITIVE_INFINITY)
    const [hold] = request.force || request.lookupIds ? [] : heldFor // those that are named wait for the end of the hold
    return { ...plan, calls, seconds: Math.ceil(plan.count / rate), refused: hold ? refusalInWords(hold) : null }
  }

  /** Why a selection is refused; null: it is not. Looks at it only while the fleet holds for what some may have failed with. */
  async refusal(request: EndedRequest, options: Pick<StepOptions, 'ratePerSecond' | 'signal'>): Promise<string | null> {
    if (request.action !== 'redrive' || request.force || request.lookupIds) return null
    if (!(await this.#holds()).some(mayBeCause)) return null
    return (await this.plan(request, options)).refused
  }

  /** Rejects when Redis fails, and with the signal's reason. */
  async run(request: EndedRequest, options: ActionOptions): Promise<EndedEnd> {
    const told = argumentsOf(request)
    const from = request.action === 'redrive' ? await this.#unfinished(told) : null
    const since = from ? fromIso(from) : Math.floor(await redisTime(this.#redis, queueOf(this.#names, 'batch')))
    const { who, action } = request
    const byHand = { who, action, arguments: from ? { ...told, since: from } : told }
    const end = await inSteps(this.#redis, this.#names, byHand, options, (stepsKey, paced) =>
      this.#act(request, { stepsKey, since }, paced),
    )
    return { ...end, wentOnFrom: from }
  }

  #act(request: EndedRequest, steps: Steps, options: StepOptions): Promise<PacedEnd> {
    const paced: PacedOptions = {
      ...options,
      ...(request.action === 'redrive' && { waitsFor: () => this.#waitsFor(request) }),
    }
    if (request.lookupIds) return actOnEach(request.lookupIds, (ids) => this.#named(ids, request, steps), paced)
    const act = (lookups: FoundLookup[]) => this.#found(lookups, request, steps)
    return actOnSelected(this.#selected(request), () => true, act, paced)
  }

  #selected({ selection }: EndedRequest): Selected {
    return new Selected(this.#redis, this.#names, { state: 'dead', ...selection })
  }

  async #holds(): Promise<readonly Hold[]> {
    return (await (await this.#fleet.control()).read()).holds
  }

  async #waitsFor({ force }: EndedRequest): Promise<string | null> {
    const pile = await whyResultsPileUp(this.#redis, this.#names, this.#settings.resultBacklogLimit)
    if (pile !== null) return pile
    const hold = (await this.#holds()).find(({ reason }) => !force || reason === 'results')
    return hold ? `the fleet is held (${hold.reason}: ${hold.why})` : null
  }

  async #named(ids: readonly string[], request: EndedRequest, steps: Steps): Promise<StepEnd> {
    const why = new Map<string, Acted>()
    for (const lane of LANES) {
      const left = ids.filter((id) => (why.get(id) ?? 'gone') === 'gone')
      await this.#each(queueOf(this.#names, lane), left, request, steps, why)
    }
    return stepEnd(ids, why)
  }

  async #found(lookups: readonly FoundLookup[], request: EndedRequest, steps: Steps): Promise<StepEnd> {
    const ends: StepEnd = { done: 0, refused: [] }
    for (const lane of LANES) {
      const ids = lookups.filter((one) => one.lane === lane).map(({ lookupId }) => lookupId)
      const why = new Map<string, Acted>()
      await this.#each(queueOf(this.#names, lane), ids, request, steps, why)
      const { done, refused } = stepEnd(ids, why)
      ends.done += done
      ends.refused.push(...refused)
    }
    return ends
  }

  async #each(
    queue: string,
    ids: readonly string[],
    request: EndedRequest,
    steps: Steps,
    why: Map<string, Acted>,
  ): Promise<void> {
    if (ids.length === 0) return
    const mayBeFinished = request.selection.state === 'finished'
    const acted =
      request.action === 'redrive'
        ? await this.#ended.redrive(queue, ids, steps, mayBeFinished)
        : await this.#ended.drop(queue, ids, steps)
    for (const [index, id] of ids.entries()) why.set(id, acted[index] ?? 'gone')
  }

  /** When the same action began that is not finished: cut off, stopped, or still running elsewhere. Null: there is none. */
  async #unfinished(told: Readonly<Record<string, unknown>>): Promise<string | null> {
    const same = JSON.stringify(told)
    const at = await redisTime(this.#redis, queueOf(this.#names, 'batch'))
    const found = (await readActivity(this.#redis, this.#names, ENTRIES_LOOKED_AT)).find((entry) => {
      const { since: _, ...given } = entry.arguments
      return entry.action === 'redrive' && JSON.stringify(given) === same
    })
    if (!found || found.state === 'done') return null
    if (at - fromIso(found.at) > GOES_ON_WITHIN_MS) return null
    return typeof found.arguments.since === 'string' ? found.arguments.since : found.at
  }
}

function argumentsOf({ selection, lookupIds, reason, force }: EndedRequest): Record<string, unknown> {
  return {
    ...(lookupIds ? { ...namedLookups(lookupIds), ...selection } : selectedLookups(selection)),
    ...(reason !== undefined && { reason }),
    ...(force && { force }),
  }
}
