/** What an operator wants to know at one look: what `status --json` prints, whole. */

import { JOB_STATES, type QueueState, readQueues } from '../queues/queue-state.ts'
import { countUnlisted } from '../queues/unlisted.ts'
import { sampleWaiting, type WaitingSample } from '../queues/waiting-sample.ts'
import type { Redis, RedisPlace } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'
import { type ByHandSet, queuesByHand } from './by-hand.ts'
import { addedUp, type CallsFor } from './callers.ts'
import { drainSecondsOf, yetToEnd } from './drain.ts'
import { FleetControl, type FleetGate, type Limits } from './fleet-control.ts'
import { UnknownService } from './known-services.ts'
import { Fleet, type SeenMember } from './members.ts'
import { type MemoryNeed, memoryNeed } from './memory-need.ts'
import { type OtherQueue, readOtherQueues } from './other-queues.ts'
import { type RedisMemory, readMemory } from './redis-memory.ts'
import { Snapshot } from './snapshot.ts'

export { JOB_STATES }

/** Holds, limits and calls in flight are those of one service; without one that is meant, the problem says why. */
export type FleetStatus = FleetWork & Gate

export interface FleetQueue extends QueueState {
  /** Jobs that lie in no list, where nobody finds them until upkeep puts them back; null: too many wait to look. */
  unlisted: number | null
}

export interface FleetWork {
  redis: RedisMemory | null
  /** Null where no worker says how long it keeps what. */
  memoryNeed: MemoryNeed | null
  queues: FleetQueue[]
  /** Queues under the same prefix that are not ours, and have jobs that wait. */
  otherQueues: OtherQueue[]
  /** Null where it cannot be known: a Redis that takes no writes does not hear of them. */
  members: SeenMember[] | null
  /** Members that died a moment ago; what they had in hand, others take up. */
  lost: SeenMember[]
  /** Lookups that are yet to get their result: waiting, delayed and active. */
  backlog: number
  /** Results a second of the whole fleet, over the last ten seconds. */
  perSecond: number
  /** Who asks, as lookups say it. */
  producers: {
    /** Of those that wait: a sample. */
    waiting: WaitingSample
    /** Calls of the last minute; empty where no lookup says who asks. */
    calls: CallsFor[]
  }
  /** What somebody has changed by hand, and is still so. */
  byHand: ByHandSet[]
  /** Seconds until the backlog is gone at that rate, if nothing is added; null while it does not move. */
  drainSeconds: number | null
}

export interface GateStatus extends FleetGate {
  /** Those that hold now. Several values: members have different ones. */
  limits: Record<keyof Limits, { values: (number | null)[]; setByHand: boolean }>
  /** The longer limit; null: none, or no member says one. */
  quota: { calls: number; periodMs: number; spent: number } | null
}

/** Redis and the queues, and which service is meant; null: the only one that workers were set to. */
export type FleetPlace = RedisPlace & QueueNames & { soapEndpoint: string | null }

export async function readStatus(
  redis: Redis,
  place: FleetPlace,
  dear = dearReads(redis, place),
): Promise<FleetStatus> {
  const work = await readWork(redis, place, dear)
  const gate = await readGate(redis, place, work.members ?? [])
  if (gate.serviceProblem !== null) return { ...work, ...gate }
  const drainSeconds = gate.holds.length > 0 ? null : work.drainSeconds
  return { ...work, drainSeconds, ...gate, byHand: [...gate.byHand, ...work.byHand] }
}

/** What takes Redis many commands, or changes slowly. */
export interface DearReads {
  memory(): Promise<RedisMemory | null>
  waiting(): Promise<WaitingSample>
  otherQueues(): Promise<OtherQueue[]>
  /** By queue. */
  unlisted(): Promise<Map<string, number | null>>
}

function dearReads(redis: Redis, place: FleetPlace): DearReads {
  return {
    memory: () => readMemory(redis, place),
    waiting: () => sampleWaiting(redis, place, [place.lookupQueue, place.interactiveQueue], SAMPLE),
    otherQueues: () => readOtherQueues(redis, place),
    unlisted: () => readUnlisted(redis, place),
  }
}

