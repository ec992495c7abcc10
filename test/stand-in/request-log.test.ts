import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RequestLog } from '../../src/stand-in/request-log.ts'

const entry = (at: number, id = 'a', outcome = 'answer') => ({
  at,
  id,
  soapVersion: '1.1' as const,
  outcome,
  status: 200,
})
function logOf(times: readonly number[], capacity?: number): RequestLog {
  const log = new RequestLog(capacity)
  for (const at of times) log.push(entry(at))
  return log
}

describe('most arrivals in any second', () => {
  it.each([
    [[], 0],
    [[5], 1],
    [[0, 999.9], 2],
    [[0, 1000], 1],
    [[0, 500, 999, 1000, 1499.5, 1998], 4],
    [[0, 10, 20, 5000, 5001], 3],
  ])('%j: %i', (times, most) => expect(logOf(times).maxInAnySlidingSecond()).toBe(most))

  it('is what counting every window says, however often it is asked, and when entries were dropped', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 })), fc.integer({ min: 1, max: 40 }), (gaps, capacity) => {
        let at = 0
        const times = gaps.map((gap) => {
          at += gap
          return at
        })
        const counts = times.map((from) => times.filter((each) => each >= from && each < from + 1000).length)
        const log = new RequestLog(capacity)
        for (const time of times) {
          log.push(entry(time))
          if (time % 3 === 0) log.maxInAnySlidingSecond()
        }
        expect(log.maxInAnySlidingSecond()).toBe(Math.max(0, ...counts))
        expect(log.stats().calls).toBe(times.length)
        expect(log.length + log.stats().dropped).toBe(times.length)
        expect(log.length).toBeLessThanOrEqual(capacity)
      }),
    )
  })

  it('stays right over many thousands', () => {
    const log = logOf(Array.from({ length: 50_000 }, (_, i) => i * 2))
    expect(log.maxInAnySlidingSecond()).toBe(500)
  })
})

describe('the log', () => {
  it('counts by id, and gives copies', () => {
    const log = new RequestLog()
    log.push(entry(1, 'a'))
    log.push(entry(2, 'b', '503'))
    log.push(entry(3, 'a'))
    expect([log.count(), log.count('a'), log.count('b'), log.count('c')]).toEqual([3, 2, 1, 0])
    expect(log.stats()).toMatchObject({ calls: 3, byOutcome: { answer: 2, '503': 1 }, firstAt: 1, lastAt: 3 })
    log.all().pop()
    expect([...log].map((each) => each.at)).toEqual([1, 2, 3])
    expect(log.at(-1)?.at).toBe(3)
    log.clear()
    expect(log.stats()).toMatchObject({
      calls: 0,
      byOutcome: {},
      maxInAnySlidingSecond: 0,
      firstAt: null,
      lastAt: null,
    })
  })

  it('drops the oldest when it is full, and says so', () => {
    const log = logOf(
      Array.from({ length: 25 }, (_, i) => i),
      20,
    )
    expect(log.stats()).toMatchObject({ calls: 25, dropped: 6, firstAt: 0, lastAt: 24 })
    expect(log.at(0)?.at).toBe(6)
  })

  it('tells when so many have arrived', async () => {
    const log = new RequestLog()
    const order: string[] = []
    const two = log.arrived(2).then(() => order.push('two'))
    log.push(entry(1))
    await log.arrived(1)
    order.push('one')
    log.push(entry(2))
    await two
    expect(order).toEqual(['one', 'two'])
  })
})
