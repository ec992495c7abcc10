/** Lookups are found among very many that wait, in short steps of Redis, while workers keep their pace. */

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { addWaiting, connectionIdOf, FAILED_ONE_IN } from '../support/many-waiting.ts'
import { run } from '../support/processes.ts'
import { callsBetween, type Fleet, info, startFleet } from './fleet.ts'
import { atLeast, atMost, exactly, type Figure } from './report.ts'

const RATE = 100
const BEFORE_MS = 10_000
/** A step that Redis itself notes. */
const STEP_MS = 5

export async function find({ waiting, withinMs }: { waiting: number; withinMs: number }): Promise<Figure[]> {
  const env = { RATE_LIMIT_PER_SECOND: String(RATE) }
  const fleet = await startFleet({ processes: 2, latencyMs: 20, env: env })
  await addWaiting(fleet.world.redis, waiting)
  const isFirst = await putRedisFirst(fleet.world.redis)
  await sleep(BEFORE_MS / 2)
  const from = performance.now()
  await sleep(BEFORE_MS)
  const before = paceBetween(fleet, from, performance.now())
  const deep = connectionIdOf(Math.floor(waiting * 0.9))
  const figures = [
    info('Redis goes before all other processes (needs Linux, root)', isFirst ? 'yes' : 'no'),
    info('calls a second before', before),
    ...(await found(fleet, 'by connection id', ['--connection-id', deep], { before, least: 1, withinMs })),
    ...(await found(fleet, 'by HTTP status', ['--http-status', '503'], {
      before,
      least: Math.floor((waiting / FAILED_ONE_IN) * 0.9),
      withinMs,
    })),
    ...(await found(fleet, 'by age', ['--older-than', '1h', '--state', 'waiting'], { before, least: 0, withinMs })),
    fleet.lateness(),
  ]
  await fleet.close()
  return figures
}

interface Expected {
  before: number
  least: number
  withinMs: number
}

/**
 * A step that is long by itself is long in every search. One that is long in one search alone had its machine stopped under it:
 * a virtual machine is, for some ms at a time, whatever priority its processes have.
 */
const SEARCHES = 3

async function found(
  fleet: Fleet,
  what: string,
  flags: string[],
  { before, least, withinMs }: Expected,
): Promise<Figure[]> {
  const first = await search(fleet, flags)
  const { steps } = first
  const longest = [steps.at(-1) ?? 0]
  while (Math.min(...longest) > STEP_MS && longest.length < SEARCHES) {
    longest.push((await search(fleet, flags)).steps.at(-1) ?? 0)
  }
  return [
    exactly(`${what}: exit`, first.code ?? -1, least > 0 ? 0 : 1),
    atLeast('  found', first.found, least),
    info('  looked at', first.looked),
    atMost('  time, ms', first.ms, withinMs),
    atLeast('  pace of the workers meanwhile, of that before', first.pace / before, 0.95),
    info('  steps of Redis above 0.1 ms', steps.length),
    info('  their median and 99th percentile, ms', `${part(steps, 0.5)}, ${part(steps, 0.99)}`),
    info('  99.9th percentile, ms', part(steps, 0.999)),
    atMost(`  the longest, ms, of the calmest search of ${longest.length}`, Math.min(...longest), STEP_MS),
    ...(longest.length > 1 ? [info('  the longest of each, ms', longest.join(', '))] : []),
    info('  Redis waited for a processor, for each ms that it ran', first.waited),
    info('  Redis was busy with them, of the time', steps.reduce((sum, ms) => sum + ms, 0) / first.ms),
  ]
}

async function search(fleet: Fleet, flags: string[]) {
  const { redis } = fleet.world
  await redis.config('SET', 'slowlog-log-slower-than', '100')
  await redis.config('SET', 'slowlog-max-len', '100000')
  await redis.call('SLOWLOG', 'RESET')
  const used = await usedOf(redis)
  const from = performance.now()
  const { stdout, code } = await run(['find', ...flags, '--json'], fleet.env)
  const to = performance.now()
  const lines = stdout.trimEnd().split('\n')
  const { looked } = JSON.parse(lines.at(-1) ?? '{}') as { looked: number }
  return {
    code,
    found: lines.length - 1,
    looked,
    ms: to - from,
    pace: paceBetween(fleet, from, to),
    steps: await stepsOf(redis),
    waited: (await usedOf(redis)).since(used),
  }
}

type SlowEntry = [id: number, at: number, micros: number, command: string[], address: string, client: string]

/** What Redis noted of the command's own connection: how long it took each, ms, the longest last. */
async function stepsOf(redis: Redis): Promise<number[]> {
  const entries = (await redis.call('SLOWLOG', 'GET', '100000')) as SlowEntry[]
  const own = entries.filter(([, , , , , client]) => client === 'chat-enricher:find')
  return own.map(([, , micros]) => micros / 1000).sort((a, b) => a - b)
}

/**
 * Redis notes how long a step took by the wall, with what it waited for a processor that workers, the command and this bar
 * had. In real time it waits for none of them, so a step is as long as its own work. Answers whether that was allowed.
 */
async function putRedisFirst(redis: Redis): Promise<boolean> {
  try {
    execFileSync('chrt', ['--all-tasks', '--fifo', '--pid', '50', await pidOf(redis)], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

async function pidOf(redis: Redis): Promise<string> {
  return /^process_id:(\d+)/m.exec(await redis.info('server'))?.[1] ?? ''
}

/** How long Redis has run and has waited for a processor, ns; nothing where there is no Linux to tell. */
async function usedOf(redis: Redis) {
  const pid = await pidOf(redis)
  const [ran = 0, waited = 0] = existsSync(`/proc/${pid}/schedstat`)
    ? readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ').map(Number)
    : []
  return { ran, waited, since: (before: Used) => (waited - before.waited) / (ran - before.ran) }
}
type Used = { ran: number; waited: number }

function part(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(sorted.length * share)] ?? 0
}

function paceBetween({ service }: Fleet, from: number, to: number): number {
  return (1000 * callsBetween(service, from, to).length) / (to - from)
}
