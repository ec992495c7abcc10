import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readRetryAfter } from './retry-after.ts'

describe('readRetryAfter', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 23, 9, 0, 0) }))
  afterEach(() => vi.useRealTimers())

  it.each([
    ['0', 0],
    ['7', 7_000],
    [' 120 ', 120_000],
    ['999999999999', 3_600_000],
    ['Mon, 23 Nov 2026 09:00:30 GMT', 30_000],
    ['Monday, 23-Nov-26 09:00:30 GMT', 30_000],
    ['Mon Nov 23 09:00:30 2026', 30_000],
    ['Mon, 23 Nov 2026 08:00:00 GMT', 0],
    ['Tue, 24 Nov 2026 09:00:00 GMT', 3_600_000],
    [null, null],
    ['', null],
    ['-1', null],
    ['1.5', null],
    ['soon', null],
    ['Mon, 99 Nov 2026 09:00:30 GMT', null],
  ])('%j is %j ms', (header, expected) => {
    expect(readRetryAfter(header, 3_600_000)).toBe(expected)
  })
})
