/** As many ids as one likes in one request of NDJSON: in bounded memory, and nearly as quickly as BullMQ's own addBulk. */

import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { request } from 'undici'
import { enqueue } from '../../bench/load.ts'
import { startApiProcess } from '../support/processes.ts'
import { NAMES, startWorld, type World } from '../support/world.ts'
import { info } from './fleet.ts'
import { watchMemory } from './memory-watch.ts'
import { atLeast, atMost, exactly, type Figure } from './report.ts'

const MOST_MB = 250
const OF_ADD_BULK = 0.6
const LINES_A_WRITE = 500

export async function httpBulk({ ids }: { ids: number }): Promise<Figure[]> {
  const bulk = await perSecond(ids, ({ redis }) => enqueue(redis, ids))
  let most = 0
  let acknowledged = 0
  const ours = await perSecond(ids, async (world) => {
    const api = await startApiProcess({ REDIS_URL: world.redisUrl })
    return async () => {
      const memory = watchMemory(api.pid)
      acknowledged = await send(api.url, ids)
      most = memory.end().most
    }
  })
  return [
    info('addBulk, 1,000 at a time, ids a second', bulk.rate),
    info('one request of NDJSON, ids a second', ours.rate),
    atLeast('  of addBulk', ours.rate / bulk.rate, OF_ADD_BULK),
    exactly('  lines that acknowledge a lookup', acknowledged, ids),
    exactly('  lookups that wait', ours.waiting, ids),
    atMost('  RSS of the API at most, MB', most, MOST_MB),
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
  const waiting = await world.redis.llen(`${NAMES.prefix}:${NAMES.lookupQueue}:wait`)
  await world.close()
  return { rate: ids / seconds, waiting }
}

async function send(url: string, ids: number): Promise<number> {
  const headers = { 'content-type': 'application/x-ndjson' }
  const options = { method: 'POST', headers, body: Readable.from(lines(ids)), bodyTimeout: 0 } as const
  const { body } = await request(`${url}/v1/lookups`, options)
  let acknowledged = 0
  for await (const line of createInterface({ input: body })) if (line.includes('"lookupId"')) acknowledged++
  return acknowledged
}

function* lines(ids: number): Generator<string> {
  for (let from = 0; from < ids; from += LINES_A_WRITE) {
    const count = Math.min(LINES_A_WRITE, ids - from)
    yield Array.from({ length: count }, (_, i) => `{"connectionId":"${idOf(from + i)}"}\n`).join('')
  }
}

function idOf(number: number): string {
  return `9f1c2e34-5b6a-4d7e-8f90-${String(number).padStart(12, '0')}`
}
