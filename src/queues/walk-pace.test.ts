import { describe, expect, it } from 'vitest'
import { WalkPace } from './walk-pace.ts'

/** After many steps, each of which does all that it may. */
function paceAfter(steps: number, msEach: (step: number) => number, pace = new WalkPace()): WalkPace {
  for (let step = 0; step < steps; step++) pace.took(pace.work, pace.work * msEach(step))
  return pace
}

describe('the pace of a walk', () => {
  it.each([0.001, 0.004, 0.01])('has a step take 1 ms where a command takes %f ms', (msEach) => {
    const { work, restMs } = paceAfter(50, () => msEach)
    expect(work * msEach).toBeCloseTo(1, 1)
    expect(restMs).toBeCloseTo(1, 1)
  })

  it('begins below 2 ms, even where Redis is slow', () => {
    expect(new WalkPace().work * 0.006).toBeLessThan(2)
  })

  it('goes on at nearly the same pace after one step that was interrupted', () => {
    const usual = paceAfter(50, () => 0.002).work
    const pace = paceAfter(50, (step) => (step === 49 ? 1 : 0.002))
    expect(pace.work).toBeGreaterThan(usual / 2)
    expect(pace.restMs).toBeLessThan(10)
  })

  it('learns nothing of a step that has found next to nothing, and rests no longer than it took', () => {
    const pace = paceAfter(50, () => 0.002)
    const { work } = pace
    pace.took(3, 1)
    expect(pace.work).toBe(work)
    expect(pace.restMs).toBeLessThan(0.1)
  })

  it('rests for a tenth of a second at most, however slow Redis is', () => {
    expect(paceAfter(50, () => 10).restMs).toBe(100)
  })

  it('asks for a little at least, and for no more than it can answer for', () => {
    expect(paceAfter(50, () => 1).work).toBe(50)
    expect(paceAfter(50, () => 1e-6).work).toBe(4000)
  })
})
