import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { LookupEvent } from '../../src/domain/event.ts'
import { ANSWERED, FAILED, gateFleet, KEYS, refused, tell, times } from './fleet.ts'

const fleet = gateFleet()

describe('the breaker', () => {
  it('holds when half of at least 20 calls in the window have failed, over all processes', async () => {
    const gates = [fleet.gate(), fleet.gate(), fleet.gate()]
    for (const gate of gates) await tell(gate, ...times(3, ANSWERED))
    for (const gate of gates) await tell(gate, ...times(3, FAILED))
    expect(await fleet.reasons()).toEqual([])
    await tell(fleet.gate(), ANSWERED, FAILED)
    expect(await fleet.hold('service')).toMatchObject({ why: '10 of the last 20 calls failed', probes: 0 })
  })

  it('does not hold while less than half have failed', async () => {
    const gate = fleet.gate()
    await tell(gate, ...times(11, ANSWERED), ...times(10, FAILED))
    expect(await fleet.reasons()).toEqual([])
    await tell(gate, FAILED)
    expect(await fleet.reasons()).toEqual(['service'])
  })

  it('does not hold for fewer than BREAKER_MIN_CALLS calls, and then at once', async () => {
    const gate = fleet.gate({ minCalls: 8 })
    await tell(gate, ...times(7, FAILED))
    expect(await fleet.reasons()).toEqual([])
    await tell(gate, FAILED)
    expect(await fleet.reasons()).toEqual(['service'])
  })

  it('forgets calls of before the window', async () => {
    const gate = fleet.gate({ windowMs: 400, minCalls: 5 })
    await tell(gate, ...times(4, FAILED))
    await sleep(500)
    await tell(gate, ANSWERED, FAILED)
    expect(await fleet.reasons()).toEqual([])
  })

  it('holds for 20 failures in a row, whatever went well before in the window', async () => {
    const gate = fleet.gate()
    await tell(gate, ...times(100, ANSWERED), ...times(19, FAILED))
    expect(await fleet.reasons()).toEqual([])
    await tell(gate, FAILED)
    expect(await fleet.hold('service')).toMatchObject({ why: 'the last 20 calls failed' })
  })

  it('says how they failed, and how many', async () => {
    const how = (text: string) => ({ ...FAILED, how: text })
    const gate = fleet.gate()
    await tell(gate, how('HTTP 500'), ...times(100, ANSWERED), ...times(14, how('HTTP 503')))
    await tell(gate, ...times(5, how('timeout')), how('HTTP 503'))
    const why = 'the last 20 calls failed: 15 × HTTP 503, 5 × timeout'
    expect(await fleet.hold('service')).toMatchObject({ why })
  })

  it('says of how many that is known, where more failed than are kept', async () => {
    const gate = fleet.gate({ minCalls: 120 })
    await tell(gate, ...times(130, { ...FAILED, how: 'HTTP 503' }))
    expect((await fleet.hold('service'))?.why).toMatch(/calls failed; the last 100 of them: 100 × HTTP 503$/)
  })

  it('begins one hold, and one process says that it did', async () => {
    const events: LookupEvent[] = []
    const gates = times(4, 0).map(() => fleet.gate({}, events))
    await Promise.all(gates.flatMap((gate) => times(15, 0).map(() => gate.report(FAILED))))
    expect(events.filter(({ type }) => type === 'hold-began')).toEqual([{ type: 'hold-began', reason: 'service' }])
  })

  it('lets the first probe go after HOLD_MIN_MS', async () => {
    const before = await fleet.time()
    await tell(fleet.gate({ holdMinMs: 7000 }), ...times(20, FAILED))
    const { since, nextProbeAt, expiresAt } = (await fleet.hold('service')) ?? { since: 0, expiresAt: 0 }
    expect(since).toBeGreaterThanOrEqual(Math.floor(before))
    expect(nextProbeAt).toBe(since + 7000)
    expect(expiresAt).toBeGreaterThan(since + 7000)
  })
})

