import { expect, it } from 'vitest'
import type { History, HistorySlice } from '../../../fleet/history.ts'
import type { FleetStatus } from '../../../fleet/status.ts'
import { incidentOf } from './incident.ts'

const AT = Date.parse('2027-01-10T03:10:00Z')
const MINUTE = 60_000

function slice(at: number, calls: Record<string, number>): HistorySlice {
  return { at, calls } as unknown as HistorySlice
}

const HISTORY = {
  at: AT,
  sliceMs: 10_000,
  slices: [
    slice(AT - 50 * MINUTE, { answer: 5000 }), // long before it began
    slice(AT - 6 * MINUTE, { answer: 1200, http_error: 40 }),
    slice(AT - 10_000, { http_error: 3 }),
  ],
  kinds: [{ kind: 'http:503', count: 43, firstAt: AT - 6 * MINUTE, lastAt: AT + 5_000 }],
  holds: [
    { reason: 'service', from: AT - 5 * MINUTE, to: AT + 1 },
    { reason: 'manual', from: AT - 20 * MINUTE, to: AT - 15 * MINUTE }, // nothing that the service's owner has done
  ],
} as unknown as History

const STATUS = {
  serviceProblem: null,
  holds: [{ reason: 'service', since: AT - 5 * MINUTE, why: 'the last 21 calls failed: 21 × HTTP 503', probes: 9 }],
  producers: { waiting: { of: [{ producer: 'crm' }] } },
} as unknown as FleetStatus

it('says since when, what was seen, and how many calls and probes', () => {
  const text = incidentOf(STATUS, HISTORY)
  expect(text).toContain('as seen by chat-enricher at 2027-01-10 03:10:00 UTC')
  expect(text).toContain(
    'Held since 2027-01-10 03:05:00 UTC: the last 21 calls failed: 21 × HTTP 503. Since then 9 probes failed',
  )
  expect(text).toContain('| answered | 1,200 |\n| HTTP status that is no answer | 43 |')
  expect(text).toContain('| HTTP 503 | 43 | 2027-01-10 03:04:00 UTC | 2027-01-10 03:10:00 UTC |') // its slice is not over
  expect(text).toContain('Counted in slices of ten seconds')
  expect(text).not.toMatch(/crm|manual|5,0/)
})

it('says so when no hold is on, and what was seen of the last ones', () => {
  const over = {
    reason: 'service',
    from: AT - 5 * MINUTE,
    to: AT - MINUTE,
    why: 'no call answered for 30 s',
    probes: 4,
  }
  const text = incidentOf({ ...STATUS, holds: [] } as unknown as FleetStatus, { ...HISTORY, holds: [over] } as History)
  expect(text).toContain('No hold for the service is on.')
  expect(text).toContain(
    '- held (service) from 2027-01-10 03:05:00 UTC to 2027-01-10 03:09:00 UTC: no call answered for 30 s; 4 probes failed',
  )
})
