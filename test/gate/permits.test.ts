import { describe, expect, it } from 'vitest'
import type { LookupEvent } from '../../src/domain/event.ts'
import { Held } from '../../src/domain/hold.ts'
import type { Lane } from '../../src/domain/lane.ts'
import { RetryRefused } from '../../src/gate/gate.ts'
import { LimitStore } from '../../src/gate/limits.ts'
import { readGate } from '../../src/gate/read-gate.ts'
import { booking, gateFleet, KEYS, LONG_MS, times } from './fleet.ts'

const fleet = gateFleet()

/** Turns of one lane until it is told to wait, as Redis' time. */
async function bookAll(lane: Lane, options: Parameters<typeof fleet.book>[2]): Promise<number[]> {
  const turns: number[] = []
  for (;;) {
    const booked = await fleet.book(lane, 20, options)
    if (booked.said !== 'granted') return turns
    turns.push(...booked.turns.map((turn) => booked.at + turn))
  }
}

/** One lane asks in vain, a place is freed, and then these ask; in one transaction, and what each is told. */
async function bookTogether(first: Lane, freed: string, then: Lane[], options: Parameters<typeof fleet.book>[2]) {
  const [waits, ...others] = [first, ...then].map((lane) => booking(lane, 1, options ?? {}))
  if (!waits) return []
  const transaction = fleet.redis
    .multi()
    .eval(...waits.eval)
    .zpopmin(freed)
  for (const other of others) transaction.eval(...other.eval)
  const [reply, , ...replies] = ((await transaction.exec()) ?? []).map(([, one]) => one)
  return [waits.read(reply).said, ...others.map((other, index) => other.read(replies[index]).said)]
}

/** Between two turns, ms. */
async function interval(options: Parameters<typeof fleet.book>[2]): Promise<number> {
  await fleet.redis.del(KEYS.rate)
  const { at } = await fleet.book('batch', 1, options)
  return Math.round((await fleet.due()) - at)
}

const gaps = (turns: number[]) => turns.slice(1).map((turn, index) => turn - (turns[index] as number))

describe('turns that a busy process missed', () => {
  const PACE = { rate: 100 }
  const { due } = fleet

  it('are given back to the fleet, so that its pace is kept', async () => {
    await bookAll('batch', PACE)
    const before = await due()
    const [turn] = (await fleet.book('interactive', 1, PACE, { missed: 3 })).turns
    expect(turn).toBeGreaterThan(0)
    expect(await due()).toBeCloseTo(before, 0) // one turn given back, one taken
  })

  it('come back one at a time, a hundredth of the pace, or some second would have too many', async () => {
    await bookAll('batch', PACE)
    const before = await due()
    for (let i = 0; i < 3; i++) await fleet.book('interactive', 1, PACE, { missed: 5 })
    const lives = await fleet.redis.pttl(KEYS.rateMissed)
    expect(lives).toBeGreaterThan(0)
    expect(lives).toBeLessThanOrEqual(1000)
    expect(await due()).toBeCloseTo(before + 20, 0) // three taken, one given back
  })

  it('are not given back where nobody stands in line: those after them would come too early', async () => {
    const { at, turns } = await fleet.book('batch', 1, PACE, { missed: 5 })
    expect(turns).toEqual([0])
    expect(await due()).toBeGreaterThanOrEqual(at + 9.9)
  })
})

