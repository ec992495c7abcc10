import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type CallReport, NOT_FOUND } from '../../src/domain/hold.ts'
import type { Gate, GateOptions } from '../../src/gate/gate.ts'
import type { Question } from '../../src/gate/report-script.ts'
import { ANSWERED, FAILED, gateFleet, KEYS, tell, times } from './fleet.ts'

const fleet = gateFleet()
const REFUSED: CallReport = { answered: false, kind: null, configuration: 'refused (HTTP 403)', connectionId: 'odd' }
const MISSING: CallReport = { answered: true, kind: NOT_FOUND, connectionId: 'unknown' }
const OWN = { isHeldFor: false, isOwn: true }
const NOT_OWN = { isHeldFor: false, isOwn: false }

/** A gate whose process asks, and gets this for an answer; and what it asked for. */
function asking(end: CallReport | null, options: Partial<GateOptions> = {}) {
  const gate = fleet.gate({ holdMinMs: 1, ...options })
  const asked: Question[] = []
  gate.answerQuestions((question) => {
    asked.push(question)
    if (end) void gate.report({ ...end, connectionId: question.connectionId }, question.token)
  })
  return { gate, asked }
}

describe('a refusal while others are answered', () => {
  it('is the lookup’s own, if a known id is answered: nobody holds', async () => {
    const { gate, asked } = asking(ANSWERED)
    await tell(gate, ANSWERED)
    expect(await gate.report(REFUSED)).toEqual(OWN)
    expect(asked.map(({ connectionId }) => connectionId)).toEqual(['known'])
    expect(await fleet.reasons()).toEqual([])
  })

  it.each([
    ['refused, too', { ...REFUSED, configuration: 'refused' }],
    ['failed', FAILED],
  ])('is everybody’s, if a known id is %s: the fleet holds at once, after one call', async (_, end) => {
    const { gate, asked } = asking(end)
    await tell(gate, ANSWERED)
    expect(await gate.report(REFUSED)).toEqual(NOT_OWN)
    expect(asked).toHaveLength(1)
    expect(await fleet.hold('configuration')).toMatchObject({ why: 'refused (HTTP 403)' })
  })

  it('is asked about once, however many are refused together in however many processes', async () => {
    const late = asking(null)
    const gates = [late, ...times(3, 0).map(() => asking(ANSWERED))]
    await tell(late.gate, ANSWERED)
    const first = late.gate.report(REFUSED)
    await expect.poll(() => late.asked.length).toBe(1)
    const others = gates.flatMap(({ gate }) =>
      times(4, 0).map((_, index) => gate.report({ ...REFUSED, connectionId: `${index}` })),
    )
    await sleep(200) // all have been told to wait
    const token = late.asked[0]?.token ?? ''
    await late.gate.report(ANSWERED, token)
    expect(await Promise.all([first, ...others])).toEqual(times(17, OWN))
    expect(gates.flatMap(({ asked }) => asked)).toHaveLength(1)
    expect(await fleet.reasons()).toEqual([])
  })

  it('is everybody’s where nobody was ever answered, or the id is known itself', async () => {
    const { gate, asked } = asking(ANSWERED)
    await gate.report(REFUSED)
    expect(await fleet.reasons()).toEqual(['configuration'])
    await fleet.holds().end('configuration')
    await tell(gate, ANSWERED)
    await sleep(5) // else the call began before that hold ended
    await gate.report({ ...REFUSED, connectionId: 'known' })
    expect(await fleet.reasons()).toEqual(['configuration'])
    expect(asked).toEqual([])
  })

  it('of a process that dies while it asks is asked about by another', async () => {
    const dead = asking(null, { soapCallTimeoutMs: -4900 }) // a question is open for 5 s longer than the longest call
    const other = asking(ANSWERED)
    await tell(dead.gate, ANSWERED)
    void dead.gate.report(REFUSED)
    await expect.poll(() => dead.asked.length).toBeGreaterThan(0)
    expect(await other.gate.report(REFUSED)).toEqual(OWN)
  })

  it('is not asked about while the fleet holds', async () => {
    const { gate, asked } = asking(ANSWERED)
    await tell(gate, ANSWERED)
    await fleet.holds().begin('manual', 'why', 60_000)
    await gate.report(REFUSED)
    expect((await fleet.reasons()).sort()).toEqual(['configuration', 'manual'])
    expect(asked).toEqual([])
  })
})

