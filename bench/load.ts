/** A backlog that one worker process works off, and what that cost it, Redis, and the time on the wall. */

import { setTimeout as sleep } from 'node:timers/promises'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { startEmbeddedRedis } from '../src/cli/demo/embedded-redis.ts'
import { cpuUs, path, residentMb, type Started, start } from './processes.ts'

export interface Variant {
  name: string
  args: string[]
  env?: NodeJS.ProcessEnv
  /** A line that it prints when it is up. */
  isUp?: RegExp
}

export interface Load {
  lookups: number
  /** Not measured: what is compiled, and connections that are opened, meanwhile. */
  warmUp: number
  /** Of the lookups so many are measured, from the first on; unset: all. */
  measured?: number
  latencyMs?: number
  concurrency: number
  /** More arguments of its Redis. */
  redis?: string[]
  /** Unset: by plain BullMQ. */
  enqueue?: (redis: Redis, count: number) => Promise<void>
}

export interface Cost {
  /** CPU of the worker process for one lookup, µs. */
  us: number
  /** CPU of Redis for one lookup, µs. */
  redisUs: number
  perSecond: number
  mostMb: number
}

const LOOK_MS = 25
const CHUNK = 1000
export const LOOKUP_QUEUE = 'chat-lookups'

/** `chat-enricher worker` as it is built, with everything on. */
export function ours(name: string, env: NodeJS.ProcessEnv = {}, nodeFlags: string[] = []): Variant {
  const all = {
    METRICS_HOST: '127.0.0.1',
    METRICS_PORT: '0',
    RESULT_BACKLOG_LIMIT: 'none',
    RATE_LIMIT_PER_SECOND: 'none',
    INTERACTIVE_CONCURRENCY: '0',
    SOAP_PUBLIC_KEY_1: 'bench-key',
    SOAP_ENCRYPTED_USER: 'bench-user',
    SOAP_ENCRYPTED_PASSWORD: 'bench-password',
    SOAP_ENCRYPTED_SIGNATURE: 'bench-signature',
    ...env,
  }
  const main = process.env.BENCH_MAIN ?? path('../dist/main.js')
  return { name, args: [...nodeFlags, main, 'worker'], env: all, isUp: /"worker started/ }
}

export function peer(name: string, file: string, env: NodeJS.ProcessEnv = {}): Variant {
  return { name, args: ['--import', 'tsx', path(`./peers/${file}`)], env, isUp: /^up$/ }
}

/** Has `variant` work off a backlog on a Redis of its own; `after` looks at that Redis when all is done. */
export async function workOff(variant: Variant, load: Load, after?: (redis: Redis) => Promise<void>): Promise<Cost> {
  console.error(`  ${variant.name}: ${load.lookups} lookups`) // a whole bench takes minutes
  const embedded = await startEmbeddedRedis(load.redis)
  const redis = new Redis(embedded.url, { protocol: 2, maxRetriesPerRequest: null })
  const service = await start([path('./service.mjs')], { LATENCY_MS: String(load.latencyMs ?? 0) }, /^http/)
  let worker: Started | undefined
  try {
    await (load.enqueue ?? enqueue)(redis, load.warmUp + load.lookups)
    const env = { REDIS_URL: embedded.url, SOAP_ENDPOINT: service.line, CONCURRENCY: String(load.concurrency) }
    worker = await start(variant.args, { ...env, ...variant.env }, variant.isUp)
    const read = () => reading(redis, worker?.pid ?? 0, embedded.pid)
    const first = await when(read, load.lookups)
    // Not to its end: while the last ones run, slots stand empty.
    const last = await when(read, Math.max(load.concurrency, load.lookups - (load.measured ?? load.lookups)))
    const done = first.waiting - last.waiting
    const mostMb = residentMb(worker.pid).most
    if (after) {
      while ((await left(redis)) > 0) await sleep(LOOK_MS)
      await worker.stop('SIGTERM')
      await after(redis)
    }
    return {
      us: (last.cpu - first.cpu) / done,
      redisUs: (last.redisCpu - first.redisCpu) / done,
      perSecond: (done / (last.at - first.at)) * 1000,
      mostMb,
    }
  } finally {
    await worker?.stop()
    await service.stop()
    redis.disconnect()
    await embedded.stop()
  }
}

async function left(redis: Redis): Promise<number> {
  const [waiting, active] = await Promise.all(
    ['wait', 'active'].map((list) => redis.llen(`bull:${LOOKUP_QUEUE}:${list}`)),
  )
  return (waiting ?? 0) + (active ?? 0)
}

export async function enqueue(redis: Redis, count: number): Promise<void> {
  const queue = new Queue(LOOKUP_QUEUE, { connection: redis })
  for (let from = 0; from < count; from += CHUNK) {
    const size = Math.min(CHUNK, count - from)
    await queue.addBulk(
      Array.from({ length: size }, (_, i) => ({
        name: 'lookup',
        data: { connectionId: `bench-${from + i}` },
        opts: { jobId: `lk-${(from + i).toString(16).padStart(32, '0')}` },
      })),
    )
  }
}

interface Reading {
  waiting: number
  cpu: number
  redisCpu: number
  at: number
}

async function reading(redis: Redis, worker: number, server: number): Promise<Reading> {
  const waiting = await redis.llen(`bull:${LOOKUP_QUEUE}:wait`)
  return { waiting, cpu: cpuUs(worker), redisCpu: cpuUs(server), at: performance.now() }
}

/** The first reading with at most so many waiting. */
async function when(read: () => Promise<Reading>, waiting: number): Promise<Reading> {
  for (;;) {
    const now = await read()
    if (now.waiting <= waiting) return now
    await sleep(LOOK_MS)
  }
}