describe('the lanes', () => {
  const PACE = { rate: 20 }

  it('give an interactive call its turn within a second, however many others are booked', async () => {
    for (let i = 0; i < 5; i++) {
      const all = await bookAll('batch', PACE)
      const now = await fleet.time()
      const { said, at, turns } = await fleet.book('interactive', 1, PACE)
      expect(said).toBe('granted')
      expect(turns[0]).toBeLessThanOrEqual(1000 + 50)
      if (all.length > 0) expect(at + (turns[0] ?? 0)).toBeGreaterThan(now) // behind those that are booked
      await fleet.redis.del(KEYS.rateInteractive)
    }
  })

  it('keep the pace together', async () => {
    const turns = [...(await bookAll('batch', PACE)), ...(await bookAll('interactive', PACE))]
    expect(Math.min(...gaps(turns))).toBeGreaterThanOrEqual(49.9)
  })

  it('keep four fifths of the pace for a backfill, under a flood of interactive calls', async () => {
    const count = { batch: 0, interactive: 0 }
    const gates = [fleet.gate({ rate: 40 }), fleet.gate({ rate: 40 })]
    const life = fleet.life()
    let isOver = false
    const call = async (gate: (typeof gates)[number], lane: Lane) => {
      while (!isOver) {
        const permit = await gate.permit({ lane }, life)
        if (!isOver) count[lane]++
        permit.release()
      }
    }
    for (const gate of gates)
      for (const lane of ['batch', 'interactive'] as const)
        for (let i = 0; i < 20; i++) call(gate, lane).catch(() => {})
    await expect.poll(() => count.batch + count.interactive, { timeout: 30_000 }).toBeGreaterThan(160)
    isOver = true
    const share = count.interactive / (count.batch + count.interactive)
    expect(share).toBeGreaterThan(0.12)
    expect(share).toBeLessThan(0.3)
  })

  it('leave all of the pace to interactive calls where there are no others', async () => {
    const turns = await bookAll('interactive', PACE)
    expect(turns.length).toBeGreaterThan(12)
  })

  it('keep a place among the calls in flight for an interactive call that waits, not for one that does not', async () => {
    const options = { inFlight: 4, interactiveShare: 0.25 }
    const { said, turns } = await fleet.book('batch', 4, options)
    expect([said, turns.length]).toEqual(['leased', 4])
    // In one transaction: that somebody waits is remembered for a quarter of a second.
    const whatIsSaid = await bookTogether('interactive', KEYS.inFlight, ['batch', 'interactive'], options)
    expect(whatIsSaid).toEqual(['full', 'full', 'leased'])
    await fleet.redis.del(KEYS.interactiveWaitsForPlace)
    await fleet.redis.zpopmin(KEYS.inFlight)
    expect((await fleet.book('batch', 1, options)).said).toBe('leased')
  })

  it('leave a batch call that waits all places but the share of interactive ones', async () => {
    const options = { inFlight: 4, interactiveShare: 0.25 }
    expect((await fleet.book('interactive', 4, options)).turns).toHaveLength(4)
    const whatIsSaid = await bookTogether('batch', KEYS.inFlightInteractive, ['interactive', 'batch'], options)
    expect(whatIsSaid).toEqual(['full', 'full', 'leased'])
  })

  it('have more places than their share for interactive calls while batch ones wait for the pace, not for a place', async () => {
    const options = { inFlight: 100, interactiveShare: 0.02 }
    await fleet.book('batch', 2, { ...options, rate: 0.1 })
    expect(await fleet.redis.exists(KEYS.batchWaitsForTurn)).toBe(1)
    expect((await fleet.book('interactive', 5, options)).turns).toHaveLength(5)
  })

  it('give interactive calls of one process all of their share at once, behind however many others', async () => {
    const pace = { rate: 50, interactiveShare: 0.2 }
    await bookAll('batch', pace)
    const { turns } = await fleet.book('interactive', 4, pace)
    expect(turns).toHaveLength(4)
    expect(Math.max(...turns)).toBeLessThan(1020)
  })
})