describe('at any traffic', () => {
  const WINDOW_MS = 300
  const quiet = () => fleet.gate({ windowMs: WINDOW_MS, minCalls: 1000 })
  const aWindow = () => sleep(WINDOW_MS + 50)

  it('five failures and no answer for a whole window hold the fleet', async () => {
    const gate = quiet()
    await tell(gate, ANSWERED, ...times(4, FAILED))
    await aWindow()
    expect(await fleet.reasons()).toEqual([])
    await tell(gate, FAILED)
    expect(await fleet.hold('service')).toMatchObject({
      why: 'no call answered for 0 s; the last 5 failed',
    })
  })

  it('the hold says that they timed out, where all did', async () => {
    const gate = quiet()
    await tell(gate, ...times(4, { ...FAILED, how: 'timeout' }))
    await aWindow()
    await tell(gate, { ...FAILED, how: 'timeout' })
    expect((await fleet.hold('service'))?.why).toMatch(/^no call answered for \d+ s; the last 5 timed out$/)
  })

  it('the hold says of how many that is known, where more timed out than are kept', async () => {
    const gate = fleet.gate({ windowMs: 10 * WINDOW_MS, minCalls: 1000 }) // a busy machine takes a while for so many
    await tell(gate, ...times(130, { ...FAILED, how: 'timeout' }))
    await sleep(10 * WINDOW_MS + 50)
    await tell(gate, { ...FAILED, how: 'timeout' })
    expect((await fleet.hold('service'))?.why).toMatch(/the last 131 failed; the last 100 of them: 100 × timeout$/)
  })

  it('also where the service has never answered', async () => {
    const gate = quiet()
    await tell(gate, ...times(4, FAILED))
    await aWindow()
    await tell(gate, FAILED)
    expect(await fleet.reasons()).toEqual(['service'])
  })

  it('four do not', async () => {
    const gate = quiet()
    await tell(gate, ANSWERED, FAILED, FAILED, FAILED)
    await aWindow()
    await tell(gate, FAILED)
    expect(await fleet.reasons()).toEqual([])
  })

  it('nor do five, where there was an answer among them', async () => {
    const gate = quiet()
    await tell(gate, ...times(4, FAILED), ANSWERED)
    await aWindow()
    await tell(gate, FAILED)
    expect(await fleet.reasons()).toEqual([])
  })

  it('nor do five within a window of an answer', async () => {
    await tell(fleet.gate({ minCalls: 1000 }), ANSWERED, ...times(5, FAILED))
    expect(await fleet.reasons()).toEqual([])
  })

  it('an answer that is yet to come, for the clock of Redis was set back, counts for nothing', async () => {
    const gate = quiet()
    await tell(gate, ANSWERED)
    await fleet.redis.hincrby(KEYS.memory, 'answeredAt', 7_200_000)
    await tell(gate, ...times(4, FAILED))
    expect(await fleet.redis.hget(KEYS.memory, 'answeredAt')).toBe('0')
    await aWindow()
    await tell(gate, FAILED)
    expect(await fleet.reasons()).toEqual(['service'])
  })

  it('nor do the first five ever, before the window is over', async () => {
    await tell(fleet.gate({ minCalls: 1000 }), ...times(5, FAILED))
    expect(await fleet.reasons()).toEqual([])
  })
})

describe('Retry-After', () => {
  const asked = (retryAfterMs: number) => ({ ...FAILED, retryAfterMs })

  it('holds at once, and no probe goes before it is over', async () => {
    await tell(fleet.gate(), asked(20_000))
    const hold = await fleet.hold('service')
    expect(hold?.nextProbeAt).toBe((hold?.since ?? 0) + 20_000)
  })

  it('that is longer wins', async () => {
    await tell(fleet.gate(), asked(20_000), asked(90_000))
    const hold = await fleet.hold('service')
    expect(hold?.nextProbeAt).toBeGreaterThanOrEqual((hold?.since ?? 0) + 90_000)
    expect(hold?.expiresAt).toBeGreaterThan(hold?.nextProbeAt ?? Number.POSITIVE_INFINITY)
  })

  it('that is shorter does not shorten it', async () => {
    await tell(fleet.gate(), asked(20_000), asked(1000))
    const hold = await fleet.hold('service')
    expect(hold?.nextProbeAt).toBe((hold?.since ?? 0) + 20_000)
  })

  it('moves on the probe of a hold that was on already', async () => {
    await tell(fleet.gate(), ...times(20, FAILED), asked(50_000))
    const hold = await fleet.hold('service')
    expect(hold?.nextProbeAt).toBeGreaterThanOrEqual((hold?.since ?? 0) + 50_000)
  })

  it('to a probe is obeyed, too', async () => {
    const gate = fleet.gate({ holdMinMs: 1 })
    await tell(gate, ...times(20, FAILED))
    await expect.poll(() => fleet.holds().claimProbe('token', 9000, 'stamp')).toBe(true)
    await gate.report(asked(50_000), 'token')
    expect((await fleet.hold('service'))?.nextProbeAt).toBeGreaterThan((await fleet.time()) + 40_000)
  })
})

