/** The fleet's limit, with a share of the calls failing: never more calls in a second, and hardly fewer. */

import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { run } from '../support/processes.ts'
import { type Call, CHAT } from '../support/scripted-service.ts'
import { until } from '../support/world.ts'
import { type Fleet, info, mostInAnySecond, startFleet } from './fleet.ts'
import { atLeast, atMost, exactly, type Figure } from './report.ts'

const MOST = 1.06
const LEAST = 0.97
/** A fifth of the pace for so long after a hold. */
const SLOW_START_MS = 5_000
const CLOCK_AHEAD = fileURLToPath(new URL('clock-ahead.mjs', import.meta.url))

export interface RateOptions {
  ratePerSecond: number
  /** Of backlog, each time. */
  seconds: number
  /** Let one process's clock go two hours ahead. */
  clockAhead?: boolean
}

/** With backlog; then across the end of a hold, and after the fleet was idle. */
export async function rate({ ratePerSecond, seconds, clockAhead = false }: RateOptions): Promise<Figure[]> {
  const fleet = await startFleet({
    consumed: false,
    env: { RATE_LIMIT_PER_SECOND: String(ratePerSecond), RESULT_BACKLOG_LIMIT: 'none' },
    envOf: (process) => (clockAhead && process === 0 ? { NODE_OPTIONS: `--import ${CLOCK_AHEAD}` } : {}),
  })
  const { service } = fleet
  service.script = (_call, number) => (number % 5 === 0 ? { say: 'status', status: 503 } : CHAT)
  const steady = await backlogFor(fleet, seconds * 1000, ratePerSecond)
  const afterHold = await afterAHold(fleet, seconds * 1000, ratePerSecond)
  await drained(fleet)
  await sleep(3000)
  const afterIdle = await backlogFor(fleet, (seconds * 1000) / 2, ratePerSecond)
  const calls = service.calls
  const figures = [
    atMost('calls in any sliding second, overall', mostInAnySecond(calls), Math.floor(ratePerSecond * MOST)),
    atLeast('calls a second, with backlog', aSecond(steady), ratePerSecond * LEAST),
    atLeast('  after a hold and its slow start', aSecond(afterHold), ratePerSecond * LEAST),
    atLeast('  after idle', aSecond(afterIdle), ratePerSecond * LEAST),
    exactly('holds that the 503s began', await fleet.metric('holds_total', 'reason="service"'), 0),
    ...(clockAhead ? [atLeast('  most skew shown, s', await fleet.metric('clock_skew_seconds'), 7000)] : []),
    info('calls', calls.length),
    fleet.lateness(),
  ]
  await fleet.close()
  return figures
}

/**
 * The calls of so many milliseconds, with backlog all the while: from when all of it is there, for adding it takes as much of
 * this machine as a worker does.
 */
async function backlogFor(fleet: Fleet, ms: number, ratePerSecond: number): Promise<Call[]> {
  const addedAt = performance.now()
  await add(fleet, (ms / 1000 + 2) * ratePerSecond)
  await add(fleet, ((performance.now() - addedAt) / 1000) * ratePerSecond) // what was called meanwhile
  const first = fleet.service.calls.length
  await until('the service is asked', () => fleet.service.calls.length > first)
  await sleep(ms)
  return fleet.service.calls.slice(first)
}

async function afterAHold(fleet: Fleet, ms: number, ratePerSecond: number): Promise<Call[]> {
  await add(fleet, (ms / 1000 + 4) * ratePerSecond)
  await run(['hold'], fleet.env)
  await sleep(2000)
  const before = fleet.service.calls.length
  await run(['release'], fleet.env)
  await until('the service is asked again', () => fleet.service.calls.length > before)
  await sleep(SLOW_START_MS)
  const first = fleet.service.calls.length
  await sleep(ms)
  return fleet.service.calls.slice(first)
}

let added = 0

/** By a process of its own: this one is to note when calls come, and do nothing else. */
async function add(fleet: Fleet, count: number): Promise<void> {
  const ids = Array.from({ length: Math.ceil(count) }, () => `b${added++}\n`)
  const { code, stderr } = await run(['enqueue', '--file', '-', '--format', 'lines'], fleet.env, ids.join(''))
  if (code !== 0) throw new Error(`enqueue: ${stderr}`)
}

async function drained({ service }: Fleet): Promise<void> {
  let seen = -1
  while (service.calls.length > seen) {
    seen = service.calls.length
    await sleep(2000)
  }
}

function aSecond(calls: Call[]): number {
  return (calls.length - 1) / (((calls.at(-1)?.at ?? 0) - (calls[0]?.at ?? 0)) / 1000)
}
