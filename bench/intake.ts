/** How quickly lookups come onto the queue: `enqueue --file` beside BullMQ's own addBulk, in turns. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { startEmbeddedRedis } from '../src/cli/demo/embedded-redis.ts'
import { enqueue, LOOKUP_QUEUE } from './load.ts'
import { path, runToEnd } from './processes.ts'
import { median, printJson, printTable, spread } from './table.ts'

export async function intake({ repetitions, ids }: { repetitions: number; ids: number }): Promise<void> {
  const bulk: number[] = []
  const ours: number[] = []
  for (let i = 0; i < repetitions; i++) {
    bulk.push(await rate(ids, (url) => enqueueInBulk(url, ids)))
    ours.push(await rate(ids, (url) => enqueueFile(url, ids)))
  }
  const ratio = median(ours.map((perSecond, i) => perSecond / (bulk[i] ?? Number.NaN)))
  printTable(
    [`${ids.toLocaleString('en')} ids`, 'ids/s', 'ratio'],
    [
      ["BullMQ's addBulk, 1,000 at a time", spread(bulk), '1'],
      ['chat-enricher enqueue --file', spread(ours), ratio.toFixed(2)],
    ],
  )
  printJson('intake', { bulk, ours, ratio })
}

async function rate(ids: number, add: (url: string) => Promise<void>): Promise<number> {
  const embedded = await startEmbeddedRedis()
  const redis = new Redis(embedded.url, { protocol: 2 })
  const from = performance.now()
  await add(embedded.url)
  const seconds = (performance.now() - from) / 1000
  const waiting = await redis.llen(`bull:${LOOKUP_QUEUE}:wait`)
  redis.disconnect()
  await embedded.stop()
  if (waiting !== ids) throw new Error(`expected ${ids} lookups to wait, got ${waiting}`)
  return ids / seconds
}

async function enqueueInBulk(url: string, ids: number): Promise<void> {
  const redis = new Redis(url, { protocol: 2 })
  await enqueue(redis, ids)
  redis.disconnect()
}

async function enqueueFile(url: string, ids: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'chat-enricher-bench-'))
  const file = join(folder, 'ids.txt')
  writeFileSync(file, Array.from({ length: ids }, (_, i) => `bench-${i}\n`).join(''))
  const main = path('../dist/main.js')
  await runToEnd([main, 'enqueue', '--file', file], { REDIS_URL: url })
  rmSync(folder, { recursive: true })
}
