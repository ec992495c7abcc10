/** Everything that a face (command line, HTTP, library) can see and do of a running fleet, through one connection. */

import type { Writable } from 'node:stream'
import type { ConfigOf } from '../config/config.ts'
import type { Lane } from '../domain/lane.ts'
import type { Result } from '../domain/result.ts'
import type { Selection } from '../domain/selection.ts'
import type { Waits } from '../domain/waits.ts'
import { type ActionSeen, type Activity, readAction, readActivity } from '../fleet/activity.ts'
import type { ByHandSet } from '../fleet/by-hand.ts'
import {
  type CancelOptions,
  type CancelSettings,
  cancel,
  cancelPlan,
  cancelUnawaited,
  type WhichLookups,
} from '../fleet/cancel.ts'
import { type CallsCost, costOf } from '../fleet/cost.ts'
import { type DeadLetterGroup, type DeadLetters, type LookOptions, readDeadLetters } from '../fleet/dead-letters.ts'
import {
  EndedActions,
  type EndedEnd,
  type EndedPlan,
  type EndedRequest,
  type EndedSettings,
} from '../fleet/ended-actions.ts'
import {
  type FindOptions,
  type FindPage,
  type FindStep,
  findAll,
  findDead,
  findPage,
  type LookupView,
  waitsOfNamed,
} from '../fleet/find.ts'
import { FleetControl, type FleetGate } from '../fleet/fleet-control.ts'
import { Forget, type ForgetEnd, type ForgetOptions } from '../fleet/forget.ts'
import { type History, HistoryReader } from '../fleet/history.ts'
import type { PacedEnd, Plan, PlanOptions } from '../fleet/paced.ts'
import { removeFleet } from '../fleet/remove-fleet.ts'
import { Selected } from '../fleet/selected.ts'
import { noteShown } from '../fleet/shown.ts'
import {
  type DearReads,
  type FleetStatus,
  type FleetWork,
  type GateStatus,
  readStatus,
  seldomReads,
} from '../fleet/status.ts'
import { type Awaited, ResultWaiter } from '../intake/await-results.ts'
import { type DryRun, dryRun } from '../intake/dry-run.ts'
import { HoldWatch } from '../intake/hold-watch.ts'
import { readResult, readStory, type LookupStory as StoryOfLookup } from '../intake/lookup-story.ts'
import { submit, type ToAdd } from '../intake/submit.ts'
import type { LogSettings } from '../observe/logger.ts'
import { connectionIdsOf, LookupQueues, type NewLookup } from '../queues/lookup-queue.ts'
import { ResultConsumer } from '../queues/result-consumer.ts'
import { resultStreamOf } from '../queues/result-stream.ts'
import { commandConnection, type Redis, type RedisPlace } from '../redis/connections.ts'
import { shortHash } from '../redis/names.ts'
import { givenUp } from './reach-redis.ts'

export type {
  Activity,
  Awaited,
  ByHandSet,
  DeadLetterGroup,
  EndedActions,
  EndedEnd,
  EndedPlan,
  EndedRequest,
  FleetStatus,
  FleetWork,
  ForgetEnd,
  GateStatus,
  NewLookup,
  Result,
}

/** Where Redis is, which queues, and which service's fleet; without a service, the only one that workers were set to. */
export type HallConfig = ConfigOf<'redis' | 'queues'> & Partial<ConfigOf<'endpoint'>>

export interface LookupStory extends StoryOfLookup {
  /** Why it waits; null: it does not. */
  waits: Waits | null
}

/** Waits for results; takes none from whoever consumes them. */
export type Waiting = Pick<ResultWaiter, 'expect' | 'lookFor' | 'forget' | 'waiting' | 'isLost'>

/** `callsAtMost`: before retries. `callsShared`: if each lookup shares its call with all of the same connection id. */
export interface DryRunEnd extends DryRun, CallsCost {
  callsAtMost: number
  callsShared: number
}

type DrySource = Omit<Parameters<typeof dryRun>[0], 'connectionIdsOf'>

