/** How a fleet goes on after a release by hand, read from the turns that the permit script books. */

import { describe, expect, it } from 'vitest'
import { gateFleet, KEYS, type UNLIMITED } from './fleet.ts'

const fleet = gateFleet()

const WHO = 'anna@desk'

/** How far apart turns stand, ms. */
async function interval(options: Partial<typeof UNLIMITED>): Promise<number> {
  await fleet.redis.del(KEYS.rate)
  const { at } = await fleet.book('batch', 1, options)
  return Math.round((await fleet.due()) - at)
}

/** Moves the end of the slow start into the past. */
async function pastSlowStart(): Promise<void> {
  await fleet.redis.hset(KEYS.hold, 'slowUntil', Math.floor(await fleet.time()) - 1)
}

describe('release', () => {
  it('begins at a fifth of the pace for five seconds, like the end of a hold by a probe', async () => {
    await fleet.holds().begin('manual', 'why', 60_000)
    expect(await fleet.holds().release(WHO)).toEqual({ holds: ['manual'], paceBefore: null })
    expect(await interval({ rate: 100 })).toBe(50)
    const slowFor = Number(await fleet.redis.hget(KEYS.hold, 'slowUntil')) - (await fleet.time())
    expect(slowFor).toBeGreaterThan(3000)
    expect(slowFor).toBeLessThanOrEqual(5000)
    await pastSlowStart()
    expect(await interval({ rate: 100 })).toBe(10)
  })

  it('of what was not held slows nobody down', async () => {
    expect(await fleet.holds().release(WHO)).toEqual({ holds: [], paceBefore: null })
    expect(await interval({ rate: 100 })).toBe(10)
  })

  it('at a part of the pace goes on so until it is released in full', async () => {
    await fleet.holds().begin('manual', 'why', 60_000)
    await fleet.holds().release(WHO, { pace: 0.1 })
    expect(await interval({ rate: 100 })).toBe(100) // below the fifth of the slow start
    await pastSlowStart()
    expect(await interval({ rate: 100 })).toBe(100)
    expect((await fleet.holds().read()).pace).toMatchObject({ share: 0.1, who: WHO })
    await fleet.holds().release(WHO, { pace: 0.5 })
    expect(await interval({ rate: 100 })).toBe(20)
    expect(await fleet.holds().release(WHO)).toEqual({ holds: [], paceBefore: 0.5 })
    expect(await interval({ rate: 100 })).toBe(10)
    expect((await fleet.holds().read()).pace).toBeNull()
  })

  it('at a part of the pace outlives other holds, and their slow start comes before it', async () => {
    await fleet.holds().release(WHO, { pace: 0.5 })
    await fleet.holds().begin('results', 'why', 60_000)
    expect((await fleet.book('batch', 1, { rate: 100 })).said).toBe('held')
    await fleet.holds().end('results')
    expect(await interval({ rate: 100 })).toBe(20)
    await fleet.holds().begin('manual', 'why', 60_000)
    await fleet.holds().release(WHO, { pace: 0.5 })
    expect(await interval({ rate: 100 })).toBe(50)
  })

  it('in full waits for no turn of the slow pace', async () => {
    await fleet.holds().release(WHO, { pace: 0.001 })
    await fleet.book('batch', 1, { rate: 1 })
    expect((await fleet.book('batch', 1, { rate: 1 })).said).toBe('wait')
    await fleet.holds().release(WHO)
    expect((await fleet.book('batch', 1, { rate: 1 })).said).toBe('granted')
  })

  it('at a part of the pace leaves a worker alone that has no limit of calls a second', async () => {
    await fleet.holds().release(WHO, { pace: 0.1 })
    expect((await fleet.book('batch', 3, { rate: null })).turns).toEqual([0, 0, 0])
  })

  it('is told to all who listen', async () => {
    const heard: string[] = []
    const listener = fleet.connection()
    listener.on('message', (_, message) => heard.push(message))
    await listener.subscribe(fleet.holds().channel)
    await fleet.holds().release(WHO, { pace: 0.1 })
    await expect.poll(() => heard.length).toBe(1)
  })

  it('of a Redis whose memory is full ends the hold all the same', async () => {
    await fleet.holds().begin('manual', 'why', 60_000)
    await fleet.redis.config('SET', 'maxmemory', '1')
    try {
      expect((await fleet.holds().release(WHO)).holds).toEqual(['manual'])
    } finally {
      await fleet.redis.config('SET', 'maxmemory', '0')
    }
    expect(await fleet.redis.xlen(KEYS.activity)).toBe(1)
  })
})
