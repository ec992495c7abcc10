import { describe, expect, it } from 'vitest'
import { noTime } from '../domain/timing.ts'
import { Health, type Vitals } from './health.ts'

const well: Vitals = {
  isStopping: () => false,
  redis: { answers: true, skewMs: 0 },
  memory: { unsafe: null },
  workers: [{ isRunning: true }],
  stuckWatch: { isStuck: false },
}
const trouble = (kind: 'auth' | 'oom' | 'connection') => ({ type: 'redis-error', kind, where: 'x' }) as const

describe('readiness', () => {
  it('is there when all is well', () => {
    expect(new Health(well).readiness()).toEqual({ ready: true, reasons: [] })
  })

  it.each([
    ['auth', 'Redis refuses our user or password, or a command that its ACL does not allow'],
    ['connection', 'Redis does not answer'],
  ] as const)('says what Redis said (%s)', (kind, says) => {
    const health = new Health({ ...well, redis: { answers: false, skewMs: 0 } })
    health.hear(trouble(kind))
    expect(health.readiness()).toEqual({ ready: false, reasons: [says] })
  })

  it('says why workers take nothing, until Redis takes writes again', () => {
    const health = new Health({ ...well, workers: [{ isRunning: true }, { isRunning: false }] })
    health.hear(trouble('oom'))
    expect(health.readiness().reasons).toEqual(["workers take no lookups: Redis' memory is full: it takes no writes"])
    health.hear({ type: 'published', lookupId: 'x', status: 'enriched', sinceEnqueuedMs: 1, timing: noTime() })
    expect(health.readiness().reasons).toEqual(['workers take no lookups: they do not run (yet)'])
  })

  it('names the policy, the clock, and a stop', () => {
    const health = new Health({
      ...well,
      isStopping: () => true,
      memory: { unsafe: 'allkeys-lru' },
      redis: { answers: true, skewMs: -7000 },
    })
    expect(health.readiness().reasons).toEqual([
      'stopping',
      expect.stringContaining('maxmemory-policy of Redis is allkeys-lru'),
      'clock is -7.0 s off that of Redis',
    ])
  })
})

describe('liveness', () => {
  it('ends where a restart would help, and not while it stops', () => {
    const stuck = { ...well, stuckWatch: { isStuck: true } }
    expect(new Health(stuck).liveness().live).toBe(false)
    expect(new Health({ ...stuck, isStopping: () => true }).liveness().live).toBe(true)
  })
})
