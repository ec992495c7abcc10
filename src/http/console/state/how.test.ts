import { describe, expect, it } from 'vitest'
import { sentenceOf } from '../../../fleet/sentence.ts'
import type { FleetStatus } from '../../../fleet/status.ts'
import { howIs } from './how.ts'

const queue = (waiting: number, delayed = 0) => ({ jobs: { waiting, delayed, failed: 0 }, isPaused: false })

/** A fleet at work, with so many that wait and so many delayed. */
function fleet(waiting: number, delayed: number, more: object = {}): FleetStatus {
  const backlog = waiting + delayed
  const status = { backlog, perSecond: 10, drainSeconds: backlog / 10, serviceProblem: null, holds: [], members: [{}] }
  return { ...status, queues: [queue(waiting, delayed), queue(0), queue(0)], ...more } as unknown as FleetStatus
}

const HELD = { holds: [{ reason: 'service' }], drainSeconds: null }
const NOBODY = { members: [], drainSeconds: null, perSecond: 0 }

// Fails without: src/fleet/sentence.ts: members?.length === 0, delayed
describe('the sentence on a fleet', () => {
  it.each([
    ['works', fleet(40, 0), 'backlog 40, 10 results/s: gone in 4.0 s'],
    ['works', fleet(40, 61), 'backlog 101, 10 results/s: gone in 10.1 s, but for 61 lookups due later'],
    ['idle', fleet(0, 1), 'backlog 1, 10 results/s: nothing waits but 1 lookup due later'],
    ['held', fleet(40, 0, HELD), 'backlog 40, 10 results/s: held: not moving'],
    ['nobody', fleet(40, 0, { ...HELD, ...NOBODY }), 'backlog 40, 0 results/s: no worker: not moving'],
    ['nobody', fleet(0, 9, NOBODY), 'backlog 9, 0 results/s: no worker: not moving'],
    ['slow', fleet(9, 9, { drainSeconds: null }), 'backlog 18, 10 results/s: not draining'],
  ])('that is %s', (how, status, says) => {
    expect([howIs(status), sentenceOf(status)]).toEqual([how, says])
  })
})
