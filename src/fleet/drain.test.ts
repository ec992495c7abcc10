import { describe, expect, it } from 'vitest'
import { drainSecondsOf } from './drain.ts'

const queue = (waiting: number, more: { isPaused?: boolean; limitSet?: { jobs: number; perMs: number } } = {}) => ({
  jobs: { waiting, prioritized: 0, delayed: 0, active: 0, completed: 9, failed: 9 },
  isPaused: false,
  limitSet: null,
  ...more,
})

describe('the time until the backlog is gone', () => {
  it('is that of all queues at the rate of now', () => {
    expect(drainSecondsOf([queue(30), queue(20)], 5)).toBe(10)
  })

  it('is not told where nothing waits or moves', () => {
    expect(drainSecondsOf([queue(0), queue(0)], 5)).toBeNull()
    expect(drainSecondsOf([queue(30)], 0)).toBeNull()
  })

  it("is at least what a limit of BullMQ's own leaves, whatever the rate of now", () => {
    const limitSet = { jobs: 1, perMs: 600_000 }
    expect(drainSecondsOf([queue(3, { limitSet }), queue(20)], 5)).toBe(1800)
    expect(drainSecondsOf([queue(0, { limitSet }), queue(20)], 5)).toBe(4)
  })

  it('is not told where a queue with lookups is paused', () => {
    expect(drainSecondsOf([queue(3, { isPaused: true }), queue(20)], 5)).toBeNull()
    expect(drainSecondsOf([queue(0, { isPaused: true }), queue(20)], 5)).toBe(4)
  })
})
