/** Gates of several processes on one Redis of the test's own, and what a test asks of them. */

import { setMaxListeners } from 'node:events'
import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import type { LookupEvent } from '../../src/domain/event.ts'
import type { CallReport, Hold, HoldReason } from '../../src/domain/hold.ts'
import type { Lane } from '../../src/domain/lane.ts'
import { Gate, type GateOptions, permitQuestion } from '../../src/gate/gate.ts'
import { Holds } from '../../src/gate/holds.ts'
import {
  askPermits,
  PERMIT_SCRIPT,
  type PermitQuestion,
  type PermitReply,
  permitCommand,
  readPermits,
} from '../../src/gate/permit-script.ts'
import { gateKeys, serviceOf } from '../../src/redis/names.ts'
import { connect } from '../support/queues.ts'
import { NAMES } from '../support/world.ts'

export const KEYS = gateKeys(NAMES, serviceOf('http://service.example/a.asmx'))

/** A window that no slow machine leaves by itself. */
export const LONG_MS = 600_000

export const UNLIMITED: GateOptions = {
  rate: null,
  burst: 1,
  inFlight: null,
  interactiveShare: 0.2,
  quotaCalls: null,
  quotaPeriodMs: 86_400_000,
  soapCallTimeoutMs: 1000,
  failureRatio: 0.5,
  minCalls: 20,
  windowMs: LONG_MS,
  holdMinMs: 1000,
  holdMaxMs: 15_000,
  notFoundGuard: true,
  credentials: () => 'stamp',
}

export const FAILED: CallReport = { answered: false, kind: null }
export const ANSWERED: CallReport = { answered: true, kind: null, connectionId: 'known' }
export const refused = (kind: string): CallReport => ({ answered: true, kind })
export const times = <T>(count: number, of: T): T[] => Array.from({ length: count }, () => of)

/** What was booked: the turns, ms from `at` (Redis' time); or why there are none. */
export interface Booked {
  said: 'granted' | 'leased' | 'wait' | 'full' | 'held' | 'spent'
  at: number
  turns: number[]
  /** How many of the turns may repeat a call. */
  retries: number
  /** How many of the retries asked for are refused. */
  refused: number
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
      { probe = '', missed = 0, retries = 0 } = {},
    ): Promise<Booked> {
      const question = questionOf(lane, wanted, options, { probe, missed, retries })
      return asBooked(await askPermits(redis, KEYS, question))
    },
    /** When the next call is due by the pace, Redis' time. */
    async due(): Promise<number> {
      return Number((await redis.get(KEYS.rate))?.split(' ')[0] ?? 0)
    },
  }
}

let permits = 0

function questionOf(
  lane: Lane,
  wanted: number,
  options: Partial<GateOptions>,
  { probe = '', missed = 0, retries = 0 } = {},
): PermitQuestion {
  permits += wanted
  const asked = { wanted, retries, missed, lane, probe, process: 'test:', first: permits - wanted }
  return permitQuestion({ ...UNLIMITED, ...options }, asked)
}

/** The question to the permit script, as arguments of EVAL, and what its reply means. */
export function booking(lane: Lane, wanted: number, options: Partial<GateOptions>) {
  const question = questionOf(lane, wanted, options)
  const { keys, args } = permitCommand(KEYS, question)
  return {
    eval: [PERMIT_SCRIPT.lua, keys.length, ...keys, ...args] as const,
    read: (reply: unknown) => asBooked(readPermits(reply, question)),
  }
}

function asBooked(reply: PermitReply): Booked {
  if (typeof reply === 'string') return { said: reply, at: 0, turns: [], retries: 0, refused: 0 }
  if ('waitMs' in reply) return { said: 'wait', at: 0, turns: [], retries: 0, refused: reply.refused }
  return { said: reply.leases.length > 0 ? 'leased' : 'granted', ...reply }
}

/** Reports in this order, each known to the fleet before the next. */
export async function tell(gate: Gate, ...reports: CallReport[]): Promise<void> {
  for (const report of reports) await gate.report(report)
  await gate.flush()
}
