/** What one lookup takes in Redis, by where it is in its life: Redis' own count of its memory, divided by many lookups. */

import { Redis } from 'ioredis'
import { startEmbeddedRedis } from '../src/cli/demo/embedded-redis.ts'
import { LookupQueues, type NewLookup } from '../src/queues/lookup-queue.ts'
import { ours, workOff } from './load.ts'
import { printJson, printTable } from './table.ts'

const NAMES = {
  prefix: 'bull',
  lookupQueue: 'chat-lookups',
  interactiveQueue: 'chat-lookups-interactive',
  resultQueue: 'chat-results',
}

export async function bytes({ lookups }: { lookups: number }): Promise<void> {
  const figures: Record<string, number> = {
    'waiting, of ours': await waiting(lookups, {}),
    'waiting, with a correlation id of 17 characters': await waiting(lookups, { correlationId: 'order-2024-000123' }),
    'delayed by its producer': await waiting(lookups, { delayMs: 86_400_000 }),
    ...(await finished(lookups)),
  }
  printTable(
    ['a lookup, in bytes of Redis', ''],
    Object.entries(figures).map(([what, got]) => [what, got.toFixed(0)]),
  )
  printJson('bytes', figures)
}

async function waiting(lookups: number, more: Partial<NewLookup>): Promise<number> {
  const embedded = await startEmbeddedRedis()
  const redis = new Redis(embedded.url, { protocol: 2, maxRetriesPerRequest: null })
  await new LookupQueues(redis, NAMES).add('batch', [{ lookupId: id(-1), connectionId: 'the first' }])
  const before = await usedMemory(redis)
  await enqueue(redis, lookups, more)
  const each = ((await usedMemory(redis)) - before) / lookups
  redis.disconnect()
  await embedded.stop()
  return each
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
async function finished(lookups: number): Promise<Record<string, number>> {
  const figures: Record<string, number> = {}
  const load = { lookups, warmUp: 1000, concurrency: 64, enqueue }
  await workOff(ours('chat-enricher'), load, async (redis) => {
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
    figures['a finished lookup'] = await shrinksBy(`bull:${NAMES.lookupQueue}:*`)
  })
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
