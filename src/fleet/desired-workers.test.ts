import { describe, expect, it } from 'vitest'
import { desiredWorkers } from './desired-workers.ts'

const member = { concurrency: 36, callMs: 360 } // 100 lookups a second
const facts = {
  backlog: 90_000,
  members: [member, member],
  limits: { rate: null, inFlight: null },
  isHeld: false,
  targetMs: 300_000,
}

describe('desired workers', () => {
  it.each([
    ['drain the backlog in time', {}, 3],
    ['are none while nothing waits', { backlog: 0 }, 0],
    ['are one for a single lookup', { backlog: 1 }, 1],
    ['are no more than the rate can feed', { limits: { rate: 150, inFlight: null } }, 2],
    ['are no more than the calls in flight can feed', { limits: { rate: null, inFlight: 36 } }, 1],
    ['are one at the least, however low the limit', { limits: { rate: 0.1, inFlight: null } }, 1],
    ['are no more than there are, while held', { isHeld: true }, 2],
    ['are guessed before a worker was there', { members: [] }, 5],
    ['are guessed before a call was made', { members: [{ concurrency: 30, callMs: null }] }, 5],
    ['know that a process has an end', { members: [{ concurrency: 100, callMs: 1 }] }, 1],
  ])('%s', (_, change, expected) => {
    expect(desiredWorkers({ ...facts, ...change })).toBe(expected)
  })
})
