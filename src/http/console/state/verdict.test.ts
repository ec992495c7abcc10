import { expect, it } from 'vitest'
import type { FleetStatus } from '../../../fleet/status.ts'
import { verdictsOf } from './verdict.ts'

const queue = (name: string, isPaused = false) => ({ queue: name, isPaused, jobs: { delayed: 0 } })
const WORKS = {
  redis: { isFull: false, where: '127.0.0.1:6379', usedBytes: 1_048_576, maxBytes: 1_048_576 },
  members: [{}],
  queues: [queue('batch'), queue('quick'), queue('results')],
  ...{ backlog: 5, drainSeconds: 3, serviceProblem: null, holds: [], pace: null },
} as unknown as FleetStatus
const said = (of: object) => verdictsOf({ ...WORKS, ...of } as FleetStatus).map(({ good, label }) => `${good} ${label}`)

it('says that the service is called only where it is', () => {
  expect(said({})).toEqual(['good Calls the service'])
  expect(said({ backlog: 0 })).toEqual(['good Ready to call'])
  expect(said({ drainSeconds: null })).toEqual(['warn No hold is on'])
  expect(said({ members: [] })).toEqual(['bad Nobody calls it'])
  expect(said({ members: null, redis: { ...WORKS.redis, isFull: true } })).toEqual(['bad Nothing is called'])
  expect(said({ queues: [queue('batch', true), queue('quick')] })).toEqual(['warn Paused'])
  expect(said({ queues: [queue('batch'), queue('quick'), queue('results', true)] })).toEqual(['good Calls the service'])
  expect(said({ pace: { share: 0.25 } })).toEqual(['warn Calls at 25 % of its pace'])
})

it('says beside a hold what else stops it', () => {
  expect(said({ holds: [{}] })).toEqual([])
  expect(said({ holds: [{}], queues: [queue('batch', true)] })).toEqual(['warn Paused'])
})
