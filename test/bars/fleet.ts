/** A fleet of real workers before a scripted service, and what a bar asks of it. */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { TlsOptions } from 'node:tls'
import { sumOfMetric } from '../support/metrics.ts'
import { type Environment, startWorker, type WorkerProcess } from '../support/processes.ts'
import { type Call, type ScriptedService, startScriptedService } from '../support/scripted-service.ts'
import { type Consumer, consume, NAMES, startWorld, type World } from '../support/world.ts'
import { exactly, type Figure } from './report.ts'

export interface Fleet {
  world: World
  service: ScriptedService
  consumer: Consumer
  workers: WorkerProcess[]
  /** Of a command that is to meet this fleet. */
  env: Environment
  enqueue(count: number, prefix?: string): Promise<string[]>
  /** SIGTERM to one worker after the other, each replaced as soon as it has ended. */
  restartAll(): Promise<void>
  /** The reason of the hold that some worker shows, or ''. */
  holdShown(): Promise<string>
  /** Sum of a metric over the workers, of the lines that hold all of `labels`. */
  metric(name: string, ...labels: string[]): Promise<number>
  /** How late this process's own timers were: beside a missed pace, whether the machine had no time for it. */
  lateness(): Figure
  close(): Promise<void>
}

export interface FleetOptions {
  processes?: number
  latencyMs?: number
  tls?: TlsOptions
  /** False: nobody takes the results, which costs as much of the machine as the workers do. */
  consumed?: boolean
  env?: Environment
  /** Environments of single processes, by number. */
  envOf?: (process: number) => Environment
}

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { processes = 4, latencyMs, tls, consumed = true, env = {}, envOf } = options
  const world = await startWorld()
  const service = await startScriptedService({
    ...(latencyMs === undefined ? {} : { latencyMs }),
    ...(tls ? { tls } : {}),
  })
  const all = { ...world.env, SOAP_ENDPOINT: service.url, ...env }
  const start = (process: number) => startWorker({ ...all, ...envOf?.(process) })
  const workers = await Promise.all(Array.from({ length: processes }, (_, process) => start(process)))
  const consumer = consume(world, { autorun: consumed })
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const lines = async () => (await Promise.all(workers.map(metricsOf))).join('\n').split('\n')
  return {
    world,
    service,
    consumer,
    workers,
    env: all,
    enqueue: (count, prefix = 'c') => enqueue(world, count, prefix),
    restartAll: async () => {
      for (const [process, worker] of workers.entries()) {
        await worker.kill('SIGTERM')
        workers[process] = await start(process)
      }
    },
    holdShown: async () => {
      const held = (await lines()).find((line) => /^chat_enricher_hold_active\{.*\} 1$/.test(line))
      return /reason="(\w+)"/.exec(held ?? '')?.[1] ?? ''
    },
    metric: async (name, ...labels) => sumOfMetric(await Promise.all(workers.map(metricsOf)), name, labels),
    lateness: () => {
      const [usual, most] = [delay.percentile(99), delay.max].map((ns) => Math.max(0, Math.round(ns / 1e6 - 5)))
      return info('  timers of the bar itself late, 99th percentile and most, ms', `${usual}, ${most}`)
    },
    close: async () => {
      delay.disable()
      await Promise.all(workers.map((worker) => worker.kill('SIGKILL')))
      await consumer.close()
      await world.close()
      await service.close()
    },
  }
}

/** '' of a worker that is just being restarted. */
async function metricsOf({ url }: WorkerProcess): Promise<string> {
  try {
    return await (await fetch(`${url}/metrics`)).text()
  } catch {
    return ''
  }
}

/** More would keep the scripted service, which lives in this process, from noting when calls come. */
const AT_ONCE = 50

async function enqueue(world: World, count: number, prefix: string): Promise<string[]> {
  const ids: string[] = []
  for (let start = 0; start < count; start += AT_ONCE) {
    const size = Math.min(AT_ONCE, count - start)
    const jobs = Array.from({ length: size }, (_, i) => ({
      name: 'lookup',
      data: { connectionId: `${prefix}${start + i}` },
    }))
    ids.push(...(await world.queue(NAMES.lookupQueue).addBulk(jobs)).map((job) => job.id ?? ''))
  }
  return ids
}

/** That all of them were enriched once, and none given up. */
export async function allEnriched({ world, consumer }: Fleet, count: number, withinMs: number): Promise<Figure[]> {
  await consumer.have(count, withinMs).catch(() => {})
  const { results } = consumer
  const enriched = new Set(results.filter(({ status }) => status === 'enriched').map(({ lookupId }) => lookupId))
  const { failed } = await world.queue(NAMES.lookupQueue).getJobCounts('failed')
  return [
    exactly('lookups enriched', enriched.size, count),
    exactly('lookups given up', results.filter(({ status }) => status !== 'enriched').length, 0),
    exactly('dead letters', failed ?? 0, 0),
  ]
}

export function info(what: string, got: number | string): Figure {
  return { what, got: typeof got === 'number' ? Math.round(got * 100) / 100 : got, bar: '', ok: true }
}

/** Calls from `from` up to `to`, on performance.now(). */
export function callsBetween({ calls }: ScriptedService, from: number, to: number): Call[] {
  return calls.filter(({ at }) => at >= from && at < to)
}

/** The most calls in any second, wherever it begins. */
export function mostInAnySecond(calls: readonly Call[]): number {
  let most = 0
  let first = 0
  for (const [last, { at }] of calls.entries()) {
    while (at - (calls[first]?.at ?? 0) >= 1000) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}

/** When, after `from`, the first second begins in which there are as many calls; Infinity if there is none. */
export function paceReached({ calls }: ScriptedService, from: number, aSecond: number): number {
  const after = calls.filter(({ at }) => at >= from)
  const first = after.findIndex(({ at }, i) => (after[i + aSecond - 1]?.at ?? Number.POSITIVE_INFINITY) - at <= 1000)
  return first < 0 ? Number.POSITIVE_INFINITY : (after[first]?.at ?? 0) - from
}

/** How long until the fact, in ms; Infinity if it does not come about in time. */
export async function timeUntil(fact: () => boolean | Promise<boolean>, withinMs: number): Promise<number> {
  const startedAt = performance.now()
  while (!(await fact())) {
    if (performance.now() - startedAt > withinMs) return Number.POSITIVE_INFINITY
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return performance.now() - startedAt
}
