/**
 * Whatever a test plants that is secret or personal has the word in it: credentials, Redis' passwords, the customer in every
 * answer and every error text of the service, the correlation id of a lookup. It may be in what a producer put on the queue
 * and in results, and nowhere else.
 */

import { readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'
import type { WorkerProcess } from '../support/processes.ts'
import { TAKEN } from './auditor.ts'

export const CANARY = 'canary'

export interface Place {
  where: string
  text: string
}

/** What others on the machine and on the network see of workers that live. */
export async function seenOf(workers: WorkerProcess[]): Promise<Place[]> {
  const places = workers.map(async ({ pid, url }) => [
    { where: `process listing of ${pid}`, text: commandOf(pid) },
    ...(await Promise.all(PATHS.map(async (path) => ({ where: `${path} of ${pid}`, text: await textOf(url + path) })))),
  ])
  return (await Promise.all(places)).flat()
}

const PATHS = ['/metrics', '/readyz', '/livez']

export function logsOf(workers: WorkerProcess[]): Place[] {
  return workers.map((worker) => ({ where: `log of ${worker.pid}`, text: worker.log() }))
}

/** All that Redis has, but results and what producers put there. */
export async function keptIn(redis: Redis): Promise<Place[]> {
  const places: Place[] = []
  for (let cursor = '0'; ; ) {
    const [next, keys] = await redis.scan(cursor, 'COUNT', 500)
    places.push(...(await Promise.all(keys.filter(isSearched).map((key) => keptAt(redis, key)))))
    if (next === '0') return places
    cursor = next
  }
}

/** Not results, nor the answers that lookups of one connection id share for a moment. */
function isSearched(key: string): boolean {
  const isResult = /^\w+:[a-z-]+-results:rs-/.test(key) || /:result:[0-9a-f]+:[0-9a-f]+$/.test(key)
  return !isResult && !/:answer:[0-9a-f]+:[0-9a-f]+$/.test(key) && !key.startsWith(TAKEN)
}

/** What is kept of finished lookups: the first part of each is what its producer put there. */
const IS_FINISHED = /:finished:[0-9a-f]+:[a-z]+:\d+:\d+$/
const WITHOUT_DATA = `
local all = {}
for i, value in ipairs(redis.call('HVALS', KEYS[1])) do
  local parts = cmsgpack.unpack(value)
  parts[1] = ''
  all[i] = cjson.encode(parts)
end
return all`

async function keptAt(redis: Redis, key: string): Promise<Place> {
  return { where: `Redis key ${key}`, text: JSON.stringify(await valueAt(redis, key)) }
}

async function valueAt(redis: Redis, key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'string':
      return redis.get(key)
    case 'hash': {
      if (IS_FINISHED.test(key)) return redis.eval(WITHOUT_DATA, 1, key)
      const { data: _, ...rest } = await redis.hgetall(key)
      return rest
    }
    case 'list':
      return redis.lrange(key, '0', '-1')
    case 'set':
      return redis.smembers(key)
    case 'zset':
      return redis.zrange(key, '0', '-1')
    case 'stream':
      return redis.xrange(key, '-', '+')
    default:
      return null // gone meanwhile
  }
}

/** Rejects, naming each place where one is, with what stands around it. */
export function expectNone(places: Place[]): void {
  const found = places.flatMap(({ where, text }) => {
    const at = text.indexOf(CANARY)
    return at === -1 ? [] : [`${where}: …${text.slice(Math.max(0, at - 60), at + 60)}…`]
  })
  if (found.length > 0) throw new Error(`A canary was seen in ${found.length} places:\n${found.slice(0, 5).join('\n')}`)
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return '' // it has ended, or this is no Linux
  }
}

/** Of a worker's HTTP; '' of one that has ended, or is frozen. */
export async function textOf(url: string): Promise<string> {
  try {
    return await (await fetch(url, { signal: AbortSignal.timeout(3000) })).text()
  } catch {
    return ''
  }
}
