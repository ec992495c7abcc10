import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startWorld, until } from '../support/world.ts'
import { endAll, isAlive, type Started, start } from './started.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chat-enricher-demo-'))
})
afterEach(async () => {
  await endAll()
  rmSync(folder, { recursive: true, force: true })
})

/** Its temporary files go to a folder that is this test's alone. */
const startDemo = (...args: string[]) => start(['demo', ...args], { TMPDIR: folder })

/** Every process of the demo: Redis and its guard, and the workers. */
function descendants(pid: number): number[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid=']).toString().trim().split('\n')
  const pairs = table.map((line) => line.trim().split(/\s+/).map(Number) as [number, number])
  const found = [pid]
  for (const parent of found) found.push(...pairs.filter(([, ppid]) => ppid === parent).map(([child]) => child))
  return found.slice(1)
}

async function underWay(demo: Started): Promise<number[]> {
  await demo.says(/enqueued +[\d,]+ lookups/)
  const pids = descendants(demo.pid).filter(isAlive)
  expect(pids.length).toBeGreaterThanOrEqual(4) // guard, redis-server, two workers
  return pids
}

async function nothingIsLeft(pids: number[]): Promise<void> {
  await until(`the processes ${pids} are gone`, () => !pids.some(isAlive))
  await until('its folder is gone', () => readdirSync(folder).filter((name) => name.includes('redis')).length === 0)
}

describe('demo', () => {
  it('--once enriches as many as it is told, shows some, and leaves nothing behind', async () => {
    const demo = startDemo('--once', '--lookups', '60')
    const pids = await underWay(demo)
    expect(await demo.ended).toEqual({ code: 0, signal: null })
    expect(demo.stdout()).toMatch(/^enriched 60$/m)
    expect(demo.stdout()).toMatch(/^console +http:\/\/127\.0\.0\.1:\d+\/$/m)
    expect(demo.stdout()).toMatch(/^calls the service saw: 60, at most \d+ arrived in any second$/m)
    expect(demo.stdout().match(/^│ 1000\d\d +│/gm)).toHaveLength(5)
    expect(demo.stderr()).toMatch(/^60 of 60 \| \d+\/s \| backlog 0 \| p95 from enqueue to result /m)
    await nothingIsLeft(pids)
  })

  it('stays up after that without --once, with pages to open, until Ctrl-C', async () => {
    const demo = startDemo('--lookups', '10')
    const pids = await underWay(demo)
    await demo.says(/stays up until Ctrl-C/)
    const urls = [...demo.stdout().matchAll(/http:\S+/g)].map(([url]) => url)
    expect(urls).toHaveLength(5)
    for (const url of urls) expect((await fetch(url)).status).toBe(200)
    demo.child.kill('SIGINT')
    expect(await demo.ended).toEqual({ code: 0, signal: null })
    await nothingIsLeft(pids)
  })

  it.each(['SIGINT', 'SIGTERM'] as const)(
    '%s in the middle ends it cleanly, saying how many are missing',
    async (signal) => {
      const demo = startDemo('--lookups', '10000')
      const pids = await underWay(demo)
      demo.child.kill(signal)
      expect(await demo.ended).toEqual({ code: 1, signal: null })
      expect(demo.stderr()).toMatch(/^stopped before the other [\d,]+ had their result$/m)
      expect(demo.stderr()).not.toMatch(/^worker \d+:/m)
      await nothingIsLeft(pids)
    },
  )

  it('killed in the middle leaves no worker, no Redis and no folder', async () => {
    const demo = startDemo('--lookups', '10000')
    const pids = await underWay(demo)
    demo.child.kill('SIGKILL')
    await demo.ended
    await nothingIsLeft(pids)
  })

  it('ends, exit 1, when a worker of it does', async () => {
    const demo = startDemo('--lookups', '10000')
    const pids = await underWay(demo)
    const [, worker] = await demo.says(/worker +pid (\d+),/)
    process.kill(Number(worker), 'SIGKILL')
    expect((await demo.ended).code).toBe(1)
    expect(demo.stderr()).toContain(`error: worker ${worker} of the demo ended by itself (SIGKILL)`)
    await nothingIsLeft(pids)
  })

  it('uses the Redis of REDIS_URL, and leaves nothing in it', async () => {
    const world = await startWorld()
    try {
      await world.redis.set('mine', '1')
      const demo = start(['demo', '--once', '--lookups', '10'], { TMPDIR: folder, REDIS_URL: world.redisUrl })
      expect((await demo.ended).code).toBe(0)
      expect(demo.stdout()).toMatch(/^enriched 10$/m)
      expect(await world.redis.keys('*')).toEqual(['mine'])
      expect(readdirSync(folder).filter((name) => name.includes('redis'))).toEqual([])
    } finally {
      await world.close()
    }
  })

  it('without any redis-server says how to get one, exit 1', async () => {
    const demo = start(['demo', '--once'], { TMPDIR: folder, PATH: folder })
    expect((await demo.ended).code).toBe(1)
    expect(demo.stderr()).toMatch(/^error: expected redis-server or valkey-server on PATH, got neither.*REDIS_URL/)
  })
})
