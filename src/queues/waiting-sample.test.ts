import { describe, expect, it } from 'vitest'
import { pagesOf } from './waiting-sample.ts'

const lengths = (pages: [number, number][]) => pages.reduce((sum, [from, to]) => sum + to - from + 1, 0)

describe('the pages of a sample', () => {
  it('are all of it where it is small, and none where there is nothing', () => {
    expect(pagesOf(0, 0)).toEqual([])
    expect(pagesOf(1, 1)).toEqual([[0, 0]])
    expect(pagesOf(250, 250)).toEqual([
      [0, 82],
      [83, 165],
      [166, 249],
    ])
  })

  it('are spread over all of it where it is large', () => {
    const pages = pagesOf(1_000_000, 2000)
    expect(pages).toHaveLength(20)
    expect(lengths(pages)).toBe(2000)
    expect(pages[0]).toEqual([0, 99])
    expect(pages[19]).toEqual([950_000, 950_099])
  })
})
