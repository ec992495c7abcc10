import { describe, expect, it } from 'vitest'
import { LineBudget } from './line-budget.ts'

describe('a budget of log lines', () => {
  it('lets five of a kind through in a second, and says with the next how many were left out', () => {
    let at = 0
    const budget = new LineBudget(() => at)
    const asked = Array.from({ length: 100 }, () => budget.ask('recovered'))
    expect(asked.filter((left) => left !== null)).toEqual([0, 0, 0, 0, 0])
    expect(budget.ask('lock-lost')).toBe(0)
    at = 1000
    expect(budget.ask('recovered')).toBe(95)
    expect(budget.ask('recovered')).toBe(0)
  })
})
