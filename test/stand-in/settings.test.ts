import { describe, expect, it } from 'vitest'
import type { Behaviour } from '../../src/stand-in/behaviour.ts'
import { Settings } from '../../src/stand-in/settings.ts'
import type { Parameters } from '../../src/stand-in/soap-read.ts'

/** Settings with a clock that the test moves. */
function settings(behaviour: Partial<Behaviour> = {}, seed = 1) {
  const clock = { now: 1000 }
  const made = new Settings(seed, () => clock.now)
  made.change(behaviour)
  return { made, clock, faultOf: (id: string | null) => made.next(id).fault }
}
const times = <T>(count: number, act: () => T): T[] => Array.from({ length: count }, act)

describe('rules by connection id', () => {
  it('the first that matches counts, and what it leaves out is as for the others', () => {
    const { made } = settings({
      latencyMs: 5,
      retryAfter: '3',
      rules: [
        { id: '^bad-', faults: ['server-fault'], latencyMs: 70, retryAfter: '20' },
        { id: 'bad', faults: ['hang'] },
        { id: 'slow$', latencyMs: 900 },
      ],
    })
    expect(made.next('bad-1')).toEqual({ fault: 'server-fault', latencyMs: 70, retryAfter: '20' })
    expect(made.next('not-bad-1')).toEqual({ fault: 'hang', latencyMs: 5, retryAfter: '3' })
    expect(made.next('slow')).toEqual({ fault: null, latencyMs: 900, retryAfter: '3' })
    expect(made.next('other')).toEqual({ fault: null, latencyMs: 5, retryAfter: '3' })
    expect(made.next(null)).toEqual({ fault: null, latencyMs: 5, retryAfter: '3' })
  })

  it('have a share and a turn of their own', () => {
    const { faultOf } = settings({
      faultRate: 1,
      faults: ['503', '429'],
      rules: [
        { id: 'a', faults: ['reset', 'empty'] },
        { id: 'b', faultRate: 0 },
        { id: 'c', faultRate: 0.5, faults: ['dtd'] },
      ],
    })
    expect(['a', 'x', 'a', 'x', 'a', 'b'].map(faultOf)).toEqual(['reset', '503', 'empty', '429', 'reset', null])
    const struck = times(1000, () => faultOf('c')).filter((kind) => kind === 'dtd').length
    expect(struck).toBeGreaterThan(400)
    expect(struck).toBeLessThan(600)
  })

  it('go when others, or none, are set; and stay when something else is', () => {
    const { made, faultOf } = settings({ rules: [{ id: 'a', faults: ['hang'] }] })
    made.change({ latencyMs: 1 })
    expect(faultOf('a')).toBe('hang')
    made.change({ rules: [] })
    expect(faultOf('a')).toBeNull()
  })
})

describe('outages', () => {
  it('strike every call in their window, counted from when they were set, whatever its id', () => {
    const { clock, faultOf } = settings({
      rules: [{ id: 'a', faults: ['dtd'] }],
      outages: [
        { afterMs: 5000, forMs: 10_000, faults: ['hang', 'reset'] },
        { afterMs: 20_000, forMs: 1, faults: ['503'] },
      ],
    })
    expect([faultOf('a'), faultOf('b')]).toEqual(['dtd', null])
    clock.now = 5999
    expect(faultOf('b')).toBeNull()
    clock.now = 6000
    expect([faultOf('a'), faultOf('b'), faultOf(null)]).toEqual(['hang', 'reset', 'hang'])
    clock.now = 15_999
    expect(faultOf('b')).toBe('reset')
    clock.now = 16_000
    expect(faultOf('b')).toBeNull()
    clock.now = 21_000
    expect(faultOf('b')).toBe('503')
  })

  it('do not begin anew when something else is set, and end at once with none', () => {
    const { made, clock, faultOf } = settings({ outages: [{ afterMs: 0, forMs: 100, faults: ['hang'] }] })
    clock.now += 60
    made.change({ latencyMs: 3 })
    expect(faultOf('b')).toBe('hang')
    clock.now += 60
    expect(faultOf('b')).toBeNull()
    made.change({ outages: [{ afterMs: 0, forMs: 100, faults: ['hang'] }] })
    expect(faultOf('b')).toBe('hang')
    made.calm()
    expect(faultOf('b')).toBeNull()
  })
})

