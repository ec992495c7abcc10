import { hostname, userInfo } from 'node:os'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import type { Activity } from '../../src/fleet/activity.ts'
import { activityKey } from '../../src/redis/names.ts'
import { run } from '../support/in-process.ts'
import { useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'
import { activitySchema } from './schemas.ts'
import { parseLines, start } from './started.ts'

const world = useWorld()

const WHO = `${userInfo().username}@${hostname()}`

async function activity(...args: string[]): Promise<Activity[]> {
  const { code, stdout, stderr } = await run(['activity', '--json', ...args], world.env)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const entries = parseLines<Activity>(stdout)
  z.parse(z.array(activitySchema), entries)
  return entries
}

async function did(...args: string[]): Promise<void> {
  expect((await run(args, world.env)).code).toBe(0)
}

const lookups = () => world.queue(NAMES.lookupQueue)

describe('activity', () => {
  it('has an entry for each action, the newest first: who, what, with which arguments, how many', async () => {
    await did('hold', '--for', '2h', '--reason', 'maintenance')
    await did('release', '--accept-code', '5')
    await did('release')
    await did('limit', '--rate', '20', '--in-flight', 'none')
    await did('limit', '--reset')
    const entries = await activity()
    expect(entries.map(({ action, arguments: given, count }) => [action, given, count])).toEqual([
      ['limit', { reset: true }, 0],
      ['limit', { rate: 20, inFlight: null }, 2],
      ['release', {}, 0],
      ['release', { holds: ['manual'] }, 1],
      ['accept-code', { code: 5 }, 1],
      ['hold', { forMs: 7_200_000, reason: 'maintenance' }, 1],
    ])
    expect(new Set(entries.map(({ who }) => who))).toEqual(new Set([WHO]))
    expect(new Set(entries.map(({ state }) => state))).toEqual(new Set(['done']))
    expect(await activity('--limit', '2')).toEqual(entries.slice(0, 2))
  })

  it('for people is a line each, and says where there is nothing', async () => {
    expect((await run(['activity'], world.env)).stdout).toBe('nothing was done by hand here\n')
    await did('hold', '--for', '2h', '--reason', 'maintenance')
    const { stdout } = await run(['activity'], world.env)
    expect(stdout).toMatch(/^at \(UTC\) +who +action +count +arguments$/m)
    expect(stdout).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d .+@.+ hold +1 +forMs 7200000, reason maintenance$/m)
  })

  it('shows all of more entries than a page, and no more than asked for', async () => {
    for (let index = 0; index < 450; index++) {
      const entry = ['at', '1', 'who', 'a@b', 'action', 'limit', 'arguments', `{"rate":${index}}`, 'count', '1']
      await world.redis.xadd(activityKey(NAMES), '*', ...entry)
    }
    const rates = (await activity('--limit', '10000')).map(({ arguments: { rate } }) => rate)
    expect(rates).toEqual(Array.from({ length: 450 }, (_, index) => 449 - index))
    expect(await activity('--limit', '401')).toHaveLength(401)
  })

  it.each(['0', '10001', 'x'])('--limit %j is refused, exit 2', async (limit) => {
    const { code, stderr } = await run(['activity', '--limit', limit], world.env)
    expect(code).toBe(2)
    expect(stderr).toContain('expected a whole number from 1 to 10000')
  })

  it('refuses an action that it could not write down, and leaves nothing half done', async () => {
    await world.redis.set(activityKey(NAMES), 'of somebody else')
    for (const action of [['hold'], ['limit', '--rate', '3'], ['release', '--accept-code', '5'], ['forget', '1']]) {
      const { code, stderr } = await run(action, world.env)
      expect(code).toBe(1)
      expect(stderr).toContain('the key of the activity: expected a stream, got a string')
    }
    expect(await world.redis.keys('*')).toEqual([activityKey(NAMES)])
  })
})

describe('an action in steps', () => {
  it('is there from its first step on, with what it did, and no id in it', async () => {
    await lookups().add('lookup', { connectionId: 'zq-4711-marked' })
    await did('forget', 'zq-4711-marked')
    const [entry] = await activity()
    expect(entry).toMatchObject({ who: WHO, action: 'forget', count: 1, state: 'done' })
    expect(entry?.arguments).toEqual({ connection: expect.stringMatching(/^[0-9a-f]{12}$/) })
    expect(Date.parse(entry?.endedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(entry?.at ?? ''))
    for (const key of await world.redis.keys('*')) {
      expect((await world.redis.dumpBuffer(key))?.includes('zq-4711-marked')).toBe(false)
    }
  })

  it('is cut-off, with what it had done, after its process was killed; again it does the rest', async () => {
    const all = 1000
    const jobs = Array.from({ length: all }, () => ({ name: 'lookup', data: { connectionId: 'zq-4711-marked' } }))
    await lookups().addBulk(jobs)
    const forget = start(['forget', 'zq-4711-marked'], world.env)
    await until('it has begun', async () => ((await activity())[0]?.count ?? 0) > 10)
    forget.child.kill('SIGKILL')
    await forget.ended
    const left = await lookups().getWaitingCount()
    const [entry] = await activity()
    expect(entry?.state).toBe('running') // nobody can know it yet
    // The job that was being removed at that moment may not have been counted yet.
    expect([all - left, all - left - 1]).toContain(entry?.count)
    await world.redis.hset(`bull:chat-enricher:action:${activityKey(NAMES).split(':')[3]}:${entry?.id}`, 'seenAt', '1')
    expect((await activity())[0]).toEqual({ ...entry, state: 'cut-off' })
    expect((await run(['activity'], world.env)).stdout).toMatch(/ forget +\d+ \(cut-off\) +connection [0-9a-f]{12}$/m)
    await did('forget', 'zq-4711-marked')
    expect((await activity()).map(({ count, state }) => [count, state])).toEqual([
      [left, 'done'],
      [entry?.count, 'cut-off'],
    ])
    expect(await lookups().getWaitingCount()).toBe(0)
  })
})
