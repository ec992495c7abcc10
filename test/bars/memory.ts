/**
 * What Redis needs for each lookup that waits, each result that waits, and what is remembered of those that are done: the
 * growth of its used_memory over so many of each, read as Redis tells it; and how large a backlog a Redis holds by that.
 */

import { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { LookupQueues } from '../../src/queues/lookup-queue.ts'
import { lookupIdFor } from '../../src/redis/names.ts'
import { finishedCount } from '../support/finished.ts'
import { startWorker } from '../support/processes.ts'
import { consume, NAMES, startWorld, until, type World } from '../support/world.ts'
import { info } from './fleet.ts'
import type { Figure } from './report.ts'

const CHUNK = 1000
const SIZES_MB = [256, 1024, 4096, 16_384]
/** Beside the data Redis needs room for buffers, copy on write and fragments. */
const USABLE = 0.7

export async function memory({ each }: { each: number }): Promise<Figure[]> {
  const world = await startWorld()
  const producer = new Queue(NAMES.lookupQueue, { connection: world.redis })
  const ours = new LookupQueues(world.redis, NAMES)
  const ids = Array.from({ length: each }, (_, i) => `9f1c2e34-5b6a-4d7e-8f90-${String(i).padStart(12, '0')}`)
  const plain = (opts = {}) =>
    chunks(ids, (some) =>
      producer.addBulk(some.map((connectionId) => ({ name: 'lookup', data: { connectionId }, opts }))),
    )
  const enqueued = (more = {}) =>
    chunks(ids, (some) =>
      ours.add(
        'batch',
        some.map((connectionId) => ({ connectionId, lookupId: lookupIdFor(), ...more })),
      ),
    )
  const measured = {
    'a waiting lookup of a plain BullMQ producer': await growth(world.redis, each, () => plain()),
    'a waiting lookup of chat-enricher enqueue': await growth(world.redis, each, () => enqueued()),
    'the same with a correlation id of 36 characters': await growth(world.redis, each, () =>
      enqueued({ correlationId: '1b4e28ba-2fa1-11d2-883f-0016d3cca427' }),
    ),
    'a delayed lookup of chat-enricher enqueue': await growth(world.redis, each, () => enqueued({ delayMs: 1e9 })),
    ...(await finished(world, each, enqueued)),
  }
  await world.close()
  print(measured)
  return Object.entries(measured).map(([what, bytes]) => info(`bytes for ${what}`, bytes))
}

/** Bytes that one of `each` takes. What was there before is removed first. */
async function growth(redis: Redis, each: number, add: () => Promise<void>): Promise<number> {
  await redis.flushall()
  const before = await used(redis)
  await add()
  return Math.round(((await used(redis)) - before) / each)
}

/** Real workers enrich them; results wait, then are taken; lookups stay as long as they are remembered. */
async function finished(world: World, each: number, enqueue: () => Promise<void>): Promise<Record<string, number>> {
  const { redis } = world
  await redis.flushall()
  const env = { ...world.env, RATE_LIMIT_PER_SECOND: 'none', CONCURRENCY: '200', RESULT_BACKLOG_LIMIT: 'none' }
  const worker = await startWorker(env)
  const empty = await used(redis)
  await enqueue()
  const results = world.queue(NAMES.resultQueue)
  const lookups = world.queue(NAMES.lookupQueue)
  await until('all are done', async () => (await finishedCount(redis)) === each, 600_000)
  await worker.kill('SIGTERM')
  const all = await used(redis)
  const consumer = consume(world)
  await until(
    'all results are taken',
    async () => Object.values(await results.getJobCounts()).every((n) => n === 0),
    600_000,
  )
  await consumer.close()
  const withoutResults = await used(redis)
  await lookups.obliterate({ force: true })
  for (const key of await redis.keys('*:finished:*')) await redis.del(key)
  const markersOnly = await used(redis)
  return {
    'a waiting result, enriched': Math.round((all - withoutResults) / each),
    'a finished lookup that is remembered': Math.round((withoutResults - markersOnly) / each),
    'a marker (the lookup has its result)': Math.round((markersOnly - empty) / each),
  }
}

async function used(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1])
}

async function chunks(ids: string[], add: (some: string[]) => Promise<unknown>): Promise<void> {
  for (let start = 0; start < ids.length; start += CHUNK) await add(ids.slice(start, start + CHUNK))
}

/** As it stands in docs/reliability.md. */
function print(measured: Record<string, number>): void {
  const kinds = Object.entries(measured)
  console.log('\n| what | bytes |\n| --- | ---: |')
  for (const [what, bytes] of kinds) console.log(`| ${what} | ${bytes} |`)
  console.log(
    '\n| maxmemory | lookups that wait | results that wait | finished lookups with their markers |\n| --- | ---: | ---: | ---: |',
  )
  const of = (part: string) => kinds.find(([what]) => what.startsWith(part))?.[1] ?? Number.NaN
  const waiting = of('the same with a correlation id')
  const done = of('a finished lookup') + of('a marker')
  for (const size of SIZES_MB) {
    const holds = [waiting, of('a waiting result'), done].map((bytes) => rounded((size * 1024 * 1024 * USABLE) / bytes))
    console.log(`| ${size < 1024 ? `${size} MB` : `${size / 1024} GB`} | ${holds.join(' | ')} |`)
  }
}

/** Down to two digits: more would say more than is known. */
function rounded(count: number): string {
  const digit = 10 ** Math.max(0, Math.floor(Math.log10(count)) - 1)
  return new Intl.NumberFormat('en-US').format(Math.floor(count / digit) * digit)
}
