/** How quickly lookups come onto the queue: `enqueue --file` and the library beside BullMQ's own addBulk, in turns. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { startEmbeddedRedis } from '../src/cli/demo/embedded-redis.ts'
import { enqueue, LOOKUP_QUEUE } from './load.ts'
import { path, runToEnd, start } from './processes.ts'
import { median, printJson, printTable, spread } from './table.ts'

/** What the library promises for very many lookups: of addBulk's rate, and MB. */
const LIBRARY_RATIO = 0.6
const LIBRARY_MB = 200

/** `ids`: by the library. `others`: by each of the other ways, of which addBulk has a turn before and behind the rest. */
export async function intake({ ids, others }: { ids: number; others: number }): Promise<void> {
  const bulkBefore = await rate("BullMQ's addBulk", others, enqueueInBulk)
  const file = await rate('enqueue --file', others, enqueueFile)
  let mostMb = Number.NaN
  const library = await rate('enqueueMany', ids, async (url, count) => {
    mostMb = await enqueueByLibrary(url, count)
  })
  const bulk = [bulkBefore, await rate("BullMQ's addBulk", others, enqueueInBulk)]
  const [ratio, libraryRatio] = [file, library].map((one) => one / median(bulk)) as [number, number]
  printTable(
    ['', 'ids', 'ids/s', 'ratio'],
    [
      ["BullMQ's addBulk, 1,000 at a time", number(others), spread(bulk), '1'],
      ['chat-enricher enqueue --file', number(others), spread([file]), ratio.toFixed(2)],
      ['enqueueMany of an async iterable', number(ids), spread([library]), libraryRatio.toFixed(2)],
    ],
  )
  printBars(libraryRatio, mostMb)
  printJson('intake', { bulk, ours: file, ratio, library, libraryRatio, mostMb })
}

function printBars(libraryRatio: number, mostMb: number): void {
  console.log()
  printTable(
    ['bar of enqueueMany', 'got', 'bar', ''],
    [
      ["of addBulk's rate", libraryRatio.toFixed(2), `≥ ${LIBRARY_RATIO}`, libraryRatio >= LIBRARY_RATIO],
      ['most memory, MB', mostMb.toFixed(0), `< ${LIBRARY_MB}`, mostMb < LIBRARY_MB],
    ].map(([what, got, bar, isMet]) => [String(what), String(got), String(bar), isMet ? 'met' : 'missed']),
  )
}

const number = (count: number) => count.toLocaleString('en')

async function rate(what: string, ids: number, add: (url: string, ids: number) => Promise<unknown>): Promise<number> {
  console.error(`  ${what}: ${number(ids)} ids`) // a whole bench takes minutes
  const embedded = await startEmbeddedRedis()
  const redis = new Redis(embedded.url, { protocol: 2 })
  const from = performance.now()
  await add(embedded.url, ids)
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
