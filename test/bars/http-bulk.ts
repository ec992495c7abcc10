/** As many ids as one likes in one request of NDJSON: in bounded memory, nearly as quickly as BullMQ's own addBulk, and none is lost with the API. */

import { Readable } from 'node:stream'
import { request } from 'undici'
import { enqueue } from '../../bench/load.ts'
import { SHIPPED_NODE_OPTIONS } from '../support/heap-limit.ts'
import { startApiProcess } from '../support/processes.ts'
import { NAMES, startWorld, type World } from '../support/world.ts'
import { info } from './fleet.ts'
import { watchMemory } from './memory-watch.ts'
import { atLeast, atMost, exactly, type Figure } from './report.ts'

const MOST_MB = 250
const OF_ADD_BULK = 0.6
/** Its rate does not depend on how many there are. */
const MOST_BY_ADD_BULK = 200_000
const LINES_A_WRITE = 500
const READ_AT_ONCE = 10_000
const WAITING = `${NAMES.prefix}:${NAMES.lookupQueue}:wait`

export async function httpBulk({ ids }: { ids: number }): Promise<Figure[]> {
  const half = Math.min(ids, MOST_BY_ADD_BULK) / 2
  const addBulk = () => perSecond(half, ({ redis }) => enqueue(redis, half))
  const before = await addBulk()
  let most = 0
  let acknowledged = 0
  const ours = await perSecond(ids, async (world) => {
    const api = await startApiProcess({ REDIS_URL: world.redisUrl, NODE_OPTIONS: SHIPPED_NODE_OPTIONS })
    return async () => {
      const memory = watchMemory(api.pid)
      for await (const _ of answersTo(api.url, ids)) acknowledged++
      most = memory.end().most
    }
  })
  // Before and behind, because what else the machine does changes meanwhile.
  const bulk = { rate: (before.rate + (await addBulk()).rate) / 2 }
  return [
    info(`addBulk, 1,000 at a time, ${2 * half} ids, ids a second`, bulk.rate),
    info(`one request of NDJSON, ${ids} ids, ids a second`, ours.rate),
    atLeast('  of addBulk', ours.rate / bulk.rate, OF_ADD_BULK),
    exactly('  lines that acknowledge a lookup', acknowledged, ids),
    exactly('  lookups that wait', ours.waiting, ids),
    atMost('  RSS of the API at most, MB', most, MOST_MB),
  ]
}

/** The API is killed in the middle; then all is sent again, with the same keys. */
export async function httpBulkKilled({ ids }: { ids: number }): Promise<Figure[]> {
  const world = await startWorld()
  const api = await startApiProcess({ REDIS_URL: world.redisUrl })
  const told = new Set<string>()
  try {
    for await (const { lookupId } of answersTo(api.url, ids, 'with keys')) {
      told.add(lookupId)
      if (told.size === Math.floor(ids / 2)) setTimeout(() => void api.kill('SIGKILL'), 5) // while the next are added
    }
  } catch {
    // its connection is cut
  }
  const before = await waitingIn(world)
  const there = new Set(before)
  const second = await startApiProcess({ REDIS_URL: world.redisUrl })
  let [again, unlike] = [0, 0]
  for await (const { lookupId, isNew } of answersTo(second.url, ids, 'with keys')) {
    again++
    if (isNew === there.has(lookupId)) unlike++
  }
  const after = await waitingIn(world)
  await world.close()
  return [
    info(`acknowledged of ${ids} when the API was killed`, told.size),
    exactly('  not on the queue', [...told].filter((id) => !there.has(id)).length, 0),
    exactly('  on the queue twice', before.length - there.size, 0),
    info('  on the queue, and nobody was told', there.size - told.size),
    exactly('sent again: lines that acknowledge a lookup', again, ids),
    exactly('  new though it was there, or the other way', unlike, 0),
    exactly('  lookups that wait', after.length, ids),
    exactly('  of them twice', after.length - new Set(after).size, 0),
  ]
}

/** `add` adds them, or returns what does: what comes before is not timed. */
async function perSecond(ids: number, add: (world: World) => Promise<unknown>) {
  const world = await startWorld()
  let from = performance.now()
  const timed = await add(world)
  if (typeof timed === 'function') {
    from = performance.now()
    await timed()
  }
  const seconds = (performance.now() - from) / 1000
  const waiting = await world.redis.llen(WAITING)
  await world.close()
  return { rate: ids / seconds, waiting }
}

async function waitingIn({ redis }: World): Promise<string[]> {
  const count = await redis.llen(WAITING)
  const found: string[] = []
  for (let from = 0; from < count; from += READ_AT_ONCE)
    found.push(...(await redis.lrange(WAITING, from, from + READ_AT_ONCE - 1)))
  return found
}

interface Line {
  lookupId: string
  isNew: boolean
}

/** Those that acknowledge a lookup. */
async function* answersTo(url: string, ids: number, how?: 'with keys'): AsyncGenerator<Line> {
  const headers = { 'content-type': 'application/x-ndjson' }
  const lines = Readable.from(linesOf(ids, how === 'with keys'))
  const options = { method: 'POST', headers, body: lines, bodyTimeout: 0 } as const
  const { body } = await request(`${url}/v1/lookups`, options)
  let rest = ''
  for await (const text of body.setEncoding('utf8')) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.includes('"lookupId"')) yield JSON.parse(line)
  }
}

function* linesOf(ids: number, haveKeys: boolean): Generator<string> {
  const line = (number: number) => {
    const key = haveKeys ? `,"idempotencyKey":"key-${number}"` : ''
    return `{"connectionId":"${idOf(number)}"${key}}\n`
  }
  for (let from = 0; from < ids; from += LINES_A_WRITE) {
    const count = Math.min(LINES_A_WRITE, ids - from)
    yield Array.from({ length: count }, (_, i) => line(from + i)).join('')
  }
}

function idOf(number: number): string {
  return `9f1c2e34-5b6a-4d7e-8f90-${String(number).padStart(12, '0')}`
}
