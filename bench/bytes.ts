/** What one lookup takes in Redis, by where it is in its life: Redis' own count of its memory, divided by many lookups. */

import { Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { startEmbeddedRedis } from '../src/cli/demo/embedded-redis.ts'
import { type LookupHistory, NO_HISTORY, wentBack } from '../src/domain/history.ts'
import { LookupHistories } from '../src/queues/lookup-history.ts'
import { LookupQueues, type NewLookup } from '../src/queues/lookup-queue.ts'
import { takenFrom } from '../src/queues/taken-lookup.ts'
import { type LookupJob, putBack } from '../src/worker/lookup-taker.ts'
import { ours, workOff } from './load.ts'
import { printJson, printTable } from './table.ts'

const NAMES = {
  prefix: 'bull',
  lookupQueue: 'chat-lookups',
  interactiveQueue: 'chat-lookups-interactive',
  resultQueue: 'chat-results',
}

/** Redis as somebody sets it up who has not read docs/operating.md, and as compose and the demo set it up. */
const KINDS = { default: ['--hash-max-ziplist-value', '64'], ours: [] as string[] }
type Kind = keyof typeof KINDS

export async function bytes({ lookups }: { lookups: number }): Promise<void> {
  const figures = { default: await figuresOn('default', lookups), ours: await figuresOn('ours', lookups) }
  printTable(
    ['a lookup, in bytes of Redis', "Redis' default", 'hash-max-listpack-value of compose and demo'],
    Object.entries(figures.default).map(([what, got]) => [what, got.toFixed(0), (figures.ours[what] ?? 0).toFixed(0)]),
  )
  printJson('bytes', figures)
}

async function figuresOn(kind: Kind, lookups: number): Promise<Record<string, number>> {
  return {
    'waiting, of ours': await waiting(kind, lookups, {}),
    'waiting, with a correlation id of 17 characters': await waiting(kind, lookups, {
      correlationId: 'order-2024-000123',
    }),
    'delayed by its producer': await waiting(kind, lookups, { delayMs: 86_400_000 }),
    'delayed, with the history of one failed attempt': await wentBackOnce(kind, lookups),
    ...(await finished(kind, lookups)),
  }
}

async function waiting(kind: Kind, lookups: number, more: Partial<NewLookup>): Promise<number> {
  return onRedis(kind, (redis) => growth(redis, lookups, () => enqueue(redis, lookups, more)))
}

/** Taken up, and put back with what is remembered, as the worker does it. */
async function wentBackOnce(kind: Kind, lookups: number): Promise<number> {
  return onRedis(kind, (redis) =>
    growth(redis, lookups, async () => {
      await enqueue(redis, lookups)
      const worker = new Worker(NAMES.lookupQueue, null, { connection: redis, autorun: false, skipStalledCheck: true })
      const histories = new LookupHistories(redis, NAMES)
      for (let i = 0; i < lookups; i++) {
        const job = (await worker.getNextJob('token')) as LookupJob
        const taken = takenFrom(job, 'batch')
        await histories.remember(taken, 'token', wentBack(FAILED_ONCE, Date.now(), DAY_MS), true)
        const asked = { type: 'delay', ms: DAY_MS, history: null, mayBeCharged: true, why: 'retry' } as const
        await putBack(job, 'token', asked).catch(() => {}) // BullMQ's signal to its Worker
      }
      await worker.close()
    }),
  )
}

const DAY_MS = 86_400_000
/** Three calls that were answered HTTP 503. */
const FAILED_ONCE: LookupHistory = {
  ...NO_HISTORY,
  failures: 1,
  calls: 3,
  timing: { waitedMs: 1204, pacedMs: 38, calledMs: 612, delayedMs: 841, heldMs: 0 },
  lastFailure: {
    code: 'http-status',
    class: 'transient',
    reason: 'http_status',
    message: 'expected HTTP 200, got HTTP 503',
    httpStatus: 503,
  },
}

async function onRedis<T>(kind: Kind, work: (redis: Redis) => Promise<T>): Promise<T> {
  const embedded = await startEmbeddedRedis(KINDS[kind])
  const redis = new Redis(embedded.url, { protocol: 2, maxRetriesPerRequest: null })
  try {
    return await work(redis)
  } finally {
    redis.disconnect()
    await embedded.stop()
  }
}

/** Of each of so many lookups, less what the first one of a queue takes for all. */
async function growth(redis: Redis, lookups: number, work: () => Promise<void>): Promise<number> {
  await new LookupQueues(redis, NAMES).add('interactive', [{ lookupId: id(-1), connectionId: 'the first' }])
  const before = await usedMemory(redis)
  await work()
  return ((await usedMemory(redis)) - before) / lookups
}

async function enqueue(redis: Redis, lookups: number, more: Partial<NewLookup> = {}): Promise<void> {
  const queues = new LookupQueues(redis, NAMES)
  for (let from = 0; from < lookups; from += 1000) {
    const all = Array.from({ length: 1000 }, (_, i) => ({
      lookupId: id(from + i),
      connectionId: connectionId(from + i),
      ...more,
    }))
    await queues.add('batch', all)
  }
}

/** As long as a UUID, which is what chat systems mostly give. */
const connectionId = (i: number) => `9f1c2e34-5b6a-4d7e-8f90-${String(i).padStart(12, '0')}`

const id = (i: number) => `lk-${(i + 2).toString(16).padStart(32, '0')}`

/** After a worker has worked them off: the finished lookup, its marker, and the result that nobody has taken yet. */
async function finished(kind: Kind, lookups: number): Promise<Record<string, number>> {
  const figures: Record<string, number> = {}
  const load = { lookups, warmUp: 1000, concurrency: 64, enqueue, redis: KINDS[kind] }
  const cost = await workOff(ours('chat-enricher'), load, async (redis) => {
    const all = lookups + 1000
    const shrinksBy = async (pattern: string) => {
      const before = await usedMemory(redis)
      await removeAll(redis, pattern)
      return (before - (await usedMemory(redis))) / all
    }
    const text = await redis.hget(`bull:${NAMES.resultQueue}:rs-${id(5)}`, 'data')
    figures['a result that waits for its consumer'] = await shrinksBy(`bull:${NAMES.resultQueue}:*`)
    figures['  its JSON alone'] = Buffer.byteLength(text ?? '')
    figures['a marker'] = await shrinksBy('bull:chat-enricher:marked:*')
    figures['a finished lookup'] = await shrinksBy('bull:chat-enricher:finished:*')
  })
  figures['(CPU of Redis for one lookup, µs)'] = cost.redisUs
  return figures
}

async function removeAll(redis: Redis, pattern: string): Promise<void> {
  for (let cursor = '0'; ; ) {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 1000)
    if (keys.length > 0) await redis.del(keys)
    if (next === '0') return
    cursor = next
  }
}

/** Without BullMQ's event streams: they are cut to a length of their own. */
async function usedMemory(redis: Redis): Promise<number> {
  const queues = [NAMES.lookupQueue, NAMES.interactiveQueue, NAMES.resultQueue]
  const streams = await Promise.all(queues.map((queue) => redis.memory('USAGE', `bull:${queue}:events`, 'SAMPLES', 0)))
  const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
  return streams.reduce<number>((left, stream) => left - Number(stream ?? 0), used)
}
