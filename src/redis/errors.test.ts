import { describe, expect, it } from 'vitest'
import type { LookupEvent } from '../domain/event.ts'
import { isRedisError, isRefusal, kindOfRedisError, redisTrouble, refusalWord } from './errors.ts'

const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' })
/** Before version 7 all errors of a script begin so. */
const OF_6_2 = 'ERR Error running script (call to f_88c923858e73954cede057e8a25f614a3552b177): @user_script:1: '
const system = (code: string) => Object.assign(new Error(`connect ${code} 127.0.0.1:6379`), { code })

describe('an error of Redis', () => {
  it.each([
    ['connection', system('ECONNREFUSED')],
    ['connection', system('ECONNRESET')],
    ['connection', system('ENOTFOUND')],
    ['connection', new Error('Connection is closed.')],
    ['connection', new Error('Command aborted due to connection close')],
    ['connection', new Error("Stream isn't writeable and enableOfflineQueue options is false")],
    ['timeout', new Error('Command timed out')],
    ['oom', reply("OOM command not allowed when used memory > 'maxmemory'.")],
    ['oom', Object.assign(reply('EXECABORT Transaction discarded'), { previousErrors: [reply('OOM command')] })],
    ['oom', reply(`${OF_6_2}@user_script: 1: -OOM command not allowed when used memory > 'maxmemory'.`)],
    ['readonly', reply(`${OF_6_2}@user_script: 1: -READONLY You can't write against a read only replica.`)],
    ['auth', reply(`${OF_6_2}@user_script: 1: The user executing the script can't run this command or subcommand`)],
    ['other', reply(`${OF_6_2}@user_script: 1: attempt to call a nil value`)],
    ['readonly', reply("READONLY You can't write against a read only replica.")],
    ['readonly', reply('UNBLOCKED force unblock from blocking operation')],
    ['misconf', reply('MISCONF Errors writing to the AOF file: No space left on device')],
    ['noreplicas', reply('NOREPLICAS Not enough good replicas to write.')],
    ['busy', reply('BUSY Redis is busy running a script.')],
    ['other', reply('BUSYKEY Target key name already exists.')],
    ['loading', reply('LOADING Redis is loading the dataset in memory')],
    ['auth', reply('NOAUTH Authentication required.')],
    ['auth', reply("NOPERM this user has no permissions to run the 'eval' command")],
    ['auth', reply('WRONGPASS invalid username-password pair')],
    ['lock', new Error('Missing lock for job 1. moveToFinished')],
    ['lock', new Error('could not renew lock for job 1')],
    ['other', reply('WRONGTYPE Operation against a key holding the wrong kind of value')],
    ['other', new TypeError('x is not a function')],
    ['other', 'text'],
  ])('is of kind %s: %s', (kind, error) => {
    expect(kindOfRedisError(error)).toBe(kind)
  })

  it('that is among those that came before itself, as where signing in is refused, is what it says', () => {
    const refused: Error & { previousErrors?: Error[] } = reply('WRONGPASS invalid username-password pair')
    refused.previousErrors = [refused]
    expect(kindOfRedisError(refused)).toBe('auth')
    const other = Object.assign(reply('EXECABORT'), { previousErrors: [refused] })
    refused.previousErrors = [other]
    expect(kindOfRedisError(other)).toBe('auth')
  })

  it('has its word also where it comes from within a script of Redis 6.2', () => {
    expect(refusalWord(reply(`${OF_6_2}@user_script: 1: -OOM command not allowed`))).toBe('OOM')
    expect(refusalWord(reply(`${OF_6_2}@user_script: 1: The user executing the script can't run it`))).toBe('NOPERM')
    expect(refusalWord(reply(`${OF_6_2}@user_script: 1: attempt to call a nil value`))).toBe('ERR')
  })

  it('is told from a mistake of ours, and a refusal from a lost connection', () => {
    expect([reply('WRONGTYPE x'), system('ECONNRESET'), new Error('Missing lock for job 1')].map(isRedisError)).toEqual(
      [true, true, true],
    )
    expect([new TypeError('x'), new SyntaxError('x'), null, undefined, 'OOM'].map(isRedisError)).not.toContain(true)
    expect([reply('OOM x'), system('ECONNRESET'), new Error('Missing lock'), null].map(isRefusal)).toEqual([
      true,
      false,
      false,
      false,
    ])
  })
})

describe('trouble with Redis', () => {
  it('is passed on each time, with the word that Redis said or the code of the system', () => {
    const events: LookupEvent[] = []
    const parts = ['a', 'b', 'c'].map((where) => redisTrouble((event) => void events.push(event), where))
    for (let i = 0; i < 1000; i++) for (const part of parts) part(reply('OOM x'))
    parts[2]?.(system('ECONNREFUSED'))
    expect(events).toHaveLength(3001)
    expect([events[0], events[3000]]).toEqual([
      { type: 'redis-error', kind: 'oom', where: 'a', word: 'OOM' },
      { type: 'redis-error', kind: 'connection', where: 'c', code: 'ECONNREFUSED' },
    ])
  })

  it.each([null, undefined, 'x', Object.assign(new Error('x'), { code: 'a customer' })])(
    'has no code in %j',
    (error) => {
      redisTrouble((event) => expect(event).not.toHaveProperty('code'), 'a')(error)
    },
  )
})
