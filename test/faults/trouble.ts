/** How much noise trouble with Redis makes. */

import type { Redis } from 'ioredis'
import type { WorkerProcess } from '../support/processes.ts'

/** How often each kind of trouble with Redis was logged, by the worker that logged most of it. */
export function troubleLogged(workers: WorkerProcess[]): Map<string, number> {
  const most = new Map<string, number>()
  for (const worker of workers) {
    const lines = worker.log().split('\n')
    const kinds = lines
      .filter((line) => line.includes('"msg":"Redis: '))
      .map((line) => /"kind":"(\w+)"/.exec(line)?.[1])
    for (const kind of kinds)
      if (kind) most.set(kind, Math.max(most.get(kind) ?? 0, kinds.filter((one) => one === kind).length))
  }
  return most
}

/** Connections that Redis has taken so far. */
export async function connectionsMade(redis: Redis): Promise<number> {
  return Number(/^total_connections_received:(\d+)/m.exec(await redis.info('stats'))?.[1])
}
