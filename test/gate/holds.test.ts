import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type CallReport, Held } from '../../src/domain/hold.ts'
import { PastHolds, readPastHolds } from '../../src/gate/past-holds.ts'
import { ANSWERED, FAILED, gateFleet, KEYS, tell, times } from './fleet.ts'

const fleet = gateFleet()
const REFUSED = { answered: false, kind: null, configuration: 'refused' }
const claim = (token: string, ms = 60_000, stamp = 'stamp') => fleet.holds().claimProbe(token, ms, stamp)
const batch = { lane: 'batch' } as const

describe('while the fleet holds', () => {
  it('nobody gets a permit in any lane, and whoever waits is told', async () => {
    await fleet.holds().begin('manual', 'maintenance', 60_000)
    const gate = fleet.gate({ rate: 50, inFlight: 5 })
    await expect(gate.permit(batch, fleet.life())).rejects.toThrow(Held)
    await expect(gate.permit({ lane: 'interactive', again: true }, fleet.life())).rejects.toThrow(Held)
    expect(await fleet.redis.exists(KEYS.rate, KEYS.inFlight)).toBe(0)
  })

  it('the process that noticed it refuses those of its lookups that wait for their turn', async () => {
    const gate = fleet.gate({ rate: 0.01 })
    await gate.permit(batch, fleet.life())
    const waiting = gate.permit(batch, fleet.life())
    await tell(gate, REFUSED)
    await expect(waiting).rejects.toThrow(Held)
  })

  it('the probe passes with its token, and with no other', async () => {
    const gate = fleet.gate({ holdMinMs: 1 })
    await tell(gate, ...times(20, FAILED))
    await expect.poll(() => claim('token')).toBe(true)
    await expect(gate.permit({ lane: 'interactive', probe: 'another' }, fleet.life())).rejects.toThrow(Held)
    await gate.permit({ lane: 'interactive', probe: 'token' }, fleet.life())
  })

  it('not even the probe passes a hold by hand', async () => {
    const gate = fleet.gate({ holdMinMs: 1 })
    await tell(gate, ...times(20, FAILED))
    await expect.poll(() => claim('token')).toBe(true)
    await fleet.holds().begin('manual', 'stop', 60_000)
    await expect(gate.permit({ lane: 'interactive', probe: 'token' }, fleet.life())).rejects.toThrow(Held)
  })
})

describe('what is known of holds that are over', () => {
  it('is kept of the last two hundred, whoever writes it', async () => {
    const past = new PastHolds(fleet.redis, KEYS)
    const none = { expiresAt: 0, nextProbeAt: null, kind: null, suspectedSince: null, spent: 0, by: null }
    const since = Date.now() - 1_000_000
    for (let nth = 0; nth <= 200; nth++) {
      const hold = { ...none, reason: 'service', why: `${nth}`, since: since + nth, probes: nth } as const
      await past.keepWhy(hold)
      if (nth > 198) await past.keepWhy(hold)
    }
    for (const nth of [0, 1, 200]) await fleet.redis.zadd(KEYS.pastHolds, since + 1000, `service:${since + nth}`)
    const told = (await readPastHolds(fleet.redis, KEYS)).map(({ why, probes }) => [why, probes])
    expect(told).toEqual([
      [null, null],
      ['1', 1],
      ['200', 200],
    ])
    expect(await fleet.redis.pttl(KEYS.whyHeld)).toBeGreaterThan(7 * 86_400_000)
  })
})

