import { describe, expect, it } from 'vitest'
import { addedUp, Callers } from './callers.ts'

describe('for whom a process called in the last minute', () => {
  it('is nobody where no lookup says who asks', () => {
    const callers = new Callers()
    callers.count(null, 5, 0)
    expect(callers.ofLastMinute(0)).toEqual([])
  })

  it('is told with those that do not say beside them, the most calls first, and forgotten after a minute', () => {
    const callers = new Callers()
    callers.count('crm', 1, 0)
    callers.count('web', 0, 0)
    callers.count('crm', 2, 30_000)
    callers.count(null, 9, 30_000)
    const both = [
      { producer: null, calls: 9 },
      { producer: 'crm', calls: 3 },
    ]
    expect(callers.ofLastMinute(59_999)).toEqual(both)
    expect(callers.ofLastMinute(60_000)).toEqual([both[0], { producer: 'crm', calls: 2 }])
    expect(callers.ofLastMinute(90_000)).toEqual([])
  })

  it('names twenty and adds up the others, however many names there are', () => {
    const callers = new Callers()
    for (let index = 0; index < 100_000; index++) callers.count(`p${index}`, 1, 0)
    callers.count('p7', 3, 0)
    const told = callers.ofLastMinute(0)
    expect(told).toHaveLength(21)
    expect(told[0]).toEqual({ producer: 'p7', calls: 4 })
    expect(told[20]).toEqual({ producer: 'other', calls: 100_003 - 23 })
    const all = addedUp([told, [{ producer: 'late', calls: 1 }], told])
    expect(all).toHaveLength(21)
    expect(all.reduce((sum, { calls }) => sum + calls, 0)).toBe(200_007)
  })
})
