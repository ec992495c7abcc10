import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { SeenLookup } from '../../fleet/selected.ts'
import { isConfirmed, planInWords } from './action.ts'
import { Io } from './io.ts'

const NEVER = new AbortController().signal

function terminal(isTTY: boolean) {
  const stdin = Object.assign(new PassThrough(), { isTTY })
  const stderr = Object.assign(new PassThrough(), { isTTY })
  return { io: new Io({ env: {}, stdin, stdout: new PassThrough(), stderr, signal: NEVER }), stdin, stderr }
}

describe('before an action', () => {
  it.each([
    ['y', true],
    ['YES', true],
    ['', false],
    ['n', false],
    ['yesterday', false],
  ])('a terminal is asked: %j', async (answer, expected) => {
    const { io, stdin, stderr } = terminal(true)
    const asked = isConfirmed(io, 'Cancel 3 lookups?', false, NEVER)
    stdin.write(`${answer}\n`)
    expect(await asked).toBe(expected)
    expect(String(stderr.read())).toContain('Cancel 3 lookups? [y/N]')
  })

  it('a script must have said --yes', async () => {
    const { io } = terminal(false)
    await expect(isConfirmed(io, 'Cancel?', false, NEVER)).rejects.toThrow('expected --yes (or --dry-run)')
    expect(await isConfirmed(io, 'Cancel?', true, NEVER)).toBe(true)
  })

  it('says how many it is for, and which are the first', () => {
    const one = { lookupId: 'lk-1', queue: 'chat-lookups', state: 'waiting', ageMs: 5000 } as SeenLookup
    expect(planInWords({ count: 12, sample: [one], looked: 1000, unread: 1 }, 'to cancel').split('\n')).toEqual([
      '12 lookups to cancel, of 1,000 lookups looked at; 1 job too large or broken to be read',
      'lookup         queue    state    age',
      'lk-1    chat-lookups  waiting  5.0 s',
      'and 11 more lookups',
    ])
    expect(planInWords({ count: 0, sample: [], looked: 7, unread: 0 }, 'to cancel')).toBe(
      '0 lookups to cancel, of 7 lookups looked at',
    )
  })
})
