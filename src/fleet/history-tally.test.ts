import { describe, expect, it } from 'vitest'
import { BOUNDS_MS, boundOf } from './history-tally.ts'

describe('the bounds of how long something took', () => {
  it('rise, and lie near each other where people judge by them', () => {
    for (const [place, bound] of BOUNDS_MS.slice(1).entries()) {
      const before = BOUNDS_MS[place] as number
      expect(bound).toBeGreaterThan(before)
      if (before >= 100 && bound <= 100_000) expect(bound / before).toBeLessThanOrEqual(1.34)
    }
  })

  it('have a place for each time: at the first one that is not exceeded', () => {
    for (const [place, bound] of BOUNDS_MS.entries())
      expect([boundOf(bound), boundOf(bound + 1)]).toEqual([place, place + 1])
    expect(boundOf(0)).toBe(0)
  })
})
