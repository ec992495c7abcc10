import { describe, expect, it } from 'vitest'
import { LineBudget, OF_LOOKUPS, OF_REDIS } from './line-budget.ts'

describe('a budget of log lines', () => {
  it('lets five of a kind through in a second, and says with the next how many were left out', () => {
    let at = 0
    const budget = new LineBudget(() => at)
    const asked = Array.from({ length: 100 }, () => budget.ask('recovered', OF_LOOKUPS))
    expect(asked.filter((left) => left !== null)).toEqual([0, 0, 0, 0, 0])
    expect(budget.ask('lock-lost', OF_LOOKUPS)).toBe(0)
    at = 1000
    expect(budget.ask('recovered', OF_LOOKUPS)).toBe(95)
    expect(budget.ask('recovered', OF_LOOKUPS)).toBe(0)
  })

  it('lets one about Redis through in ten seconds', () => {
    let at = 0
    const budget = new LineBudget(() => at)
    const asked = () => Array.from({ length: 100 }, () => budget.ask('oom', OF_REDIS)).filter((left) => left !== null)
    expect(asked()).toEqual([0])
    at = 9_999
    expect(asked()).toEqual([])
    at = 10_000
    expect(asked()).toEqual([199])
  })
})
