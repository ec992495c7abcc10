import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { SELECTION_FIELDS } from '../../domain/selection.ts'
import { selectionOf, withSelection } from './selection-flags.ts'

function selected(...argv: string[]) {
  const command = withSelection(new Command('find'))
  command.parse(argv, { from: 'user' })
  return selectionOf(command)
}

describe('the flags of a selection', () => {
  it('are one for each field', () => {
    const flags = withSelection(new Command('find')).options.map((option) => option.attributeName())
    expect(flags).toEqual(SELECTION_FIELDS.map((field) => field.replace(/Ms$/, '')))
  })

  it('make a selection', () => {
    expect(selected('--state', 'finished', '--response-code', '9', '--newer-than', '2h')).toEqual({
      state: 'finished',
      responseCode: 9,
      newerThanMs: 7_200_000,
    })
    expect(selected('--all')).toEqual({ all: true })
    expect(selected('--connection-id', '0012', '--http-status', '503')).toEqual({
      connectionId: '0012',
      httpStatus: 503,
    })
  })

  it('make none if none is given', () => {
    expect(selected()).toBeNull()
  })

  it.each([
    [['--state', 'asleep'], '--state: expected one of waiting, delayed, active, dead, finished, got "asleep"'],
    [['--older-than', '2 hours'], '--older-than: expected a duration, as 30s, 2h or 7d, got "2 hours"'],
    [['--http-status', '5xx'], '--http-status: expected a whole number, got "5xx"'],
    [['--connection-id', ''], '--connection-id: expected a text, got ""'],
  ])('are checked: %j', (argv, problem) => {
    expect(() => selected(...argv)).toThrow(problem)
  })
})
