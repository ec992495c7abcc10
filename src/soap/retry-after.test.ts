import fc from 'fast-check'
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

  const HOUR = 3_600_000
  const FORMS = [
    (at: Date) => at.toUTCString(),
    (at: Date) =>
      `${at.toUTCString().slice(0, 3)} ${at.toUTCString().slice(8, 11)} ${at.toUTCString().slice(5, 7)} ${at.toISOString().slice(11, 19)} ${at.getUTCFullYear()}`,
  ]

  it('counts a date from the answer’s own Date, however wrong the server’s clock is', () => {
    const clock = fc.integer({ min: Date.UTC(2001, 0, 1) / 1_000, max: Date.UTC(2099, 0, 1) / 1_000 })
    const form = fc.constantFrom(...FORMS)
    fc.assert(
      fc.property(clock, fc.integer({ min: -HOUR, max: 2 * HOUR }), form, form, (seconds, wait, one, other) => {
        const [sent, until] = [new Date(seconds * 1_000), new Date((seconds + Math.round(wait / 1_000)) * 1_000)]
        const expected = Math.min(Math.max(Math.round(wait / 1_000) * 1_000, 0), HOUR)
        expect(readRetryAfter(one(until), HOUR, ` ${other(sent)} `)).toBe(expected)
      }),
    )
  })

  it.each([null, '', 'yesterday', '2026-11-23T08:00:00Z', '0'])('counts from our clock beside the Date %j', (date) => {
    expect(readRetryAfter('Mon, 23 Nov 2026 09:00:30 GMT', HOUR, date)).toBe(30_000)
  })

  it('needs no Date for seconds', () => {
    expect(readRetryAfter('7', HOUR, 'Mon, 23 Nov 2020 09:00:30 GMT')).toBe(7_000)
  })
})