/** Takes results from the queue. */
export type Consumer = Pick<ResultConsumer, 'next' | 'close'>

export interface Log extends Pick<LogSettings, 'logFormat'> {
  out: Writable & { isTTY?: boolean }
}

export class Hall {
  readonly #redis: Redis
  readonly #config: HallConfig
  readonly #open: (place: RedisPlace, name: string) => Redis
  readonly #closers: (() => void)[] = []
  readonly #seldom: DearReads
  #history: HistoryReader | null = null

  /** `open` makes the other connections that some of the work needs. */
  constructor(redis: Redis, config: HallConfig, open = commandConnection) {
    this.#redis = redis
    this.#config = config
    this.#open = open
    this.#seldom = seldomReads(redis, this.#place)
  }

  status(): Promise<FleetStatus> {
    return readStatus(this.#redis, this.#place, this.#seldom)
  }

  /** What the fleet did in the last hour. */
  history(): Promise<History> {
    this.#history ??= new HistoryReader(this.#redis, this.#place)
    return this.#history.read()
  }

  /** What is known of one lookup; null: nothing. */
  async story(lookupId: string): Promise<LookupStory | null> {
    const story = await readStory(this.#redis, this.#config, lookupId)
    if (story === null) return null
    return { ...story, waits: story.result === null ? await waitsOfNamed(this.#redis, this.#place, story) : null }
  }

  /** The result of the lookup with this story, as long as it is there. */
  resultOf(story: LookupStory): Promise<Result | null> {
    return readResult(this.#redis, this.#config, story)
  }

  /** The same, once it is noted that `who` has looked at it. */
  async show(story: LookupStory, who: string): Promise<Result | null> {
    const result = await this.resultOf(story)
    if (result) await noteShown(this.#redis, this.#config, who, story.lookupId)
    return result
  }

  /** Who did what by hand, the newest first; at most `limit` entries. */
  activity(limit: number): Promise<Activity[]> {
    return readActivity(this.#redis, this.#config, limit)
  }

  /** An action of many steps, as far as it has come; null: there is none of that id. */
  action(id: string): Promise<ActionSeen | null> {
    return readAction(this.#redis, this.#config, id)
  }

  /** The same as people and programs see them, with why each waits. */
  find(selection: Selection, signal?: AbortSignal): AsyncGenerator<FindStep> {
    return findAll(this.#redis, this.#place, selection, signal)
  }

  /** A page of them. */
  findPage(selection: Selection, options?: FindOptions): Promise<FindPage> {
    return findPage(this.#redis, this.#place, selection, options)
  }

  /** The dead letter of this id; null: there is none. */
  deadLetter(lookupId: string): Promise<LookupView | null> {
    return findDead(this.#redis, this.#place, lookupId)
  }

  /** What cancelling them would do. */
  cancelPlan(which: WhichLookups, options?: PlanOptions): Promise<Plan> {
    return cancelPlan(this.#redis, this.#config, which, options)
  }

  /** Ends those that no worker has in hand, each with its result. */
  cancel(settings: Omit<CancelSettings, 'stream'>, which: WhichLookups, options: CancelOptions): Promise<PacedEnd> {
    return cancel(this.#redis, this.#config, this.#publishing(settings), which, options)
  }

  /** The same for one that nobody waits for any more; whether no worker had it in hand. */
  cancelUnawaited(settings: Omit<CancelSettings, 'stream'>, lookupId: string): Promise<boolean> {
    return cancelUnawaited(this.#redis, this.#config, this.#publishing(settings), lookupId)
  }

  #publishing(settings: Omit<CancelSettings, 'stream'>): CancelSettings {
    return { ...settings, stream: resultStreamOf(this.#config) }
  }

  /** Lookups that gave up, of those that are selected, in groups by cause. */
  deadLetters(selection: Selection, options?: LookOptions): Promise<DeadLetters> {
    return readDeadLetters(new Selected(this.#redis, this.#config, { ...selection, state: 'dead' }), options)
  }

  /** Puts lookups back that have ended, or ends dead letters for good. */
  endedActions(settings: EndedSettings): EndedActions {
    return new EndedActions(this.#redis, this.#config, settings, this)
  }

  /** Throws an UnknownService where it is not clear whose fleet is meant. */
  control(): Promise<FleetControl> {
    return FleetControl.of(this.#redis, this.#config, this.#endpoint)
  }

  /** Puts lookups on a queue, in chunks; see `intake/submit.ts`. */
  submit(
    lane: Lane,
    lookups: AsyncIterable<NewLookup> | Iterable<NewLookup>,
    before?: (chunk: NewLookup[]) => Promise<ToAdd>,
  ): AsyncGenerator<NewLookup[]> {
    return submit(new LookupQueues(this.#redis, this.#config), lane, lookups, before)
  }

  /** Reports how the lookups ended that it is told to expect, until the hall is left. */
  awaitResults(onResult: (awaited: Awaited) => void): Waiting {
    const subscriber = this.#open(this.#config, 'enqueue-wait')
    subscriber.on('error', () => {}) // told by what fails
    const waiter = new ResultWaiter({ redis: this.#redis, subscriber }, this.#config, onResult)
    this.#closers.push(() => {
      waiter.stop()
      subscriber.disconnect()
    })
    return waiter
  }

  /** Tells which holds are on, and when that changes, until the hall is left; nothing where it is not clear whose. */
  watchHolds(onChange: (gate: FleetGate) => void): Pick<HoldWatch<FleetGate>, 'look'> {
    const watch = new HoldWatch(async () => (await this.control()).read(), onChange)
    this.#closers.push(() => watch.stop())
    return watch
  }

  /** What enqueueing these would put on a queue, and what that takes. Writes nothing. */
  async dryRun(source: DrySource, signal?: AbortSignal): Promise<DryRunEnd> {
    const connectionIdsOf = (ids: string[]) => this.connectionIdsOf(ids)
    const told = await dryRun({ ...source, connectionIdsOf }, signal)
    const { lookups, repeatedIds } = told
    const cost = costOf(lookups, await this.status())
    return { ...told, callsAtMost: lookups, callsShared: lookups - repeatedIds, ...cost }
  }

  /** For which connection ids these lookups are on a queue already, finished ones included. */
  connectionIdsOf(lookupIds: string[]): Promise<Map<string, unknown>> {
    return connectionIdsOf(this.#redis, this.#config, lookupIds)
  }

  /** `onUnreadable` hears the ids of results that cannot be read; they are set apart as failed. */
  async consumer(onUnreadable?: (id: string) => void): Promise<Consumer> {
    const consumer = new ResultConsumer(this.#redis, this.#config, onUnreadable)
    await consumer.start()
    return consumer
  }

  /** Erases every trace of a connection id, and writes one line about that on `log`: a hash of the id, and counts. */
  async forget(connectionId: string, log: Log, options: ForgetOptions): Promise<ForgetEnd> {
    const { createLogger } = await import('../observe/logger.ts') // dear to load, and needed here alone
    const logger = createLogger({ ...log, logLevel: 'info' }, log.out) // an audit line is not to be turned off
    const end = await new Forget(this.#redis, this.#config, connectionId, this.#config.resultStream).run(options)
    const { removed, active } = end
    logger.info({ connection: shortHash(connectionId), removed, active: active.length }, 'forgot a connection id')
    return end
  }

  get #place() {
    return { ...this.#config, soapEndpoint: this.#endpoint }
  }

  get #endpoint(): string | null {
    return this.#config.soapEndpoint ?? null
  }

  /** How many keys Redis holds, ours and others'. */
  keys(): Promise<number> {
    return this.#redis.dbsize()
  }

  /** Removes all that lies under the prefix of this fleet. */
  remove(): Promise<void> {
    return removeFleet(this.#redis, this.#config)
  }

  /** Rejects when Redis is given up; never resolves. */
  lost(): Promise<never> {
    return givenUp(this.#redis)
  }

  close(): void {
    for (const close of this.#closers.splice(0)) close()
  }
}
