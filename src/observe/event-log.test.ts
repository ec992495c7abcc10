import { Writable } from 'node:stream'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { type LookupEvent, REDIS_ERROR_KINDS } from '../domain/event.ts'
import type { Failure } from '../domain/failure.ts'
import { noTime } from '../domain/timing.ts'
import { cureOf } from '../gate/hold-words.ts'
import { logEvents } from './event-log.ts'

/** The log lines that events make, each a second after the one before. */
function linesOf(...events: LookupEvent[]): Record<string, unknown>[] {
  return linesAt('debug', ...events)
}

function linesAt(level: string, ...events: LookupEvent[]): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = []
  const destination = new Writable({
    write: (line, _, done) => {
      lines.push(JSON.parse(String(line)))
      done()
    },
  })
  let at = 0
  const observe = logEvents(pino({ level, base: null }, destination), 'redis:6379', () => (at += 1000))
  for (const event of events) observe(event)
  return lines
}

const FOREIGN = 'Maria da Conceição'
const FAILURE: Failure = { code: 'poison', class: 'permanent', reason: 'internal', message: 'ours' }

function ofEveryKind(lookupId: string): LookupEvent[] {
  return [
    { type: 'attempt-started', lookupId, waitedMs: 1, first: true },
    { type: 'attempt-finished', lookupId, durationMs: 1, status: 'enriched', calls: 1, producer: 'crm' },
    { type: 'retry', lookupId, when: 'later', reason: 'fault', delayMs: 1 },
    { type: 'attempt-charged', lookupId, charged: 1, limit: 5 },
    { type: 'published', lookupId, status: 'enriched', sinceEnqueuedMs: 1, timing: noTime() },
    { type: 'published', lookupId, status: 'failed', sinceEnqueuedMs: 1, timing: noTime(), failure: FAILURE },
    { type: 'published', lookupId, status: 'rejected', sinceEnqueuedMs: 1, timing: noTime(), failure: FAILURE },
    { type: 'suppressed', lookupId },
    { type: 'recovered', lookupId },
    { type: 'adopted', lookupId },
    { type: 'set-apart', lookupId, stalls: 2 },
    { type: 'handed-back', lookupId },
    { type: 'lock-lost', lookupId },
    { type: 'internal-error', lookupId, where: 'run', error: new Error(FOREIGN) },
  ]
}