const MEMORY_EVERY_MS = 5_000
const SAMPLE_EVERY_MS = 20_000
/** A look at all keys. A producer that misspelt a name waits longer than that. */
const KEYS_EVERY_MS = 120_000

/** For whoever reads each second: with what is read each time, Redis sees at most ten commands a second of it. */
export function seldomReads(redis: Redis, place: FleetPlace): DearReads {
  const dear = dearReads(redis, place)
  const seldom = <T>(read: () => Promise<T>, everyMs: number) => {
    const last = new Snapshot(read, everyMs)
    return () => last.get()
  }
  return {
    memory: seldom(dear.memory, MEMORY_EVERY_MS),
    waiting: seldom(dear.waiting, SAMPLE_EVERY_MS),
    otherQueues: seldom(dear.otherQueues, KEYS_EVERY_MS),
    unlisted: seldom(dear.unlisted, KEYS_EVERY_MS),
  }
}

/** So many of those that wait are looked at, to say who asks. */
const SAMPLE = 2_000

async function readWork(redis: Redis, place: FleetPlace, dear: DearReads): Promise<FleetWork> {
  const [{ queues: states }, { members, lost }, memory, otherQueues, waiting, unlisted] = await Promise.all([
    readQueues(redis, place),
    new Fleet(redis, place).read(),
    dear.memory(),
    dear.otherQueues(),
    dear.waiting(),
    dear.unlisted(),
  ])
  const queues = states.map((state) => ({ ...state, unlisted: unlisted.get(state.queue) ?? null }))
  const isDeaf = memory?.isFull === true
  const lookupQueues = queues.filter(({ queue }) => queue !== place.resultQueue)
  const backlog = lookupQueues.reduce((sum, { jobs }) => sum + yetToEnd(jobs), 0)
  const perSecond = isDeaf ? 0 : members.reduce((sum, member) => sum + member.perSecond, 0)
  return {
    redis: memory,
    memoryNeed: memoryNeed(members, perSecond, memory),
    queues,
    otherQueues,
    members: isDeaf ? null : members,
    lost: isDeaf ? [] : lost,
    backlog,
    perSecond,
    producers: { waiting, calls: addedUp(members.map(({ callers = [] }) => callers)) },
    byHand: queuesByHand(queues),
    drainSeconds: drainSecondsOf(lookupQueues, perSecond),
  }
}

type Gate = ({ serviceProblem: null } & GateStatus) | { serviceProblem: string }

async function readGate(redis: Redis, place: FleetPlace, members: SeenMember[]): Promise<Gate> {
  try {
    const control = await FleetControl.of(redis, place, place.soapEndpoint)
    const gate = await control.read()
    const limits = limitsInForce(members, gate.limitsSet)
    return { serviceProblem: null, ...gate, limits, quota: await quotaOf(control, members, gate.at) }
  } catch (error) {
    if (!(error instanceof UnknownService)) throw error
    return { serviceProblem: error.message }
  }
}

function limitsInForce(members: SeenMember[], set: Partial<Limits>): GateStatus['limits'] {
  const inForce = (name: keyof Limits) => {
    const setByHand = name in set
    const values = setByHand ? [set[name] ?? null] : [...new Set(members.map(({ limits }) => limits[name]))]
    return { values, setByHand }
  }
  return { rate: inForce('rate'), burst: inForce('burst'), inFlight: inForce('inFlight') }
}

/** The strictest, where members have different ones. */
async function quotaOf(control: FleetControl, members: SeenMember[], at: number): Promise<GateStatus['quota']> {
  const quotas = members.flatMap(({ quota }) => quota ?? [])
  const strictest = quotas.toSorted((a, b) => a.calls / a.periodMs - b.calls / b.periodMs)[0]
  return strictest ? { ...strictest, spent: await control.spent(strictest.periodMs, at) } : null
}

async function readUnlisted(redis: Redis, names: QueueNames): Promise<Map<string, number | null>> {
  const queues = [names.lookupQueue, names.interactiveQueue, names.resultQueue]
  return new Map(
    await Promise.all(queues.map(async (queue) => [queue, await countUnlisted(redis, names, queue)] as const)),
  )
}