describe('a hold by hand, or for the results', () => {
  it.each(['manual', 'results'] as const)(
    'begins once, lasts as long as it is said to, and ends (%s)',
    async (reason) => {
      const holds = fleet.holds()
      expect(await holds.begin(reason, 'why', 30_000)).toBe(true)
      const first = await fleet.hold(reason)
      expect(first).toMatchObject({ reason, why: 'why', nextProbeAt: null, probes: 0 })
      expect(await holds.begin(reason, 'another why', 90_000)).toBe(false)
      const prolonged = await fleet.hold(reason)
      expect(prolonged).toMatchObject({ why: 'another why', since: first?.since })
      expect((prolonged?.expiresAt ?? 0) - (first?.expiresAt ?? 0)).toBeGreaterThanOrEqual(60_000)
      expect(await fleet.redis.pttl(KEYS.hold)).toBeGreaterThan(80_000)
      expect(await holds.end(reason)).toBe(1)
      expect(await holds.end(reason)).toBe(0)
      expect(await fleet.reasons()).toEqual([])
    },
  )

  it('may be made shorter', async () => {
    await fleet.holds().begin('manual', 'why', 90_000)
    await fleet.holds().begin('manual', 'why', 1)
    await expect.poll(fleet.reasons).toEqual([])
  })

  it('ends by itself, and calls go on', async () => {
    await fleet.holds().begin('manual', 'why', 50)
    await expect.poll(fleet.reasons).toEqual([])
    await fleet.gate().permit(batch, fleet.life())
    await expect.poll(() => fleet.redis.exists(KEYS.hold)).toBe(0)
  })

  it('is told to all who listen, when it begins and when it ends', async () => {
    const heard: string[] = []
    const listener = fleet.connection()
    listener.on('message', (_, message) => heard.push(message))
    await listener.subscribe(fleet.holds().channel)
    await fleet.holds().begin('manual', 'why', 60_000)
    await expect.poll(() => heard.length).toBe(1)
    await fleet.holds().end('manual')
    await expect.poll(() => heard.length).toBe(2)
  })

  it('does not end the others', async () => {
    await tell(fleet.gate(), REFUSED)
    await fleet.holds().begin('manual', 'why', 60_000)
    await fleet.holds().end('manual')
    expect(await fleet.reasons()).toEqual(['configuration'])
  })
})

describe('the probe', () => {
  const held = async () => {
    await tell(fleet.gate({ holdMinMs: 1 }), ...times(20, FAILED))
    await sleep(10)
  }

  it('is one of the whole fleet', async () => {
    await held()
    const claims = await Promise.all(times(10, 0).map((_, index) => claim(`process ${index}`)))
    expect(claims.filter(Boolean)).toHaveLength(1)
  })

  it('does not go before its time', async () => {
    await tell(fleet.gate({ holdMinMs: 60_000 }), ...times(20, FAILED))
    expect(await claim('token')).toBe(false)
  })

  it('of a process that died is another’s after a while', async () => {
    await held()
    expect(await claim('of the dead', 200)).toBe(true)
    expect(await claim('another')).toBe(false)
    await expect.poll(() => claim('another')).toBe(true)
  })

  it('goes at once, once, where the clock of Redis was set back', async () => {
    await tell(fleet.gate({ holdMinMs: 60_000 }), ...times(20, FAILED))
    const hold = JSON.parse((await fleet.redis.hget(KEYS.hold, 'service')) ?? '')
    for (const time of ['since', 'nextProbeAt', 'expiresAt']) hold[time] += 7_200_000
    await fleet.redis.hset(KEYS.hold, 'service', JSON.stringify(hold))
    expect(await claim('token')).toBe(true)
    expect(await claim('another')).toBe(false)
  })

  it('that was not sent is given back, and another may', async () => {
    await held()
    expect(await claim('first')).toBe(true)
    await fleet.holds().giveProbeBack('not mine')
    expect(await claim('second')).toBe(false)
    await fleet.holds().giveProbeBack('first')
    expect(await claim('second')).toBe(true)
  })

  it('is not sent while the fleet holds for a reason that no probe can end, or for none', async () => {
    expect(await claim('token')).toBe(false)
    await held()
    await fleet.holds().begin('results', 'full', 60_000)
    expect(await claim('token')).toBe(false)
    await fleet.holds().end('results')
    expect(await claim('token')).toBe(true)
  })

  it('waits for both, where the service and the configuration are held for', async () => {
    await held()
    await tell(fleet.gate({ holdMinMs: 60_000 }), REFUSED)
    expect(await claim('token')).toBe(false)
  })
})

