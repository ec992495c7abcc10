/**
 * What a fault is caused and judged with: a Redis of its own, workers that each speak to it through a proxy of their own, a
 * scripted service, a producer, and an auditor. All of it ends with `close`.
 */

import type { TlsOptions } from 'node:tls'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { readHistory } from '../../src/domain/history.ts'
import { LANES } from '../../src/domain/lane.ts'
import { historiesIn } from '../support/finished.ts'
import { sumOfMetric } from '../support/metrics.ts'
import { type Environment, killAll, SOAP_SECRETS, startWorker, type WorkerProcess } from '../support/processes.ts'
import { type ScriptedService, startScriptedService } from '../support/scripted-service.ts'
import { until } from '../support/world.ts'
import { Auditor } from './auditor.ts'
import { CANARY, expectNone, keptIn, logsOf, seenOf, textOf } from './canaries.ts'
import { startProxy, type TcpProxy } from './proxy.ts'
import { type RedisServer, startRedisServer } from './redis-server.ts'
import { mostLinesASecond } from './trouble.ts'

export { until } from '../support/world.ts'

/** A short run leaves out what takes long: `it.skipIf(isShort)`. */
export const isShort = process.env.FAULTS_SHORT !== undefined

/** Of all workers in any second, whatever happens to them. */
const MOST_LINES = 50

export interface RigWorker extends WorkerProcess {
  /** Between it and Redis. */
  proxy: TcpProxy
  /** Calls of this worker carry it as their user. */
  user: string
}

export interface RigOptions {
  workers?: number
  /** Arguments of redis-server. */
  redisArguments?: string[]
  latencyMs?: number
  /** Of the service. */
  tls?: TlsOptions
  env?: Environment
  /** Of single workers, by number. */
  envOf?: (worker: number) => Environment
}

export interface Rig {
  redisServer: RedisServer
  /** Straight to Redis. */
  redis: Redis
  service: ScriptedService
  workers: RigWorker[]
  auditor: Auditor
  /** Of a command that is to meet this fleet. */
  env: Environment
  queue(name?: string): Queue
  /** Adds lookups and notes them as accepted. Those that Redis gave no answer for are not. Returns their ids. */
  enqueue(count: number, prefix?: string): Promise<string[]>
  /** `place` is of the one that it stands in for. */
  startWorker(env?: Environment, place?: number): Promise<RigWorker>
  /** From now on, whenever a worker ends, another one is started in its place, at once. */
  supervise(): void
  /** Value of a metric, summed over the workers that answer, of the lines that hold all of `labels`. */
  metric(name: string, ...labels: string[]): Promise<number>
  /** Lookups that were charged an attempt, finished ones included. */
  charged(): Promise<number>
  /** Log lines of all workers, ended ones too. */
  log(): Record<string, unknown>[]
  /** Rejects if anything secret or personal is where it must not be (canaries.ts), or the fleet logged too much. */
  close(): Promise<void>
}

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const { workers: count = 2, redisArguments, latencyMs = 20, tls, env = {}, envOf } = options
  const redisServer = await startRedisServer(redisArguments)
  const redis = new Redis(redisServer.url, { protocol: 2, maxRetriesPerRequest: null })
  redis.on('error', () => {})
  const service = await startScriptedService({ latencyMs, ...(tls && { tls }) })
  const auditor = new Auditor(redisServer.url)
  const all: Environment = { SOAP_ENDPOINT: service.url, RATE_LIMIT_PER_SECOND: 'none', ...env }
  const workers: RigWorker[] = []
  const ever: RigWorker[] = []
  const queues = new Map<string, Queue>()
  let started = 0
  let closed = false
  let supervised = false

  const startOne = async (own: Environment = {}, place = workers.length): Promise<RigWorker> => {
    const user = `${CANARY}-user-${started++}` // before anything is waited for: several start at once
    const proxy = await startProxy(redisServer)
    const redisUrl = `redis://127.0.0.1:${proxy.port}`
    const child = await startWorker({ ...all, SOAP_ENCRYPTED_USER: user, REDIS_URL: redisUrl, ...own })
    const worker = { ...child, proxy, user }
    workers[place] = worker
    ever.push(worker)
    worker.child.once('exit', () => {
      void proxy.close()
      if (supervised && !closed) void startOne(own, place).catch(() => {})
    })
    return worker
  }

  const queue = (name = 'chat-lookups'): Queue => {
    const known = queues.get(name)
    if (known) return known
    const opened = new Queue(name, { connection: redis })
    opened.on('error', () => {})
    queues.set(name, opened)
    return opened
  }

  const log = () => ever.flatMap((worker) => linesOf(worker.log()))

  await Promise.all(Array.from({ length: count }, (_, number) => startOne(envOf?.(number), number)))
  return {
    redisServer,
    redis,
    service,
    workers,
    auditor,
    env: { ...SOAP_SECRETS, ...all, REDIS_URL: redisServer.url },
    queue,
    enqueue: (howMany, prefix = 'c') => enqueue(queue(), auditor, howMany, prefix),
    startWorker: startOne,
    supervise: () => {
      supervised = true
    },
    metric: async (name, ...labels) => {
      const texts = await Promise.all(workers.map(({ url }) => textOf(`${url}/metrics`)))
      return sumOfMetric(texts, name, labels)
    },
    charged: () => charged(redis),
    log,
    close: async () => {
      closed = true
      redisServer.thaw()
      const seen = await seenOf(workers)
      await killAll()
      await auditor.close()
      const kept = redisServer.isRunning ? await keptIn(redis) : []
      redis.disconnect()
      await service.close()
      await redisServer.close()
      expectNone([...seen, ...logsOf(ever), ...kept])
      const most = mostLinesASecond(log())
      if (most > MOST_LINES) throw new Error(`expected at most ${MOST_LINES} log lines in a second, got ${most}`)
    },
  }
}

export async function isReady({ url }: WorkerProcess): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2000) })).status === 200
  } catch {
    return false
  }
}

/** The worker that this call came from. */
export function callerOf(rig: Rig, call: { user: string }): RigWorker | undefined {
  return rig.workers.find(({ user }) => user === call.user)
}

/** Every worker has nothing in hand, and the queue is empty. */
export async function idle(rig: Rig, withinMs = 120_000): Promise<void> {
  const isEmpty = async () => {
    const counts = await rig.queue().getJobCounts('waiting', 'active', 'delayed', 'prioritized')
    return Object.values(counts).every((count) => count === 0)
  }
  await until('nothing is on the queue', isEmpty, withinMs)
}

let batch = 0

async function enqueue(queue: Queue, auditor: Auditor, count: number, prefix: string): Promise<string[]> {
  const own = `${prefix}${batch++}-`
  const ids: string[] = []
  for (let start = 0; start < count; start += 500) {
    const jobs = Array.from({ length: Math.min(500, count - start) }, (_, i) => ({
      name: 'lookup',
      data: { connectionId: `${own}${start + i}`, correlationId: `${CANARY}-${own}${start + i}` },
      opts: { jobId: `lk-${own}${start + i}` },
    }))
    const added = await queue.addBulk(jobs)
    for (const { id = '' } of added) {
      auditor.accepted.add(id)
      ids.push(id)
    }
  }
  return ids
}

async function charged(redis: Redis): Promise<number> {
  const histories = (await Promise.all(LANES.map((lane) => historiesIn(redis, lane)))).flat()
  return histories.filter((history) => readHistory(history).charged > 0).length
}

function linesOf(log: string): Record<string, unknown>[] {
  return log
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}
