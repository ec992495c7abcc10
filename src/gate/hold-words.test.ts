import { describe, expect, it } from 'vitest'
import type { Hold } from '../domain/hold.ts'
import { heldCallInWords, holdInWords } from './hold-words.ts'

const AT = Date.UTC(2026, 0, 2, 10, 59, 58)
const HOLD: Hold = {
  reason: 'configuration',
  why: 'the service answers HTTP 401 to everybody',
  since: AT - 13_000,
  expiresAt: AT + 65_000,
  nextProbeAt: AT + 5000,
  probes: 0,
  kind: null,
  suspectedSince: null,
  spent: 0,
  by: null,
}

describe('a hold in words', () => {
  it('says what holds, what to do, and when it goes on by itself', () => {
    expect(holdInWords(HOLD, AT)).toBe(
      'HELD 13 s, configuration: the service answers HTTP 401 to everybody. Do: check SOAP_ENDPOINT, credentials and certificates. It tries changed files at once; if you mended it elsewhere: chat-enricher release. Next try by itself in 5 s.',
    )
  })

  it('says how many lookups a suspicion has cost, since when, and what to do if the code is right', () => {
    const why = '18 of the last 20 answers were responseCode 9 ("Invalid credentials")'
    const suspected = { ...HOLD, why, kind: 'code:9', suspectedSince: AT, spent: 17 }
    expect(holdInWords(suspected, AT)).toContain(`${why}; 17 lookups have it as their result, since 10:59:58 UTC. Do: `)
    expect(holdInWords(suspected, AT)).toContain('if responseCode 9 is right: chat-enricher release --accept-code 9')
  })

  it('that no probe ends says when it ends; one for results, which is prolonged, does not', () => {
    const manual: Hold = { ...HOLD, reason: 'manual', nextProbeAt: null, expiresAt: AT + 7_200_000 }
    expect(holdInWords(manual, AT)).toMatch(/ Ends by itself in 120 min\.$/)
    expect(holdInWords({ ...manual, reason: 'results' }, AT)).toMatch(/RESULT_BACKLOG_LIMIT\.$/)
  })
})

describe('a call that is to be made while the fleet is held', () => {
  it('says when it is made: as the probe, when all holds are due for one; or when they are over', () => {
    const later = { ...HOLD, nextProbeAt: AT + 30_000 }
    expect(heldCallInWords([HOLD, later], AT)).toMatch(/as its next probe, in 30 s$/)
    expect(heldCallInWords([HOLD, { ...HOLD, nextProbeAt: null }], AT)).toMatch(/when the hold is over$/)
  })
})
