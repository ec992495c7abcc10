/** Gates of several processes on one Redis of the test's own, and what a test asks of them. */

import { setMaxListeners } from 'node:events'
import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import type { LookupEvent } from '../../src/domain/event.ts'
import type { CallReport, Hold, HoldReason } from '../../src/domain/hold.ts'
import type { Lane } from '../../src/domain/lane.ts'
import { Gate, type GateOptions } from '../../src/gate/gate.ts'
import { Holds } from '../../src/gate/holds.ts'
import { PERMIT_SCRIPT, permitKeys } from '../../src/gate/permit-script.ts'
import { gateKeys, serviceOf } from '../../src/redis/names.ts'
import { connect } from '../support/queues.ts'
import { NAMES } from '../support/world.ts'

export const KEYS = gateKeys(NAMES, serviceOf('http://service.example/a.asmx'))

/** A window that no slow machine leaves by itself. */
export const LONG_MS = 600_000

export const UNLIMITED: GateOptions = {
  ratePerSecond: null,
  rateBurst: 1,
  maxCallsInFlight: null,
  interactiveShare: 0.2,
  quotaCalls: null,
  quotaPeriodMs: 86_400_000,
  soapCallTimeoutMs: 1000,
  breakerFailureRatio: 0.5,
  breakerMinCalls: 20,
  breakerWindowMs: LONG_MS,
  holdMinMs: 1000,
  holdMaxMs: 15_000,
  credentials: () => 'stamp',
}

export const FAILED: CallReport = { answered: false, kind: null }
export const ANSWERED: CallReport = { answered: true, kind: null, connectionId: 'known' }
export const refused = (kind: string): CallReport => ({ answered: true, kind })
export const times = <T>(count: number, of: T): T[] => Array.from({ length: count }, () => of)

/** What the permit script said: the turns, ms from `at` (Redis' time); or why there are none. */
export interface Booked {
  said: string
  at: number
  turns: number[]
}

/** To be called once in a file: starts Redis before its tests, and empties it before each. */
export function gateFleet() {
  let embedded: EmbeddedRedis
  let redis: Redis
  const connections: Redis[] = []
  const ends: AbortController[] = []
  beforeAll(async () => {
    embedded = await startEmbeddedRedis()
    redis = connect(embedded.url)
  })
  afterAll(async () => {
    redis.disconnect()
    await embedded.stop()
  })
  beforeEach(async () => {
    await redis.flushall()
  })
  afterEach(() => {
    for (const end of ends.splice(0)) end.abort(new Error('the test is over'))
    for (const connection of connections.splice(0)) connection.disconnect()
  })
  const ownConnection = () => {
    const connection = connect(embedded.url)
    connections.push(connection)
    return connection
  }
  const holds = () => new Holds(redis, KEYS)
  return {
    get redis() {
      return redis
    },
    connection: ownConnection,
    holds,
    /** A gate of a process of its own. */
    gate: (options: Partial<GateOptions> = {}, events: LookupEvent[] = []) =>
      new Gate(ownConnection(), KEYS, { ...UNLIMITED, ...options }, (event) => void events.push(event)),
    /** A signal that ends with the test. */
    life(): AbortSignal {
      const end = new AbortController()
      ends.push(end)
      setMaxListeners(0, end.signal)
      return end.signal
    },
    /** The hold of this reason that is on. */
    async hold(reason: HoldReason): Promise<Hold | undefined> {
      return (await holds().read()).holds.find((hold) => hold.reason === reason)
    },
    async reasons(): Promise<HoldReason[]> {
      return (await holds().read()).holds.map((hold) => hold.reason)
    },
    /** Redis' time, ms. */
    async time(): Promise<number> {
      return (await holds().read()).at
    },
    /** Asks the permit script itself, so that turns can be read to the millisecond on whatever machine. */
    async book(
      lane: Lane,
      wanted: number,
      options: Partial<GateOptions> = {},
      probe = '',
      missed = 0,
    ): Promise<Booked> {
      return readBooked((await redis.eval(...bookingOf(lane, wanted, options, probe, missed))) as string[])
    },
  }
}

let permits = 0

/** The question to the permit script, as arguments of EVAL. */
export function bookingOf(lane: Lane, wanted: number, options: Partial<GateOptions> = {}, probe = '', missed = 0) {
  const all = { ...UNLIMITED, ...options }
  const request = {
    ratePerSecond: all.ratePerSecond ?? 0,
    burst: all.rateBurst,
    inFlight: all.maxCallsInFlight ?? 0,
    leaseMs: all.soapCallTimeoutMs + 5000,
    interactive: lane === 'interactive',
    share: all.interactiveShare,
    quotaCalls: all.quotaCalls ?? 0,
    quotaPeriodMs: all.quotaPeriodMs,
    probe,
  }
  const keys = permitKeys(KEYS)
  permits += wanted
  const args = [wanted, JSON.stringify(request), 'test:', permits - wanted, missed]
  return [PERMIT_SCRIPT.lua, keys.length, ...keys, ...args] as const
}

export function readBooked([said = '', at, ...turns]: string[]): Booked {
  const isGranted = said === 'granted' || said === 'leased'
  return { said, at: Number(at ?? 0), turns: isGranted ? turns.map(Number) : [] }
}

/** Reports in this order, each known to the fleet before the next. */
export async function tell(gate: Gate, ...reports: CallReport[]): Promise<void> {
  for (const report of reports) await gate.report(report)
  await gate.flush()
}
