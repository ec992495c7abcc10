import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FAILURE_CODES, FAILURE_REASONS } from './failure.ts'
import { type LookupHistory, NO_HISTORY, readHistory, wentBack, writeHistory } from './history.ts'

const counts = fc.nat({ max: 1e9 })
const failure = fc.record({
  code: fc.constantFrom(...FAILURE_CODES),
  class: fc.constantFrom('permanent' as const, 'transient' as const, 'configuration' as const),
  reason: fc.constantFrom(...FAILURE_REASONS),
  message: fc.string(),
})
const history: fc.Arbitrary<LookupHistory> = fc.record({
  charged: counts,
  failures: counts,
  calls: counts,
  idle: counts,
  retriedOnce: fc.boolean(),
  rechecks: counts,
  diedAlone: counts,
  timing: fc.record({ waitedMs: counts, pacedMs: counts, calledMs: counts, delayedMs: counts, heldMs: counts }),
  dueAt: counts,
  lastFailure: fc.option(failure),
})

describe('the history of a lookup', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(history, (one) => {
        expect(readHistory(writeHistory(one))).toEqual(one)
      }),
    )
  })

  it('takes few bytes, and none for times that are not there', () => {
    expect(writeHistory(NO_HISTORY)).not.toMatch(/timing|dueAt/)
    const timing = { waitedMs: 1.4, pacedMs: 0, calledMs: 231.6, delayedMs: 0, heldMs: 0 }
    expect(writeHistory({ ...NO_HISTORY, timing })).toContain('"timing":[1,0,232,0,0]')
  })

  it('of one that goes back has its delay, and when it is due', () => {
    const timing = { ...NO_HISTORY.timing, delayedMs: 5 }
    expect(wentBack({ ...NO_HISTORY, timing }, 1000.4, 300)).toEqual({
      ...NO_HISTORY,
      timing: { ...timing, delayedMs: 305 },
      dueAt: 1300,
    })
  })

  it('is none where there is none', () => {
    for (const text of [null, undefined, '', 'x', 'null', '[]', '"x"', '7', '{"charged":'])
      expect(readHistory(text)).toEqual(NO_HISTORY)
  })

  it('is one, whatever somebody else wrote into any part of it; the other parts stand', () => {
    const names = Object.keys(NO_HISTORY) as (keyof LookupHistory)[]
    fc.assert(
      fc.property(history, fc.constantFrom(...names), fc.jsonValue(), (one, name, value) => {
        const read = readHistory(JSON.stringify({ ...JSON.parse(writeHistory(one)), [name]: value }))
        const isCount = (count: unknown) => Number.isSafeInteger(count) && (count as number) >= 0
        for (const other of names.filter((other) => other !== name)) expect(read[other]).toEqual(one[other])
        expect(typeof read.retriedOnce).toBe('boolean')
        expect(isCount(read.charged) && isCount(read.failures) && isCount(read.calls) && isCount(read.idle)).toBe(true)
        expect(Object.values(read.timing).every(isCount) && isCount(read.dueAt)).toBe(true)
        expect(isCount(read.rechecks) && isCount(read.diedAlone)).toBe(true)
        expect(read.lastFailure === null || FAILURE_CODES.includes(read.lastFailure.code)).toBe(true)
      }),
    )
  })
})
