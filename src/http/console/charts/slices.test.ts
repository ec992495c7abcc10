import { describe, expect, it } from 'vitest'
import type { History, HistorySlice } from '../../../fleet/history.ts'
import { BOUNDS_MS, boundOf } from '../../../fleet/history-tally.ts'
import { arrivals, lineOf, linesOf, perSecond, quantile } from './slices.ts'

function slice(at: number, added: number): HistorySlice {
  const phases = { waited: 0, held: 0, paced: 0, called: 0, delayed: 0 }
  const queues = { at: at + 11_000, added, backlog: 0 }
  return { at, results: { enriched: 20 }, calls: {}, endToEnd: [], callTook: [], phases, queues }
}

const history: History = {
  at: 145_000,
  sliceMs: 10_000,
  boundsMs: [10, 100, 1000],
  slices: [slice(100_000, 50), slice(110_000, 150), slice(130_000, 170)],
  kinds: [],
  holds: [],
}

describe('the series of the charts', () => {
  const line = lineOf(history)

  it('have a place for each ten seconds, also where nobody wrote any', () => {
    expect(line.times).toEqual([100, 110, 120, 130])
    expect(perSecond(line, 10_000, ({ results }) => results.enriched)).toEqual([2, 2, null, 2])
  })

  it('tell arrivals by two counts that stand beside each other', () => {
    expect(arrivals(line)).toEqual([null, 10, null, null])
  })

  it('are drawn apart from the newest slice, which is not over', () => {
    const colour = 1
    const limit = { label: 'limit', values: [9, 9, 9], colour, isLimit: true } as const
    expect(
      linesOf([
        { label: 'a', values: [1, 2, 3], colour },
        { ...limit, values: [9, 9, 9] },
      ]),
    ).toEqual([
      [1, 2, null],
      [null, 2, 3],
      [9, 9, 9],
    ])
  })

  it('tell a quantile between the bounds, as a log axis shows it', () => {
    expect(quantile([0, 0, 0, 0], [10, 100, 1000], 0.5)).toBeNull()
    expect(quantile([0, 10, 0, 0], [10, 100, 1000], 0.5)).toBeCloseTo(31.6, 1)
    expect(quantile([10, 0, 0, 10], [10, 100, 1000], 0.99)).toBeGreaterThan(1000)
  })

  it('tell a quantile near to what it is, by the bounds that are kept', () => {
    for (const ms of [150, 12_000, 28_000, 95_000]) {
      const counts = BOUNDS_MS.map((_, place) => (place === boundOf(ms) ? 100 : 0)).concat(0)
      const told = quantile(counts, BOUNDS_MS, 0.95) as number
      expect(told / ms).toBeGreaterThan(0.75)
      expect(told / ms).toBeLessThan(1.34)
    }
  })
})
