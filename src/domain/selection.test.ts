import { describe, expect, it } from 'vitest'
import { matches, parseSelection, parseSelectionText, type Selectable } from './selection.ts'

const LOOKUP: Selectable = {
  lane: 'batch',
  state: 'dead',
  connectionId: '0123 ',
  correlationId: null,
  producer: 'crm',
  ageMs: 5000,
  failure: 'soap-fault',
  fault: 'Server',
  httpStatus: 500,
  responseCode: null,
  result: 'failed',
}

function problem(value: unknown): string {
  const parsed = parseSelection(value)
  return parsed.ok ? 'none' : parsed.problem
}

describe('parseSelection', () => {
  it('takes every field of the contract', () => {
    const selection = {
      connectionId: 'a',
      correlationId: 'b',
      producer: 'crm',
      queue: 'interactive',
      state: 'waiting',
      olderThanMs: 7_200_000,
      newerThanMs: 0,
      failure: 'timeout',
      fault: 'Server',
      httpStatus: 503,
      responseCode: -9,
      result: 'not-found',
      all: true,
    }
    expect(parseSelection(selection)).toEqual({ ok: true, selection })
  })

  it('refuses a selection of nothing: that would be everything', () => {
    const nothing = 'selection: expected at least one field, or all, got none'
    expect([problem({}), problem({ state: undefined })]).toEqual([nothing, nothing])
    expect(problem({ all: true })).toBe('none')
  })

  it('says what is wrong, by name, and never a value', () => {
    expect(problem({ state: 'asleep' })).toBe(
      'state: expected one of waiting, delayed, active, dead, finished, got another string',
    )
    expect(problem({ httpStatus: '503' })).toBe('httpStatus: expected a whole number, got another string')
    expect(problem({ connectionID: 'secret' })).toMatch(/^"connectionID": expected one of connectionId, /)
    expect(problem({ connectionId: '' })).toBe('connectionId: expected a text, got another string')
    expect(problem(null)).toBe('selection: expected an object')
    expect(problem([])).toBe('selection: expected an object')
    expect(problem({ all: false })).toBe('all: expected true, got another boolean')
    expect(problem({ olderThanMs: 1.5 })).toMatch(/^olderThanMs: expected milliseconds/)
  })

  it('names the field that is wrong, so that a command line can name its flag', () => {
    expect(parseSelection({ result: 'good' })).toMatchObject({ ok: false, field: 'result' })
    expect(parseSelection({})).toMatchObject({ ok: false, field: null })
  })
})

describe('parseSelectionText', () => {
  it('reads numbers, and leaves texts that look like numbers as they are', () => {
    const fields = { connectionId: '0123', httpStatus: '503', responseCode: '-1', olderThanMs: '1000', all: 'true' }
    expect(parseSelectionText(fields)).toEqual({
      ok: true,
      selection: { connectionId: '0123', httpStatus: 503, responseCode: -1, olderThanMs: 1000, all: true },
    })
  })

  it.each(['5e2', '0x1f', ' 5', '', '1.0', '99999999999999999999'])('takes %j for no number', (httpStatus) => {
    expect(parseSelectionText({ httpStatus })).toMatchObject({ ok: false, field: 'httpStatus' })
  })
})

describe('matches', () => {
  it.each([
    { all: true },
    { connectionId: '0123 ' },
    { producer: 'crm', state: 'dead', failure: 'soap-fault' },
    { queue: 'lookup' },
    { fault: 'Server', httpStatus: 500, result: 'failed' },
    { olderThanMs: 4999 },
    { newerThanMs: 5001, olderThanMs: 4000 },
  ] as const)('%j', (selection) => {
    expect(matches(selection, LOOKUP)).toBe(true)
  })

  it.each([
    { connectionId: '0123' },
    { correlationId: 'x' },
    { queue: 'interactive' },
    { state: 'finished' },
    { olderThanMs: 5000 },
    { newerThanMs: 5000 },
    { responseCode: 0 },
    { all: true, producer: 'web' },
    { fault: 'Server', httpStatus: 503 },
  ] as const)('not %j', (selection) => {
    expect(matches(selection, LOOKUP)).toBe(false)
  })

  it('finds no lookup of unknown age by its age', () => {
    const lookup = { ...LOOKUP, ageMs: null }
    expect([matches({ olderThanMs: 0 }, lookup), matches({ newerThanMs: 1e9 }, lookup)]).toEqual([false, false])
  })
})
