/** What holds in every outage of Redis, whichever it is: how often a worker tries, how much it says, what it costs. */

import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { WorkerProcess } from '../support/processes.ts'
import { isReady, type Rig } from './rig.ts'

/** More than this many tries a second would be a hot loop. */
const MOST_TRIES = 5
/** Less than ten seconds by what the writing of a line may be late. */
const ONCE_IN_MS = 9_900

/** Lasts so long. Meanwhile no worker ends, is not live, or connects more often than it should. */
export async function endure(rig: Rig, ms: number): Promise<void> {
  const before = rig.workers.map(({ proxy }) => proxy.connections)
  const since = performance.now()
  await sleep(ms)
  const seconds = (performance.now() - since) / 1000
  for (const [number, worker] of rig.workers.entries()) {
    expect((worker.proxy.connections - (before[number] ?? 0)) / seconds).toBeLessThan(MOST_TRIES)
    expect(worker.child.exitCode).toBeNull()
    expect(await statusOf(worker, '/livez')).toBe(200)
  }
}

export async function statusOf(worker: WorkerProcess, path: string): Promise<number> {
  return (await fetch(worker.url + path, { signal: AbortSignal.timeout(10_000) })).status
}

export async function noneIsReady(rig: Rig): Promise<boolean> {
  return (await Promise.all(rig.workers.map(isReady))).every((ready) => !ready)
}

export async function allAreReady(rig: Rig): Promise<boolean> {
  return (await Promise.all(rig.workers.map(isReady))).every((ready) => ready)
}

/** What Redis' trouble made the workers say: each kind once in ten seconds. */
export function expectFewLines(rig: Rig): void {
  const last = new Map<string, number>()
  for (const { time, pid, msg, kind } of rig.log()) {
    const at = Date.parse(String(time))
    if (!String(msg).startsWith('Redis at ')) continue
    const key = `${pid} ${kind}`
    expect(at - (last.get(key) ?? Number.NEGATIVE_INFINITY), `${msg} again`).toBeGreaterThan(ONCE_IN_MS)
    last.set(key, at)
  }
}

/** Everything enriched, once, at no cost to any lookup, and nothing asked more than twice. */
export async function expectNothingLost(rig: Rig, withinMs = 120_000): Promise<void> {
  expect(await rig.auditor.complete(withinMs)).toMatchObject({ lost: [], duplicates: [], notEnriched: [] })
  expect(await rig.charged()).toBe(0)
  const calls = new Map<string, number>()
  for (const { id } of rig.service.calls) calls.set(id, (calls.get(id) ?? 0) + 1)
  expect([...calls].filter(([, count]) => count > 2)).toEqual([])
}