describe('an answer that is nobody’s own fault', () => {
  it('holds at once, and the hold says what it was', async () => {
    await tell(fleet.gate(), { answered: false, kind: null, configuration: 'refused our credentials (HTTP 401)' })
    expect(await fleet.hold('configuration')).toMatchObject({ why: 'refused our credentials (HTTP 401)' })
  })

  it('is no failure of the service', async () => {
    await tell(fleet.gate(), ...times(30, { answered: false, kind: null, configuration: 'refused' }))
    expect(await fleet.reasons()).toEqual(['configuration'])
  })
})

describe('suspicion', () => {
  const CODE = refused('code:5')

  it.each([
    ['code:5', '18 of the last 20 answers were responseCode 5'],
    ['fault:Client', '18 of the last 20 answers were SOAP fault Client'],
  ])('holds when 18 of the last 20 answers are %s', async (kind, why) => {
    const gate = fleet.gate()
    await tell(gate, ANSWERED, ANSWERED, ...times(17, refused(kind)))
    expect(await fleet.reasons()).toEqual([])
    expect(await gate.report(refused(kind))).toMatchObject({ isHeldFor: true })
    expect(await fleet.hold('configuration')).toMatchObject({ why, kind, spent: 17 })
  })

  it('says what the service said to all of them, and since when', async () => {
    const before = Math.floor(await fleet.time())
    const said = (says: string) => ({ ...refused('code:9'), says })
    await tell(fleet.gate(), ANSWERED, ANSWERED, ...times(18, said('Invalid "credentials", again')))
    const hold = await fleet.hold('configuration')
    expect(hold?.why).toBe('18 of the last 20 answers were responseCode 9 ("Invalid "credentials", again")')
    expect(hold?.suspectedSince).toBeGreaterThanOrEqual(before)
    expect(hold?.suspectedSince).toBeLessThanOrEqual(hold?.since ?? 0)
    await fleet.holds().end('configuration')
    await tell(fleet.gate(), ...times(19, said('no')), said('another'))
    expect((await fleet.hold('configuration'))?.why).toBe('20 of the last 20 answers were responseCode 9')
  })

  it.each([
    ['read:contract', true],
    ['read:unreadable', false],
  ])(
    'of answers that cannot be read (%s) is the service’s, and a probe that cannot be read does not end it',
    async (kind, answered) => {
      const unread = { answered, kind, says: 'expected a date, got a word' }
      const gate = fleet.gate({ holdMinMs: 1, minCalls: 1000 })
      await tell(gate, ANSWERED, ANSWERED, ...times(17, unread))
      expect(await fleet.reasons()).toEqual([])
      expect(await gate.report(unread)).toMatchObject({ isHeldFor: true })
      const why = '18 of the last 20 answers could not be read: expected a date, got a word'
      expect(await fleet.hold('service')).toMatchObject({ why, kind })
      await expect.poll(() => fleet.holds().claimProbe('token', 9000, 'stamp')).toBe(true)
      await gate.report(unread, 'token')
      expect(await fleet.hold('service')).toMatchObject({ probes: 1 })
      await expect.poll(() => fleet.holds().claimProbe('again', 9000, 'stamp')).toBe(true)
      await gate.report(ANSWERED, 'again')
      expect(await fleet.reasons()).toEqual([])
    },
  )

  it('does not at 17 of 20', async () => {
    await tell(fleet.gate(), ...times(3, ANSWERED), ...times(17, CODE))
    expect(await fleet.reasons()).toEqual([])
  })

  it('counts the answers of all processes', async () => {
    const gates = times(4, 0).map(() => fleet.gate())
    for (const gate of gates) await tell(gate, ...times(5, CODE))
    expect(await fleet.reasons()).toEqual(['configuration'])
  })

  it('is none of refusals of several kinds', async () => {
    const mixed = [CODE, refused('code:6'), refused('fault:Client')]
    await tell(fleet.gate(), ...times(20, mixed).flat())
    expect(await fleet.reasons()).toEqual([])
  })

  it('is none while others are answered in between, however long', async () => {
    await tell(fleet.gate(), ...times(15, [CODE, CODE, CODE, CODE, ANSWERED]).flat())
    expect(await fleet.reasons()).toEqual([])
  })

  it('starts anew after release: it was looked at', async () => {
    const gate = fleet.gate()
    await tell(gate, ...times(20, CODE))
    await fleet.holds().end('configuration')
    await tell(gate, ...times(19, CODE))
    expect(await fleet.reasons()).toEqual([])
    await tell(gate, CODE)
    expect(await fleet.reasons()).toEqual(['configuration'])
  })
  describe('that a probe has contradicted', () => {
    const contradicted = async (kind: string, answer = ANSWERED, credentials = 'stamp') => {
      const gate = fleet.gate({ holdMinMs: 1 })
      await tell(gate, ...times(20, refused(kind)))
      await expect.poll(() => fleet.holds().claimProbe('token', 9000, credentials)).toBe(true)
      await fleet.gate({ credentials: () => credentials }).report(answer, 'token')
      expect(await fleet.reasons()).toEqual([])
    }

    it.each(['code:3', 'fault:Client', 'read:contract'])('does not come back with the same kind (%s)', async (kind) => {
      await contradicted(kind)
      await tell(fleet.gate(), ...times(300, refused(kind)))
      expect(await fleet.reasons()).toEqual([])
    })

    it('does not come back while kinds take turns', async () => {
      await contradicted('code:3')
      await contradicted('code:4')
      await tell(fleet.gate(), ...times(20, refused('code:3')), ...times(20, refused('code:4')))
      expect(await fleet.reasons()).toEqual([])
    })

    it('comes back with another kind, with other credentials, and after ten minutes', async () => {
      await contradicted('code:3')
      await tell(fleet.gate(), ...times(20, refused('code:4')))
      expect(await fleet.reasons()).toEqual(['configuration'])
      await fleet.holds().end('configuration')
      await tell(fleet.gate({ credentials: () => 'other' }), ...times(20, refused('code:3')))
      expect(await fleet.reasons()).toEqual(['configuration'])
      await fleet.holds().end('configuration')
      const text = (await fleet.redis.hget(KEYS.memory, 'contradicted')) ?? ''
      const earlier = text.replace(/"over":[\d.e+]+/, `"over":${Math.floor(await fleet.time())}`)
      await fleet.redis.hset(KEYS.memory, 'contradicted', earlier)
      await tell(fleet.gate(), ...times(20, refused('code:3')))
      expect(await fleet.reasons()).toEqual(['configuration'])
    })

    it('comes back where the probe had other credentials, or was not answered well', async () => {
      await contradicted('code:3', ANSWERED, 'changed')
      await tell(fleet.gate(), ...times(20, refused('code:3')))
      expect(await fleet.reasons()).toEqual(['configuration'])
      await fleet.holds().end('configuration')
      await contradicted('code:3', refused('code:4'))
      await tell(fleet.gate(), ...times(20, refused('code:3')))
      expect(await fleet.reasons()).toEqual(['configuration'])
    })

    it('comes back where a probe had the same answer first: the suspicion was right', async () => {
      const gate = fleet.gate({ holdMinMs: 1 })
      await tell(gate, ...times(20, CODE))
      for (const [token, answer] of [
        ['first', CODE],
        ['second', ANSWERED],
      ] as const) {
        await expect.poll(() => fleet.holds().claimProbe(token, 9000, 'stamp')).toBe(true)
        await gate.report(answer, token)
      }
      expect(await fleet.reasons()).toEqual([])
      await tell(gate, ...times(20, CODE))
      expect(await fleet.reasons()).toEqual(['configuration'])
    })

    it('leaves the breaker as it is', async () => {
      await contradicted('code:3')
      await tell(fleet.gate(), ...times(20, FAILED))
      expect(await fleet.reasons()).toEqual(['service'])
    })
  })
})
