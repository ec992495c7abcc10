import { describe, expect, it } from 'vitest'
import type { Failure, FailureClass } from '../domain/failure.ts'
import { decide, type RetrySettings, type Standing } from './verdict.ts'

const SETTINGS: RetrySettings = { callRetries: 2, lookupBackoffMinMs: 1000, lookupBackoffMaxMs: 300_000 }
const FRESH: Standing = { quickRetries: 0, leftMs: 25_000, failures: 0, retriedOnce: false }

function failure(of: FailureClass, retryAfterMs?: number): Failure {
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
  return { code: 'http-status', class: of, reason: 'http_status', message: 'x', ...wait }
}

const least = () => 0
const most = () => 1 - Number.EPSILON

describe('the verdict on a failed call', () => {
  const retryNow = { type: 'retry-now' }
  const chargeable = { type: 'retry-later', mayBeCharged: true }
  const free = { type: 'retry-later', mayBeCharged: false }
  const rejected = { type: 'give-up', status: 'rejected' }
  const failed = { type: 'give-up', status: 'failed' }
  const spent = { quickRetries: 2 }
  const late = { leftMs: 0 }

  const table: [FailureClass, string, Partial<Standing>, object][] = [
    ['permanent', 'the first time', {}, rejected],
    ['permanent', 'after quick retries', spent, rejected],
    ['permanent', 'with no time left', late, rejected],
    ['permanent', 'after its one retry', { retriedOnce: true }, rejected],
    ['permanent-after-retry', 'the first time', {}, retryNow],
    ['permanent-after-retry', 'with quick retries spent on something else', spent, free],
    ['permanent-after-retry', 'with no time left', late, free],
    ['permanent-after-retry', 'after its one retry', { retriedOnce: true }, failed],
    ['permanent-after-retry', 'after its one retry, with no time left', { retriedOnce: true, ...late }, failed],
    ['transient', 'the first time', {}, retryNow],
    ['transient', 'with one quick retry left', { quickRetries: 1 }, retryNow],
    ['transient', 'with quick retries spent', spent, chargeable],
    ['transient', 'with no time left', late, chargeable],
    ['transient', 'however often it failed before', { ...spent, failures: 1000 }, chargeable],
    ['transient', 'after a retry of the other class', { ...spent, retriedOnce: true }, chargeable],
    ['configuration', 'the first time', {}, { type: 'hold' }],
    ['configuration', 'after quick retries', spent, { type: 'hold' }],
    ['configuration', 'with no time left', late, { type: 'hold' }],
    ['configuration', 'after its one retry', { retriedOnce: true }, { type: 'hold' }],
  ]

  it.each(table)('of class %s, %s', (of, _, standing, expected) => {
    expect(decide(failure(of), { ...FRESH, ...standing }, SETTINGS)).toMatchObject(expected)
  })

  it.each(['connect', 'dns'] as const)('for want of a connection (%s) is free: nobody was asked', (reason) => {
    expect(decide({ ...failure('transient'), reason }, { ...FRESH, ...spent }, SETTINGS)).toMatchObject(free)
  })

  it('without quick retries goes back at once, or gives up if the next attempt fails as well', () => {
    const settings = { ...SETTINGS, callRetries: 0 }
    expect(decide(failure('transient'), FRESH, settings)).toMatchObject(chargeable)
    expect(decide(failure('permanent-after-retry'), FRESH, settings)).toMatchObject(free)
    expect(decide(failure('permanent-after-retry'), { ...FRESH, retriedOnce: true }, settings)).toMatchObject(failed)
  })
})

describe('the wait before a retry', () => {
  const delay = (of: Failure, standing: Partial<Standing>, random: () => number) => {
    const verdict = decide(of, { ...FRESH, ...standing }, SETTINGS, random)
    return 'delayMs' in verdict ? verdict.delayMs : Number.NaN
  }

  it.each([
    [0, 100],
    [1, 200],
  ])('inside the attempt, after %i quick retries, is anything up to %i ms', (quickRetries, limit) => {
    expect(delay(failure('transient'), { quickRetries }, least)).toBe(0)
    expect(delay(failure('transient'), { quickRetries }, most)).toBe(limit)
    expect(delay(failure('transient'), { quickRetries }, () => 0.5)).toBe(limit / 2)
  })

  it.each([
    [0, 1000],
    [1, 2000],
    [5, 32_000],
    [8, 256_000],
    [9, 300_000],
    [100_000, 300_000],
  ])('before a later attempt, after %i failed ones, is anything up to %i ms', (failures, limit) => {
    for (const of of [failure('transient'), failure('configuration')]) {
      const standing = { quickRetries: 2, failures }
      expect(delay(of, standing, least)).toBe(0)
      expect(delay(of, standing, most)).toBe(limit)
    }
  })

  it('is never shorter than Retry-After says, nor longer for it', () => {
    expect(delay(failure('transient', 700), {}, least)).toBe(700)
    expect(delay(failure('transient', 700), { quickRetries: 2, failures: 3 }, least)).toBe(700)
    expect(delay(failure('transient', 700), { quickRetries: 2, failures: 3 }, most)).toBe(8000)
    expect(delay(failure('configuration', 700), {}, least)).toBe(700)
  })

  it('that the service asked for is spent on the queue, however short it is', () => {
    const verdict = decide(failure('transient', 1), FRESH, SETTINGS, least)
    expect(verdict).toEqual({ type: 'retry-later', delayMs: 1, mayBeCharged: true })
  })
})