describe('the log', () => {
  it('never has the job id of a foreign producer in clear, but one word that is the same for the same id', () => {
    const lines = linesOf(...ofEveryKind(FOREIGN))
    expect(JSON.stringify(lines)).not.toContain('Maria')
    expect(lines.length).toBeGreaterThan(5)
    const words = new Set(lines.map(({ lookupId }) => lookupId))
    expect(words.size).toBe(1)
    expect([...words][0]).toMatch(/^hash:[0-9a-f]{16}$/)
  })

  it.each([`lk-${'0'.repeat(32)}`, '12345'])('has our id and a number of BullMQ as it is: %s', (lookupId) => {
    const lines = linesOf({ type: 'recovered', lookupId })
    expect(lines).toMatchObject([{ lookupId }])
  })

  it.each([`lk-${'0'.repeat(31)}G`, `lk-${'0'.repeat(32)}\nx`, '1'.repeat(21), '', 'lk-maria'])(
    'does not take %j for one of these',
    (lookupId) => {
      expect(linesOf({ type: 'recovered', lookupId })[0]?.lookupId).toMatch(/^hash:/)
    },
  )

  it('says of a mistake of ours where it was, not what its text was', () => {
    const error = Object.assign(new TypeError(`${FOREIGN}\n    at ${FOREIGN}`), { code: 'E_CODE' })
    const [line] = linesOf({ type: 'internal-error', lookupId: '1', where: 'run', error })
    expect(line).toMatchObject({ level: 50, where: 'run', error: { name: 'TypeError', code: 'E_CODE' } })
    const at = (line?.error as { at: string[] } | undefined)?.at
    expect(at?.[0]).toMatch(/^at .*event-log\.test\.ts/)
    expect(JSON.stringify(line)).not.toContain('Maria')
  })

  it.each([FOREIGN, null, undefined, { message: FOREIGN }])('survives the throw of %j', (error) => {
    const lines = linesOf({ type: 'internal-error', lookupId: '1', where: 'run', error })
    expect(lines).toHaveLength(1)
    expect(JSON.stringify(lines)).not.toContain('Maria')
  })

  it('says nothing of lookups that go well', () => {
    const events = ofEveryKind('1').filter(({ type }) => /^(attempt|published)/.test(type))
    expect(linesOf(...events).map(({ msg }) => msg)).toEqual(['lookup failed: ours', 'lookup rejected: ours'])
  })

  it('warns of a dead letter, saying why', () => {
    const failure: Failure = { ...FAILURE, code: 'soap-fault', soapFaultCode: 'Server', httpStatus: 500 }
    const event = {
      type: 'published',
      lookupId: '1',
      status: 'failed',
      sinceEnqueuedMs: 1,
      timing: noTime(),
      failure,
    } as const
    expect(linesOf(event)).toMatchObject([
      { level: 40, code: 'soap-fault', soapFaultCode: 'Server', httpStatus: 500, lookupId: '1' },
    ])
  })

  it.each(REDIS_ERROR_KINDS)('has one sentence for trouble with Redis of kind %s', (kind) => {
    const said = linesOf({ type: 'redis-error', kind, where: 'x' })
    expect(said).toMatchObject([{ level: 50, kind, where: 'x' }])
    expect(said[0]?.msg).toMatch(/^Redis at redis:6379: \w/)
  })

  it('says trouble with Redis once in ten seconds for each kind, whichever part meets it, and how often it was met', () => {
    const oom = ['a', 'b', 'c'].flatMap((where) =>
      Array.from({ length: 4 }, () => ({ type: 'redis-error', kind: 'oom', where }) as const),
    )
    const lines = linesOf(...oom, { type: 'redis-error', kind: 'connection', where: 'c', code: 'ECONNREFUSED' })
    expect(lines).toMatchObject([
      { kind: 'oom', where: 'a' },
      { kind: 'oom', where: 'c', notSaid: 9 },
      { kind: 'connection', where: 'c', code: 'ECONNREFUSED', msg: expect.stringContaining('6379: ECONNREFUSED: no') },
    ])
  })

  it('says once that Redis is there again, however many connections hear of it', () => {
    const ready = ['worker', 'health', 'news'].map((where) => ({ type: 'redis-ready', where }) as const)
    expect(linesOf(...ready)).toMatchObject([{ msg: 'Redis at redis:6379 is there again' }])
  })

  it.each(['retry', 'verdict', 'handed-back', 'held-back'] as const)(
    'of level info does not make a line of %s',
    (type) => {
      const unread = new Proxy({ type } as LookupEvent, {
        get: (event, name) => (name === 'type' ? event.type : expect.unreachable(String(name))),
      })
      expect(linesAt('info', unread)).toEqual([])
    },
  )
})

describe('a hold', () => {
  const hold = { reason: 'manual', why: 'maintenance', since: 1000, expiresAt: 61_000, nextProbeAt: null } as const
  const rest = { probes: 0, kind: null, suspectedSince: null, spent: 0, by: null }
  const cure = 'chat-enricher release ends it'

  it('is one line that says why, what cures it, and when it ends; and one when it is over', () => {
    const [held, over] = linesOf(
      { type: 'held', hold: { ...hold, ...rest }, at: 3000, cure },
      { type: 'released', hold: { ...hold, ...rest }, at: 9000 },
    )
    expect(held).toMatchObject({ level: 40, reason: 'manual', heldForMs: 2000, endsInMs: 58_000 })
    expect(held?.msg).toBe('the fleet holds its calls (manual): maintenance. Do: chat-enricher release ends it')
    expect(over).toMatchObject({ level: 30, reason: 'manual', heldForMs: 8000, msg: 'the hold is over (manual)' })
  })

  it('that is probed says when the next probe goes, and what to do', () => {
    const suspected = { ...hold, ...rest, reason: 'configuration', nextProbeAt: 5000, kind: 'code:5' } as const
    const [held] = linesOf({ type: 'held', hold: suspected, at: 3000, cure: cureOf(suspected) })
    expect(held).toMatchObject({ nextProbeInMs: 2000 })
    expect(held).not.toHaveProperty('endsInMs')
    expect(held?.msg).toContain('if responseCode 5 is right: chat-enricher release --accept-code 5')
  })

  it('for results promises no end: it is prolonged as long as it is needed', () => {
    const [held] = linesOf({ type: 'held', hold: { ...hold, ...rest, reason: 'results' }, at: 3000, cure })
    expect(held).not.toHaveProperty('endsInMs')
  })
})
