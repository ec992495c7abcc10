/** What is looked at all through a soak: memory, descriptors and event loop of each worker; memory and keys of Redis. */

import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { TAKEN } from './auditor.ts'
import type { Rig, RigWorker } from './rig.ts'

export interface WorkerSample {
  /** Since the beginning of the soak. */
  atMs: number
  user: string
  rssBytes: number
  /** null where the worker gave no answer. */
  heapBytes: number | null
  descriptors: number
  /** 99th percentile of what timers were late since the sample before; null: no answer, or frozen or started since. */
  lagMs: number | null
}

export interface RedisSample {
  atMs: number
  /** Less the auditor's list. */
  usedBytes: number
  keys: number
}

/** Anything that stands for a single lookup: its job, its marker, its call, its result. */
const OF_A_LOOKUP = /:lk-|:rs-lk-|:chat-enricher:(marked|finished|done|result|call|answer):/
const FROZEN_LOOK_MS = 100

export class Samples {
  readonly workers: WorkerSample[] = []
  readonly redis: RedisSample[] = []
  /** Every worker there was, by user. */
  readonly ever = new Map<string, RigWorker>()
  readonly #rig: Rig
  readonly #redis: Redis
  readonly #startedAt = performance.now()
  readonly #frozen = new Set<string>()
  readonly #asked = new Set<string>()
  readonly #watch: NodeJS.Timeout
  readonly #sampling: Promise<void>
  readonly #stopped = new AbortController()

  constructor(rig: Rig, everyMs: number) {
    this.#rig = rig
    this.#redis = new Redis(rig.redisServer.url, {
      protocol: 2,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      commandTimeout: 2000,
      retryStrategy: () => 100,
    })
    this.#redis.on('error', () => {})
    this.#watch = setInterval(() => this.#lookForFrozen(), FROZEN_LOOK_MS)
    this.#sampling = this.#every(everyMs)
  }

  /** No more samples; `redisNow` and `keysOfLookups` still answer. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    clearInterval(this.#watch)
    await this.#sampling
  }

  close(): void {
    this.#redis.disconnect()
  }

  /** How often Node warned that listeners pile up, in all workers there were. */
  listenerWarnings(): number {
    return [...this.ever.values()].reduce(
      (sum, { log }) => sum + log().split('MaxListenersExceededWarning').length - 1,
      0,
    )
  }

  /** Rejects where Redis does not answer. */
  async redisNow(): Promise<RedisSample> {
    const used = /used_memory:(\d+)/.exec(await this.#redis.info('memory'))?.[1]
    const auditors = await this.#redis.memory('USAGE', TAKEN, 'SAMPLES', 0)
    const keys = await this.#redis.dbsize()
    return { atMs: this.#now(), usedBytes: Number(used) - (auditors ?? 0), keys }
  }

  async keysOfLookups(): Promise<string[]> {
    const found: string[] = []
    let cursor = '0'
    do {
      const [next, keys] = await this.#redis.scan(cursor, 'COUNT', 1000)
      found.push(...keys.filter((key) => OF_A_LOOKUP.test(key)))
      cursor = next
    } while (cursor !== '0')
    return found
  }

  #now(): number {
    return performance.now() - this.#startedAt
  }

  async #every(everyMs: number): Promise<void> {
    const { signal } = this.#stopped
    for (let number = 1; !signal.aborted; number++) {
      await sleep(number * everyMs - this.#now(), undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      const asking = this.#rig.workers.map((worker) => this.#sampleWorker(worker))
      const redis = await this.#sampleRedis()
      const workers = (await Promise.all(asking)).filter((sample) => sample !== null)
      this.workers.push(...workers)
      console.log(lineOf(this.#now(), workers, redis))
    }
  }

  async #sampleRedis(): Promise<RedisSample | null> {
    try {
      const sample = await this.redisNow()
      this.redis.push(sample)
      return sample
    } catch {
      return null // Redis is one of those that are broken.
    }
  }

  async #sampleWorker({ user, pid, url }: RigWorker): Promise<WorkerSample | null> {
    const atMs = this.#now()
    const ofProcess = processOf(pid)
    if (!ofProcess) return null
    const text = await metricsOf(url)
    const lag = metricIn(text, 'nodejs_eventloop_lag_p99_seconds')
    const isWhole = this.#asked.has(user) && !this.#frozen.has(user)
    if (lag !== null) {
      this.#asked.add(user)
      this.#frozen.delete(user)
    }
    return {
      atMs,
      user,
      ...ofProcess,
      heapBytes: metricIn(text, 'nodejs_heap_size_used_bytes'),
      lagMs: lag !== null && isWhole ? lag * 1000 : null,
    }
  }

  #lookForFrozen(): void {
    for (const worker of this.#rig.workers) {
      this.ever.set(worker.user, worker)
      if (isFrozen(worker.pid)) this.#frozen.add(worker.user)
    }
  }
}

/** null where it has ended. */
function processOf(pid: number): { rssBytes: number; descriptors: number } | null {
  try {
    const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    if (kilobytes === undefined) return null
    return { rssBytes: Number(kilobytes) * 1024, descriptors: readdirSync(`/proc/${pid}/fd`).length }
  } catch {
    return null
  }
}

function isFrozen(pid: number): boolean {
  try {
    return /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

async function metricsOf(url: string): Promise<string> {
  try {
    return await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(2000) })).text()
  } catch {
    return ''
  }
}

function metricIn(text: string, name: string): number | null {
  const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]
  return value === undefined ? null : Number(value)
}

function lineOf(nowMs: number, workers: WorkerSample[], redis: RedisSample | null): string {
  const each = workers.map(
    ({ user, rssBytes, descriptors }) => `${user} ${megabytes(rssBytes)} MB ${descriptors} descriptors`,
  )
  const ofRedis = redis ? `Redis ${megabytes(redis.usedBytes)} MB ${redis.keys} keys` : 'Redis gave no answer'
  return `  ${(nowMs / 1000).toFixed(1).padStart(6)} s  - ${each.join(', ')}; ${ofRedis}`
}

export function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}
