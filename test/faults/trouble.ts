/** How much noise trouble with Redis makes. */

import type { Redis } from 'ioredis'
import type { WorkerProcess } from '../support/processes.ts'
import { until } from '../support/world.ts'

/** How often each kind of trouble with Redis was logged, by the worker that logged most of it. */
export function troubleLogged(workers: WorkerProcess[]): Map<string, number> {
  const most = new Map<string, number>()
  for (const worker of workers) {
    const lines = worker.log().split('\n')
    const kinds = lines
      .filter((line) => line.includes('"msg":"Redis at '))
      .map((line) => /"kind":"(\w+)"/.exec(line)?.[1])
    for (const kind of kinds)
      if (kind) most.set(kind, Math.max(most.get(kind) ?? 0, kinds.filter((one) => one === kind).length))
  }
  return most
}

const INFO = 30

/** The most lines that a fleet has logged in any second, but for those that are logged only where it is asked for. */
export function mostLinesASecond(log: Record<string, unknown>[]): number {
  const times = log.filter(({ level }) => Number(level) >= INFO).map(({ time }) => Date.parse(String(time)))
  times.sort((a, b) => a - b)
  let first = 0
  let most = 0
  for (const [last, at] of times.entries()) {
    while ((times[first] ?? at) <= at - 1000) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}

/** What Redis has been asked while it says no, a second, from now on for six seconds. */
export async function triesASecond(redis: Redis): Promise<{ connections: number; refusals: number }> {
  const startedAt = performance.now()
  const [connections, refusals] = await counted(redis)
  await until('it has been tried for a while', () => performance.now() - startedAt > 6_000)
  const now = await counted(redis)
  const seconds = (performance.now() - startedAt) / 1000
  return { connections: (now[0] - connections) / seconds, refusals: (now[1] - refusals) / seconds }
}

async function counted(redis: Redis): Promise<[connections: number, refusals: number]> {
  const stats = await redis.info('stats')
  const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(stats)?.[1])
  return [field('total_connections_received'), field('total_error_replies')]
}
