import { describe, expect, it } from 'vitest'
import type { Hold } from '../domain/hold.ts'
import { beats, type FleetFacts, noticesDue, type Told } from './notices.ts'

const AT = 1_700_000_000_000
const GAP = 300_000
const hold = (reason: Hold['reason']): Hold => ({
  reason,
  why: 'canary-why',
  since: AT - 60_000,
  expiresAt: AT + 60_000,
  nextProbeAt: null,
  probes: 0,
  kind: null,
  suspectedSince: null,
  spent: 0,
  by: 'canary-by',
})
const calm: FleetFacts = { at: AT, holds: [], deadLetters: 0, results: { waiting: 0, oldestMs: 0 } }

/** Looks again and again, as a fleet does: what is said, and it is taken. */
function fleet(minGapMs = GAP) {
  const told = new Map<string, Told>()
  return (facts: Partial<FleetFacts>): string[] => {
    const seen = { ...calm, ...facts }
    const due = noticesDue(seen, told, minGapMs)
    for (const { kind, state } of due) {
      const before = told.get(kind)?.at
      told.set(kind, { at: seen.at, state, ...(before === undefined ? {} : { before }) })
    }
    return due.flatMap(({ kind, state, text }) => (text === null ? [] : [`${kind} ${state}`]))
  }
}

describe('a notice', () => {
  it('is told once when a hold begins and once when it ends, in our own words', () => {
    const look = fleet()
    expect(look({})).toEqual([])
    expect(look({ holds: [hold('service')] })).toEqual(['hold-service 1'])
    expect(look({ at: AT + 1000, holds: [hold('service')] })).toEqual([])
    expect(look({ at: AT + 2000 })).toEqual(['hold-service 0'])
    expect(look({ at: AT + 3000 })).toEqual([])
    const [notice] = noticesDue({ ...calm, holds: [hold('manual')] }, new Map(), GAP)
    expect(notice?.text).toBe(
      'The fleet has been holding its calls for 60 s (manual): somebody has said so. Do: chat-enricher release, when it is over.',
    )
  })

  it('of a hold that comes and goes is told again after the gap, as it stands then', () => {
    const look = fleet()
    look({ holds: [hold('service')] })
    look({ at: AT + 10_000 })
    expect(look({ at: AT + 20_000, holds: [hold('service')] })).toEqual([])
    expect(look({ at: AT + 200_000, holds: [hold('service')] })).toEqual([])
    expect(look({ at: AT + GAP, holds: [hold('service')] })).toEqual(['hold-service 1'])
    expect(look({ at: AT + GAP + 1000 })).toEqual([])
    expect(look({ at: AT + GAP + 10_000 })).toEqual(['hold-service 0'])
  })

  it('of two reasons at once is told of both', () => {
    expect(fleet()({ holds: [hold('results'), hold('manual')] })).toEqual(['hold-results 1', 'hold-manual 1'])
  })

  it('of results comes when the oldest has waited for ten minutes, and when they are consumed again', () => {
    const look = fleet()
    expect(look({ results: { waiting: 3, oldestMs: 599_000 } })).toEqual([])
    expect(look({ results: { waiting: 3, oldestMs: 600_000 } })).toEqual(['results 1'])
    expect(look({ at: AT + 1000 })).toEqual(['results 0'])
  })

  it('of dead letters comes with twenty more, not for those that were there before', () => {
    const look = fleet()
    expect(look({ deadLetters: 500 })).toEqual([])
    expect(look({ at: AT + GAP, deadLetters: 519 })).toEqual([])
    expect(look({ at: AT + GAP, deadLetters: 520 })).toEqual(['dead-letters 520'])
    expect(look({ at: AT + GAP + 1, deadLetters: 600 })).toEqual([])
    expect(look({ at: AT + 2 * GAP, deadLetters: 600 })).toEqual(['dead-letters 600'])
    expect(look({ at: AT + 3 * GAP, deadLetters: 10 })).toEqual([])
    expect(look({ at: AT + 4 * GAP, deadLetters: 30 })).toEqual(['dead-letters 30'])
  })
})

describe('a heartbeat', () => {
  it.each([
    [{ isHeld: false, waiting: true, hasEnded: true }, true],
    [{ isHeld: false, waiting: false, hasEnded: false }, true],
    [{ isHeld: true, waiting: true, hasEnded: false }, true],
    [{ isHeld: false, waiting: true, hasEnded: false }, false],
  ])('%j: %s', (pulse, isTold) => expect(beats(pulse)).toBe(isTold))
})
