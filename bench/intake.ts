/** How quickly lookups come onto the queue: `enqueue --file` and the library beside BullMQ's own addBulk, in turns. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { startEmbeddedRedis } from '../src/cli/demo/embedded-redis.ts'
import { enqueue, LOOKUP_QUEUE } from './load.ts'
import { path, runToEnd, start } from './processes.ts'
import { median, printJson, printTable, spread } from './table.ts'

export async function intake({ repetitions, ids }: { repetitions: number; ids: number }): Promise<void> {
  const bulk: number[] = []
  const ours: number[] = []
  const library: number[] = []
  const mostMb: number[] = []
  for (let i = 0; i < repetitions; i++) {
    bulk.push(await rate(ids, (url) => enqueueInBulk(url, ids)))
    ours.push(await rate(ids, (url) => enqueueFile(url, ids)))
    library.push(await rate(ids, async (url) => mostMb.push(await enqueueByLibrary(url, ids))))
  }
  const toBulk = (all: number[]) => median(all.map((perSecond, i) => perSecond / (bulk[i] ?? Number.NaN)))
  const [ratio, libraryRatio] = [toBulk(ours), toBulk(library)]
  printTable(
    [`${ids.toLocaleString('en')} ids`, 'ids/s', 'ratio'],
    [
      ["BullMQ's addBulk, 1,000 at a time", spread(bulk), '1'],
      ['chat-enricher enqueue --file', spread(ours), ratio.toFixed(2)],
      [
        `enqueueMany of an async iterable (most memory ${median(mostMb).toFixed(0)} MB)`,
        spread(library),
        libraryRatio.toFixed(2),
      ],
    ],
  )
  printJson('intake', { bulk, ours, ratio, library, libraryRatio, mostMb })
}

async function rate(ids: number, add: (url: string) => Promise<unknown>): Promise<number> {
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

/** The most memory of the program, MB. */
async function enqueueByLibrary(url: string, ids: number): Promise<number> {
  const program = await start([path('./peers/enqueue-many.mjs')], { REDIS_URL: url, COUNT: String(ids) }, /^\{/)
  await program.stop()
  const { added, mostMb } = JSON.parse(program.line) as { added: number; mostMb: number }
  if (added !== ids) throw new Error(`expected ${ids} lookups to be acknowledged, got ${added}`)
  return mostMb
}