describe('processes that are set up apart', () => {
  // Fails without: src/gate/permit-script.ts: a clock of its own (one took what another had booked for a clock set back)
  it('have no more calls together than the larger burst and the pace', async () => {
    const since = await fleet.time()
    const turns: number[] = []
    for (let i = 0; i < 40; i++)
      for (const burst of [1, 200]) {
        const booked = await fleet.book('batch', 20, { rate: 50, burst })
        turns.push(...booked.turns.map((turn) => booked.at + turn))
      }
    const until = Math.max(...turns)
    expect(turns.length).toBeGreaterThan(150)
    expect(turns.length).toBeLessThanOrEqual(200 + ((until - since) * 50) / 1000 + 1)
  })

  it('count each other’s calls in flight, however long those may take', async () => {
    const limited = { inFlight: 5 }
    const { turns } = await fleet.book('batch', 5, { ...limited, soapCallTimeoutMs: 60_000 })
    expect(turns).toHaveLength(5)
    expect((await fleet.book('batch', 1, limited)).said).toBe('full')
    await fleet.redis.zpopmin(KEYS.inFlight)
    await fleet.book('batch', 1, limited)
    expect(await fleet.redis.pttl(KEYS.inFlight)).toBeGreaterThan(60_000) // not so soon as the shorter lease
  })
})

describe('the first seconds after a hold', () => {
  it('have a fifth of the pace, whatever may leave at once after a pause', async () => {
    const slow = { rate: 50, burst: 100 }
    await fleet.redis.hset(KEYS.hold, 'slowUntil', (await fleet.time()) + 5000)
    const turns = await bookAll('batch', slow)
    expect(turns.length).toBeLessThanOrEqual(10)
    await fleet.redis.del(KEYS.hold)
    const later = await bookAll('batch', slow)
    expect(Math.min(...later) - (turns.at(-1) as number)).toBeGreaterThan(15) // nor is the whole burst there at its end
  })
})

describe('a lookup that has called before', () => {
  it('comes before those that have not', async () => {
    const gate = fleet.gate({ rate: 50 })
    const order: string[] = []
    const life = fleet.life()
    const ask = (name: string, again: boolean) =>
      gate.permit({ lane: 'batch', again }, life).then(() => void order.push(name))
    await Promise.all([...times(5, 0).map((_, index) => ask(`new ${index}`, false)), ask('again', true)])
    expect(order).toEqual(['again', 'new 0', 'new 1', 'new 2', 'new 3', 'new 4'])
  })
})