describe('latency', () => {
  const drawn = (latencyMs: Behaviour['latencyMs'], count = 20_000) => {
    const { made } = settings({ latencyMs })
    return times(count, () => made.next('a').latencyMs).sort((a, b) => a - b)
  }

  it('between two numbers is evenly spread, both ends included', () => {
    const all = drawn([20, 24])
    expect(new Set(all)).toEqual(new Set([20, 21, 22, 23, 24]))
    for (const each of [20, 21, 22, 23, 24]) {
      expect(all.filter((ms) => ms === each).length / all.length).toBeCloseTo(0.2, 1)
    }
  })

  it('log-normal has the median and the 99th percentile asked for', () => {
    const all = drawn({ median: 80, p99: 900 })
    const at = (share: number) => all[Math.floor(share * all.length)] as number
    expect(at(0.5) / 80).toBeGreaterThan(0.95)
    expect(at(0.5) / 80).toBeLessThan(1.05)
    expect(at(0.99) / 900).toBeGreaterThan(0.85)
    expect(at(0.99) / 900).toBeLessThan(1.15)
    // Symmetric in its logarithm: as far below the median as above it.
    expect((at(0.01) * at(0.99)) / 80 ** 2).toBeGreaterThan(0.8)
    expect((at(0.01) * at(0.99)) / 80 ** 2).toBeLessThan(1.2)
    expect(drawn({ median: 80, p99: 80 }, 10)).toEqual(Array(10).fill(80))
  })

  it('is the same series for the same seed', () => {
    expect(drawn({ median: 1, p99: 9 }, 50)).toEqual(drawn({ median: 1, p99: 9 }, 50))
  })
})

describe('credentials', () => {
  const CREDENTIALS = { publicKey1: 'k', encryptedUser: 'u', encryptedPassword: 'p', encryptedSignature: 's' }
  const sent: Parameters = {
    PublicKey1: 'k',
    EncryptedUser: 'u',
    EncryptedPassword: 'p',
    EncryptedSignature: 's',
    ChatConnectionIDBD: '1',
  }
  const NAMES = ['PublicKey1', 'EncryptedUser', 'EncryptedPassword', 'EncryptedSignature'] as const

  it('must all be right', () => {
    const { access } = settings({ credentials: CREDENTIALS }).made
    expect(access.admits(sent)).toBe(true)
    for (const name of NAMES) {
      expect(access.admits({ ...sent, [name]: 'x' })).toBe(false)
      expect(access.admits({ ...sent, [name]: null })).toBe(false)
    }
  })

  it('expire for everybody, until new ones are set', () => {
    const { made, clock } = settings({ credentials: CREDENTIALS, credentialsExpireAfterMs: 500 })
    expect(made.shown).toMatchObject({ credentials: 'required', credentialsExpireAfterMs: 500 })
    clock.now += 499
    expect(made.access.admits(sent)).toBe(true)
    clock.now += 1
    expect(made.access.admits(sent)).toBe(false)
    expect(made.shown).toMatchObject({ credentials: 'expired' })
    made.change({ latencyMs: 1 })
    expect(made.access.admits(sent)).toBe(false)
    made.change({ credentials: { ...CREDENTIALS, encryptedPassword: 'new' } })
    expect(made.access.admits(sent)).toBe(false)
    expect(made.access.admits({ ...sent, EncryptedPassword: 'new' })).toBe(true)
    expect(made.shown).toMatchObject({ credentials: 'required', credentialsExpireAfterMs: null })
  })

  it('that nobody asked for can expire too; a good day brings them back, and keeps those that are required', () => {
    const { made } = settings({ credentialsExpireAfterMs: 0 })
    expect(made.access.admits(sent)).toBe(false)
    made.calm()
    expect(made.access.admits(sent)).toBe(true)
    made.change({ credentials: { ...CREDENTIALS, publicKey1: 'other' } })
    made.calm()
    expect(made.access.admits(sent)).toBe(false)
  })

  it('are never shown', () => {
    const { made } = settings({ credentials: { ...CREDENTIALS, encryptedPassword: 'canary' } })
    expect(JSON.stringify(made.shown)).not.toContain('canary')
  })
})