describe('other credentials', () => {
  const refused = () => tell(fleet.gate({ holdMinMs: 600_000 }), REFUSED)
  const failedAgain = (token: string) => fleet.gate().report(REFUSED, token)

  it('are tried at once, each once', async () => {
    await refused()
    expect(await claim('a')).toBe(false)
    expect(await claim('b', 60_000, 'changed')).toBe(true)
    await failedAgain('b')
    expect(await claim('c', 60_000, 'changed')).toBe(false)
    expect(await claim('d', 60_000, 'changed again')).toBe(true)
  })

  it('are not tried beside a probe that is on its way', async () => {
    await refused()
    expect(await claim('a', 60_000, 'changed')).toBe(true)
    expect(await claim('b', 60_000, 'changed again')).toBe(false)
  })

  it('do not hurry a hold for the service', async () => {
    await refused()
    await tell(fleet.gate({ holdMinMs: 60_000 }), ...times(20, FAILED))
    expect(await claim('a', 60_000, 'changed')).toBe(false)
  })

  it('that could not be tried, for there was no lookup to try them with, are still tried at once', async () => {
    await refused()
    expect(await claim('a', 60_000, 'changed')).toBe(true)
    await fleet.holds().giveProbeBack('a')
    expect(await claim('b', 60_000, 'changed')).toBe(true)
  })
})

describe('calls that were on their way when the fleet began to hold', () => {
  it('do not make it hold anew when they fail after the hold’s end', async () => {
    const gate = fleet.gate({ holdMinMs: 1 })
    const startedAt = performance.now()
    await tell(gate, ...times(20, FAILED))
    await expect.poll(() => claim('token')).toBe(true)
    await gate.report(ANSWERED, 'token')
    const straggler = (report: CallReport) => gate.report({ ...report, tookMs: performance.now() - startedAt })
    for (let i = 0; i < 50; i++) await straggler(FAILED)
    await straggler(REFUSED)
    expect(await fleet.reasons()).toEqual([])
    await tell(gate, ...times(20, FAILED))
    expect(await fleet.reasons()).toEqual(['service'])
  })
})

describe('what Redis keeps', () => {
  it('goes by itself, whatever happened, but for limits and codes that were set by hand', async () => {
    const options = { rate: 500, inFlight: 50, quotaCalls: 30, holdMinMs: 1, quotaPeriodMs: 60_000 }
    const gate = fleet.gate(options)
    const life = fleet.life()
    await Promise.all(times(5, 0).map(() => gate.permit({ lane: 'interactive' }, life)))
    await fleet.book('interactive', 1, { inFlight: 1 }) // full: leaves that somebody waits
    await fleet.book('batch', 25, { ...options, rate: null })
    expect((await fleet.book('batch', 1, options)).said).toBe('spent')
    await fleet.holds().end('quota')
    await fleet.holds().begin('manual', 'why', 60_000)
    await fleet.holds().begin('results', 'why', 1)
    await tell(gate, ANSWERED, ...times(20, { answered: true, kind: 'code:5' }), ...times(30, FAILED), {
      ...FAILED,
      retryAfterMs: 5,
    })
    await fleet.holds().end('manual')
    await expect.poll(() => claim('one')).toBe(true)
    await gate.report(FAILED, 'one')
    await expect.poll(() => claim('two')).toBe(true)
    await gate.report(ANSWERED, 'two')
    const keys = await fleet.redis.keys('*')
    expect(keys).toEqual(
      expect.arrayContaining([KEYS.rate, KEYS.rateInteractive, KEYS.inFlight, KEYS.quota, KEYS.hold]),
    )
    expect(keys).toContain(KEYS.memory)
    for (const key of keys) expect([key, await fleet.redis.pttl(key)]).not.toEqual([key, -1])
  })
})
