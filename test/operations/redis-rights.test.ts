import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { doctor } from '../../src/app/doctor.ts'
import { TRIED } from '../../src/fleet/tried-commands.ts'
import { killAll, run, SOAP_SECRETS, startWorker } from '../support/processes.ts'
import { startWorld, type World } from '../support/world.ts'

/** The rights that docs/configuration.md names, as arguments of ACL SETUSER. */
function rights(): string[] {
  const docs = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  return /ACL SETUSER chats on >password (.*)$/m.exec(docs)?.[1]?.split(' ') ?? []
}

let world: World
let env: Record<string, string>
beforeAll(async () => {
  world = await startWorld()
  await world.redis.call('ACL', 'SETUSER', 'chats', 'reset', 'on', '>password', 'resetchannels', ...rights())
  const url = new URL(world.redisUrl)
  url.username = 'chats'
  url.password = 'password'
  env = { ...world.env, REDIS_URL: url.href }
})
afterAll(async () => {
  await killAll()
  await world.close()
})

/** What Redis has refused the user so far. */
async function refused(): Promise<unknown[]> {
  return (await world.redis.call('ACL', 'LOG')) as unknown[]
}

/** What doctor needs itself, tries in another way, or every user may do; and what this test sends. */
const OF_THE_CONNECTION = [
  'AUTH',
  'HELLO',
  'SELECT',
  'CLIENT',
  'PING',
  'INFO',
  'MULTI',
  'EXEC',
  'HSET',
  'OBJECT',
  'PUBLISH',
  'SUBSCRIBE',
  'UNSUBSCRIBE',
  'ACL',
  'QUIT',
  'CONFIG',
]

describe('a Redis user with the rights that the docs name', () => {
  it('can run a worker and every command, and Redis refuses nothing', async () => {
    expect(rights()).toContain('-@dangerous')
    const worker = await startWorker(env)
    const waited = await run(['enqueue', '12345', '--wait'], env)
    expect(waited).toMatchObject({ code: 0, stdout: expect.stringContaining('"status":"enriched"') })
    for (const args of [
      ['status'],
      ['limit', '--rate', '20'],
      ['limit', '--reset'],
      ['hold', '--for', '1m'],
      ['release'],
      ['results'],
      ['forget', '12345'],
      ['doctor', '--advise'],
    ]) {
      expect(await run(args, env), args.join(' ')).toMatchObject({ code: 0 })
    }
    expect(await worker.kill('SIGTERM')).toMatchObject({ code: 0 })
    expect(worker.log()).not.toMatch(/NOPERM|"level":[45]0,[^\n]*Redis/)
    expect(await refused()).toEqual([])
  })

  it('lacks nothing that doctor does not try, for every command that the fleet has sent', async () => {
    const info = await world.redis.info('commandstats')
    const sent = [...info.matchAll(/^cmdstat_([a-z]+):/gm)].map(([, name = '']) => name.toUpperCase())
    const tried = new Set(TRIED.map((line) => line.split(' ')[0]))
    expect(sent.filter((name) => !tried.has(name) && !OF_THE_CONNECTION.includes(name))).toEqual([])
  })

  it.each(['bzpopmin', 'evalsha', 'hsetnx', 'mget', 'rpoplpush', 'time', 'zcard', 'xtrim'])(
    'that may not use %s is told so by doctor',
    async (command) => {
      await world.redis.call('ACL', 'SETUSER', 'chats', `-${command}`)
      const findings = await doctor({ ...env, ...SOAP_SECRETS }, {})
      await world.redis.call('ACL', 'SETUSER', 'chats', `+${command}`)
      const found = findings.find(({ check }) => check === 'redis-rights')
      expect(found).toMatchObject({ status: 'fail', says: `our user may not use ${command.toUpperCase()}` })
    },
  )
})