describe('retries', () => {
  const PACE = { rate: 100 }
  const repeated = (wanted: number, retries: number) => fleet.book('batch', wanted, PACE, { retries })
  type AnyGate = ReturnType<typeof fleet.gate>

  /** What these steps came to on a Redis that knows nothing, as soon as no turn has come due between them. */
  const inNoTime = async <T>(steps: () => Promise<T[]>): Promise<T[]> => {
    for (;;) {
      await fleet.redis.flushall()
      const startedAt = performance.now()
      const came = await steps()
      if (performance.now() - startedAt < 50) return came
    }
  }

  /** A permit; whoever is refused comes again. */
  const insist = async (gate: AnyGate, again: boolean, life: AbortSignal) => {
    for (;;) {
      try {
        return await gate.permit({ lane: 'batch', again }, life)
      } catch (error) {
        if (!(error instanceof RetryRefused)) throw error
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
  }

  it('get a tenth of the pace at most, while first calls wait', async () => {
    const count = { first: 0, retry: 0 }
    const life = fleet.life()
    const call = async (gate: AnyGate, what: 'first' | 'retry') => {
      while (count.first + count.retry < 300) {
        const permit = await insist(gate, what === 'retry', life)
        count[what]++
        permit.release()
      }
    }
    const gates = [fleet.gate(PACE), fleet.gate(PACE)]
    const startedAt = performance.now()
    const calls = gates.flatMap((gate) => times(10, gate).flatMap(() => [call(gate, 'first'), call(gate, 'retry')]))
    await Promise.race(calls)
    const pace = (PACE.rate * (performance.now() - startedAt)) / 1000
    expect(count.retry).toBeLessThanOrEqual(0.1 * pace + 3)
    expect(count.retry).toBeGreaterThan(10)
    for (const one of calls) one.catch(() => {}) // they end with the test
  })

  it('of one process leave the rest to the first calls of another', async () => {
    for (let i = 0; i < 10; i++) await fleet.book('batch', 20, PACE)
    for (let i = 0; i < 20; i++) await repeated(20, 20)
    await fleet.redis.del(KEYS.rate)
    const { said, turns } = await repeated(20, 20)
    expect(said === 'wait' || turns.length <= 1).toBe(true)
  })

  // Fails without: gate/asker.ts: permit() (a first call wakes who waits for retries), gate/permit-pace.ts: readRetries()
  it('of a service that is half down fill all slots, and the pace is used all the same', async () => {
    const life = fleet.life()
    let calls = 0
    const slot = async (gate: AnyGate) => {
      for (let again = false; ; again = !again && calls % 2 === 0) {
        const permit = await insist(gate, again, life)
        calls++
        permit.release()
      }
    }
    const gates = [fleet.gate(PACE), fleet.gate(PACE)]
    const slots = gates.flatMap((gate) => times(8, gate).map(slot))
    for (const one of slots) one.catch(() => {}) // they end with the test
    const startedAt = performance.now()
    await expect.poll(() => calls, { timeout: 30_000, interval: 10 }).toBeGreaterThanOrEqual(300)
    const pace = (PACE.rate * (performance.now() - startedAt)) / 1000
    expect(calls).toBeGreaterThan(0.55 * pace) // 0.43 where retries keep first calls waiting; a busy machine takes some
  })

  // Fails without: gate/asker.ts: #askOnce() (retries that the script refuses), gate/permit-pace.ts: refused, firstWait()
  it.each([
    [2, 16],
    [12, 2],
  ])(
    'of a service that is half down leave the slots of %d processes, %d each, to first calls',
    async (processes, slots) => {
      const life = fleet.life()
      let [calls, repeats] = [0, 0]
      const call = async (gate: AnyGate, again: boolean) => {
        const permit = await gate.permit({ lane: 'batch', again }, life)
        if (again) repeats++
        const isFailed = (calls++ * 9) % 20 < 9
        await new Promise((resolve) => setTimeout(resolve, 20))
        permit.release()
        return isFailed
      }
      const lookup = async (gate: AnyGate) => {
        for (let number = 0; number <= 2; number++) if (!(await call(gate, number > 0))) return
      }
      const slot = async (gate: AnyGate) => {
        for (;;)
          await lookup(gate).catch((error) => {
            if (!(error instanceof RetryRefused)) throw error
          })
      }
      const gates = times(processes, 0).map(() => fleet.gate(PACE))
      for (const one of gates.flatMap((gate) => times(slots, gate).map(slot))) one.catch(() => {}) // they end with the test
      const startedAt = performance.now()
      await expect.poll(() => calls, { timeout: 30_000, interval: 10 }).toBeGreaterThanOrEqual(600)
      const pace = (PACE.rate * (performance.now() - startedAt)) / 1000
      expect(repeats / calls).toBeLessThanOrEqual(0.12)
      expect(repeats).toBeGreaterThan(10)
      expect(calls).toBeGreaterThan(0.6 * pace)
    },
  )

  it('get all of it, where no first call waits', async () => {
    const { turns, retries, refused } = await repeated(20, 20)
    expect([turns.length > 1, retries, refused]).toEqual([true, 20, 0])
  })

  it('beyond it are refused where first calls wait, of any process, and only there', async () => {
    const [one, some, alone] = await inNoTime(async () => {
      const first = await repeated(2, 1)
      await fleet.redis.del(KEYS.rate, KEYS.rateRetries)
      return [first, await repeated(13, 3), await repeated(4, 4)]
    })
    expect(one).toMatchObject({ said: 'granted', refused: 0 })
    expect(some).toMatchObject({ said: 'granted', retries: 1, refused: 2 })
    expect(alone).toMatchObject({ said: 'wait', refused: 4 }) // none of their own asks now
    const [free] = await inNoTime(async () => [await repeated(4, 4)])
    expect(free).toMatchObject({ said: 'granted', retries: 4, refused: 0 })
    const [behind] = await inNoTime(async () => {
      await Promise.all(times(60, 0).map(() => repeated(1, 0))) // first calls that have their turns, and wait for them
      return [await repeated(2, 2)]
    })
    expect(behind).toMatchObject({ retries: 1, refused: 1 })
  })

  it('that may not go let first calls pass', async () => {
    const gate = fleet.gate({ rate: 20 })
    const order: { name: string; afterMs: number }[] = []
    const life = fleet.life()
    const startedAt = performance.now()
    const ask = async (name: string, again: boolean) => {
      await insist(gate, again, life)
      order.push({ name, afterMs: performance.now() - startedAt })
    }
    await Promise.all([...times(10, 0).map(() => ask('first', false)), ...times(10, 0).map(() => ask('retry', true))])
    const early = order.slice(0, 10)
    const mayRepeat = 2 + (early.at(-1)?.afterMs ?? 0) / 500
    expect(early.filter(({ name }) => name === 'retry').length).toBeLessThanOrEqual(mayRepeat)
  })
})

describe('the quota', () => {
  it('lets so many calls pass, and then holds until it frees', async () => {
    const events: LookupEvent[] = []
    const options = { quotaCalls: 7, quotaPeriodMs: LONG_MS }
    const gate = fleet.gate(options, events)
    const life = fleet.life()
    const ended = await Promise.allSettled(times(100, 0).map(() => gate.permit({ lane: 'batch' }, life)))
    expect(ended.filter(({ status }) => status === 'fulfilled')).toHaveLength(7)
    for (const end of ended) if (end.status === 'rejected') expect(end.reason).toBeInstanceOf(Held)
    expect(events.filter(({ type }) => type === 'hold-began')).toEqual([{ type: 'hold-began', reason: 'quota' }])
    const hold = await fleet.hold('quota')
    expect(hold?.why).toBe('7 calls in 10m are spent (QUOTA_CALLS, QUOTA_PERIOD)')
    expect((hold?.expiresAt ?? 0) - (hold?.since ?? 0)).toBeGreaterThan(LONG_MS - 1000)
    expect((hold?.expiresAt ?? 0) - (hold?.since ?? 0)).toBeLessThanOrEqual(LONG_MS * (1 + 2 / 48))
    await expect(fleet.gate(options).permit({ lane: 'interactive' }, life)).rejects.toThrow(Held)
  })

  const spent = async () => {
    const slices = await fleet.redis.hvals(KEYS.quota)
    return slices.reduce((sum, calls) => sum + Number(calls), 0)
  }

  it('counts calls: a permit that was not used is given back', async () => {
    const options = { quotaCalls: 50, quotaPeriodMs: LONG_MS, inFlight: 50, rate: 10 }
    const gate = fleet.gate(options)
    const end = new AbortController()
    const first = await gate.permit({ lane: 'batch' }, end.signal)
    const waiting = times(5, 0).map(() => gate.permit({ lane: 'batch' }, end.signal))
    await expect.poll(spent).toBeGreaterThan(1)
    end.abort(new Error('shutdown'))
    await Promise.allSettled(waiting)
    await expect.poll(spent).toBe(1)
    first.release()
    await expect.poll(() => fleet.redis.zcard(KEYS.inFlight)).toBe(0)
    expect(await spent()).toBe(1)
  })

  it('and places count also the calls of a process that has neither', async () => {
    const limited = { quotaCalls: 10, quotaPeriodMs: LONG_MS, inFlight: 4 }
    await fleet.book('batch', 1, limited)
    expect((await fleet.book('batch', 3)).turns).toHaveLength(3)
    expect(await spent()).toBe(4)
    expect((await fleet.book('batch', 1, limited)).said).toBe('full')
    await fleet.redis.del(KEYS.inFlight)
    expect((await fleet.book('batch', 20)).turns).toHaveLength(20) // it has no limit itself
    expect((await fleet.book('batch', 1, { ...limited, inFlight: null })).said).toBe('spent')
  })

  it('slides: never more in any period, and goes on when the oldest calls are past', async () => {
    const PERIOD_MS = 480
    const at: number[] = []
    await expect
      .poll(
        async () => {
          const booked = await fleet.book('batch', 2, { quotaCalls: 5, quotaPeriodMs: PERIOD_MS })
          at.push(...booked.turns.map(() => booked.at))
          return at.length
        },
        { interval: 30, timeout: 30_000 },
      )
      .toBeGreaterThan(20)
    for (const [index, time] of at.slice(5).entries())
      expect(time - (at[index] as number)).toBeGreaterThanOrEqual(PERIOD_MS)
  })
})

describe('limits that are set while the fleet runs', () => {
  const WHO = 'anna@desk'
  const limits = () => new LimitStore(fleet.redis, KEYS)

  it('win over those of each process, and are gone with a reset', async () => {
    const own = { rate: 100, burst: 1 }
    expect(await interval(own)).toBe(10)
    await limits().change(WHO, { rate: 20 })
    expect(await interval(own)).toBe(50)
    await limits().change(WHO, {}, true)
    expect(await interval(own)).toBe(10)
  })

  it('may lift a limit', async () => {
    await limits().change(WHO, { rate: null, inFlight: null })
    const options = { rate: 1, inFlight: 1 }
    expect(await fleet.book('batch', 100, options)).toMatchObject({ said: 'granted', turns: times(100, 0) })
  })

  it('may limit the calls in flight, and let more leave at once', async () => {
    await limits().change(WHO, { inFlight: 3 })
    expect((await fleet.book('batch', 10)).turns).toHaveLength(3)
    expect((await readGate(fleet.redis, KEYS)).callsInFlight).toBe(3)
    await limits().change(WHO, { inFlight: null, burst: 4 })
    const { turns } = await fleet.book('batch', 10, { rate: 1 })
    expect(turns).toEqual([0, 0, 0, 0])
  })

  it('are what they were set to, and nothing else', async () => {
    await limits().change(WHO, { rate: 12.5, inFlight: null })
    expect(await limits().read()).toEqual({ rate: 12.5, inFlight: null })
    expect(await fleet.redis.pttl(KEYS.limits)).toBe(-1)
    await limits().change(WHO, {}, true)
    expect(await limits().read()).toEqual({})
  })

  it('take hold at once when the pace is raised: nobody waits for turns of the old one', async () => {
    const slow = { rate: 0.01 }
    await fleet.book('batch', 1, slow)
    expect((await fleet.book('batch', 1, slow)).said).toBe('wait')
    await limits().change(WHO, { rate: 100 })
    expect((await fleet.book('batch', 1, slow)).turns[0]).toBeLessThanOrEqual(10)
  })
})

describe('when the clock of Redis was set back by a day', () => {
  const ahead = async () => (await fleet.time()) + 86_400_000
  const bookAhead = async (...keys: string[]) => {
    for (const key of keys) await fleet.redis.set(key, `${await ahead()} ${await ahead()}`)
  }
  const PACE = { rate: 50 }

  it('the pace goes on in both lanes', async () => {
    await bookAhead(KEYS.rate, KEYS.rateInteractive)
    expect((await fleet.book('interactive', 1, PACE)).turns[0]).toBeLessThanOrEqual(20)
    await bookAhead(KEYS.rate)
    expect((await fleet.book('batch', 1, PACE)).turns[0]).toBeLessThanOrEqual(20)
  })

  it('the interactive lane has its share, also where a batch call asks first', async () => {
    await bookAhead(KEYS.rate, KEYS.rateInteractive)
    await fleet.redis.set(KEYS.batchWaitsForTurn, 1)
    expect((await fleet.book('batch', 1, PACE)).said).toBe('granted')
    expect((await fleet.book('interactive', 1, PACE)).said).toBe('granted')
  })

  it('the places of calls that were out before are free again', async () => {
    await fleet.redis.zadd(KEYS.inFlight, await ahead(), 'one')
    await fleet.redis.zadd(KEYS.inFlightInteractive, await ahead(), 'two')
    expect((await fleet.book('batch', 2, { inFlight: 2 })).turns).toHaveLength(2)
  })
})
