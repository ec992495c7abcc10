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
import { ActionInSteps } from '../redis/activity.ts'
import type { Redis } from '../redis/connections.ts'
import { type QueueNames, queueOf } from '../redis/names.ts'
import { redisTime } from '../redis/time.ts'
import { hashOfId, namedLookups, readActivity } from './activity.ts'
import type { FleetControl } from './fleet-control.ts'
import { Fleet } from './members.ts'
import { actOnEach, actOnSelected, type PacedEnd, type PacedOptions, type Plan, planOf, type StepEnd } from './paced.ts'
import { type FoundLookup, Selected } from './selected.ts'

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

type Options = Omit<PacedOptions, 'waitsFor'>

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
  readonly #control: () => Promise<FleetControl>
  readonly #ended: EndedLookups

  constructor(redis: Redis, names: QueueNames, control: () => Promise<FleetControl>) {
    this.#redis = redis
    this.#names = names
    this.#control = control
    this.#ended = new EndedLookups(redis, names)
  }

  /** What it would do with a selection. Rejects when Redis fails. */
  async plan(
    request: EndedRequest,
    options: Pick<Options, 'ratePerSecond' | 'signal'>,
    onLooked?: (looked: number) => void,
  ): Promise<EndedPlan> {
    const holds = request.action === 'redrive' ? (await (await this.#control()).read()).holds : []
    const heldFor = new Set<Hold>()
    const isMeant = (lookup: FoundLookup) => {
      for (const hold of holds) if (isCauseOf(hold, lookup)) heldFor.add(hold)
      return true
    }
    const plan = await planOf(this.#selected(request), isMeant, { ...options, ...(onLooked && { onLooked }) })
    const calls = request.action === 'redrive' ? plan.count : 0
    const rate = calls > 0 ? Math.min(options.ratePerSecond, await this.#fleetRate()) : options.ratePerSecond
    const [hold] = request.force ? [] : heldFor
    return { ...plan, calls, seconds: Math.ceil(plan.count / rate), refused: hold ? refusal(hold) : null }
  }

  /** Rejects when Redis fails, and with the signal's reason. */
  async run(request: EndedRequest, options: Options): Promise<EndedEnd> {
    const told = argumentsOf(request)
    const from = request.action === 'redrive' ? await this.#unfinished(told) : null
    const since = from ? fromIso(from) : Math.floor(await redisTime(this.#redis, queueOf(this.#names, 'batch')))
    const { who, action } = request
    const steps = await ActionInSteps.begin(this.#redis, this.#names, {
      who,
      action,
      arguments: from ? { ...told, since: from } : told,
    })
    let how: 'done' | 'stopped' = 'stopped'
    try {
      const end = await this.#act(request, { stepsKey: steps.stepsKey, since }, options)
      how = 'done'
      return { ...end, wentOnFrom: from }
    } finally {
      await steps.end(how).catch(() => {}) // its hash says how far it came
    }
  }

  #act(request: EndedRequest, steps: Steps, options: Options): Promise<PacedEnd> {
    const paced: PacedOptions = {
      ...options,
      ...(request.action === 'redrive' && { waitsFor: () => this.#held(request) }),
    }
    if (request.lookupIds) return actOnEach(request.lookupIds, (ids) => this.#named(ids, request, steps), paced)
    const act = (lookups: FoundLookup[]) => this.#found(lookups, request, steps)
    return actOnSelected(this.#selected(request), () => true, act, paced)
  }

  #selected({ selection }: EndedRequest): Selected {
    return new Selected(this.#redis, this.#names, { state: 'dead', ...selection })
  }

  async #held({ force }: EndedRequest): Promise<string | null> {
    const { holds } = await (await this.#control()).read()
    const hold = holds.find(({ reason }) => !force || reason === 'results')
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

  /** Calls a second; Infinity: no limit is known. */
  async #fleetRate(): Promise<number> {
    const [{ limitsSet }, { members }] = await Promise.all([
      this.#control().then((control) => control.read()),
      new Fleet(this.#redis, this.#names).read(),
    ])
    if ('rate' in limitsSet) return limitsSet.rate ?? Number.POSITIVE_INFINITY
    return Math.min(...members.map(({ limits }) => limits.rate ?? Number.POSITIVE_INFINITY))
  }
}

function stepEnd(ids: readonly string[], why: ReadonlyMap<string, Acted>): StepEnd {
  const refused = ids.flatMap((lookupId) => {
    const how = why.get(lookupId) ?? 'gone'
    return how === 'done' ? [] : [{ lookupId, why: how }]
  })
  return { done: ids.length - refused.length, refused }
}

function argumentsOf({ selection, lookupIds, reason, force }: EndedRequest): Record<string, unknown> {
  const { connectionId, correlationId, ...open } = selection
  return {
    ...(lookupIds ? namedLookups(lookupIds) : {}),
    ...open,
    ...(connectionId !== undefined && { connection: hashOfId(connectionId) }),
    ...(correlationId !== undefined && { correlation: hashOfId(correlationId) }),
    ...(reason !== undefined && { reason }),
    ...(force && { force }),
  }
}

const OF_THE_SERVICE = ['network', 'timeout', 'http-status', 'soap-fault', 'unreadable']
const OF_THE_CONFIGURATION = ['http-status', 'soap-fault', 'response-code', 'network']

/** Whether this lookup would most likely end again as it did, as long as the fleet holds for this. */
function isCauseOf({ reason, kind }: Hold, { failure, fault, responseCode }: FoundLookup): boolean {
  if (reason !== 'service' && reason !== 'configuration') return false
  if (kind?.startsWith('code:')) return kind === `code:${responseCode}`
  if (kind?.startsWith('fault:')) return kind === `fault:${fault}`
  return (reason === 'service' ? OF_THE_SERVICE : OF_THE_CONFIGURATION).includes(failure ?? '')
}

function refusal({ reason, why }: Hold): string {
  return `the fleet is held for what some of them failed with (${reason}: ${why}): put them back when it calls again, or --force`
}