describe('twenty answers that found nothing', () => {
  const found: CallReport = { answered: true, kind: null, connectionId: 'found' }
  const isHeld = async () => (await fleet.reasons()).includes('service')
  const many = (gate: Gate, count: number) => tell(gate, ...times(count, MISSING))

  it('hold the fleet, if what was found before is not found either; and a probe that finds it ends that', async () => {
    const { gate, asked } = asking(MISSING)
    await tell(gate, found)
    await many(gate, 17)
    expect(asked).toEqual([])
    await many(gate, 2)
    await expect.poll(isHeld).toBe(true)
    expect(asked.map(({ connectionId }) => connectionId)).toEqual(['found'])
    expect((await fleet.hold('service'))?.why).toMatch(
      /^1[89] of the last \d+ answers were not-found, and so was the one/,
    )
    expect(await gate.report(MISSING)).toMatchObject({ isHeldFor: true })
    await expect.poll(() => fleet.holds().claimProbe('one', 9000, 'stamp')).toBe(true)
    await gate.report(MISSING, 'one')
    expect(await fleet.hold('service')).toMatchObject({ probes: 1, kind: NOT_FOUND })
    await expect.poll(() => fleet.holds().claimProbe('two', 9000, 'stamp')).toBe(true)
    await gate.report(found, 'two')
    expect(await fleet.reasons()).toEqual([])
  })

  it('are really unknown, if it is found again, and nobody asks again for ten minutes', async () => {
    const { gate, asked } = asking(found)
    await tell(gate, found)
    await many(gate, 60)
    await expect.poll(async () => Number(await fleet.redis.hget(KEYS.memory, 'unguardedUntil'))).toBeGreaterThan(0)
    await many(gate, 60)
    expect(asked).toHaveLength(1)
    expect(await fleet.reasons()).toEqual([])
    const until = Number(await fleet.redis.hget(KEYS.memory, 'unguardedUntil'))
    expect(until - (await fleet.time())).toBeGreaterThan(590_000)
  })

  it('wait from then on, until it is known', async () => {
    const { gate, asked } = asking(null)
    await tell(gate, found)
    await many(gate, 30)
    expect(asked).toHaveLength(1)
    const waiting = gate.report(MISSING)
    await gate.report(MISSING, asked[0]?.token ?? '')
    expect(await waiting).toMatchObject({ isHeldFor: true })
  })

  it.each([
    ['nothing was ever found', [], {}],
    ['NOT_FOUND_GUARD is false', [found], { notFoundGuard: false }],
    ['others are found in between', times(4, found), {}],
  ])('are nobody’s trouble where %s', async (_, before, options) => {
    const { gate, asked } = asking(MISSING, options)
    for (let round = 0; round < 3; round++) {
      await tell(gate, ...(round === 0 || before.length > 1 ? before : []))
      await many(gate, 16)
    }
    expect(asked).toEqual([])
    expect(await fleet.reasons()).toEqual([])
  })
})

describe('a pause that one lookup is asked for', () => {
  const asked: CallReport = { ...FAILED, retryAfterMs: 20_000 }
  const askedAgain = { ...asked, ofTroubled: true }
  const over = async () => {
    const gate = fleet.gate({ holdMinMs: 1 })
    await tell(gate, ANSWERED, { ...asked, retryAfterMs: 1 })
    await expect.poll(() => fleet.holds().claimProbe('token', 9000, 'stamp')).toBe(true)
    await gate.report(ANSWERED, 'token')
    expect(await fleet.reasons()).toEqual([])
    return gate
  }

  it('again, after others were answered, is its own: the fleet does not wait', async () => {
    const gate = await over()
    await tell(gate, askedAgain)
    expect(await fleet.reasons()).toEqual([])
  })

  it('makes others’ doubtful, until three failures in a row say otherwise', async () => {
    const gate = await over()
    await sleep(5) // else these calls began before the hold ended
    await tell(gate, askedAgain, ...times(5, [asked, ANSWERED, ANSWERED, asked, asked, ANSWERED, ANSWERED]).flat())
    expect(await fleet.reasons()).toEqual([])
    await tell(gate, asked, asked, asked)
    expect(await fleet.reasons()).toEqual(['service'])
  })

  it('again is everybody’s, where nobody was answered: the hold was ended by hand', async () => {
    const gate = fleet.gate()
    await tell(gate, ANSWERED, asked)
    await sleep(20)
    await fleet.holds().end('service')
    await tell(gate, askedAgain)
    expect(await fleet.reasons()).toEqual(['service'])
  })
})
