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

/** `otherQueues`: for whoever reads often, because that takes a look at all keys. */
export async function readStatus(
  redis: Redis,
  place: FleetPlace,
  otherQueues = () => readOtherQueues(redis, place),
): Promise<FleetStatus> {
  const work = await readWork(redis, place, otherQueues)
  const gate = await readGate(redis, place, work.members ?? [])
  if (gate.serviceProblem !== null) return { ...work, ...gate }
  const drainSeconds = gate.holds.length > 0 ? null : work.drainSeconds
  return { ...work, drainSeconds, ...gate, byHand: [...gate.byHand, ...work.byHand] }
}

/** So many of those that wait are looked at, to say who asks. */
const SAMPLE = 2_000

async function readWork(redis: Redis, place: FleetPlace, readOthers: () => Promise<OtherQueue[]>): Promise<FleetWork> {
  const [queues, { members, lost }, memory, otherQueues, waiting] = await Promise.all([
    readFleetQueues(redis, place),
    new Fleet(redis, place).read(),
    readMemory(redis, place),
    readOthers(),
    sampleWaiting(redis, place, [place.lookupQueue, place.interactiveQueue], SAMPLE),
  ])
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

async function readFleetQueues(redis: Redis, names: QueueNames): Promise<FleetQueue[]> {
  const { queues } = await readQueues(redis, names)
  const unlisted = await Promise.all(queues.map(({ queue }) => countUnlisted(redis, names, queue)))
  return queues.map((queue, index) => ({ ...queue, unlisted: unlisted[index] ?? null }))
}
