/** A Redis that is there, and says no: its own word, and the cure. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { schemaKey } from '../../src/redis/names.ts'
import { SCHEMA } from '../../src/redis/schema.ts'
import { run, SOAP_SECRETS } from '../support/processes.ts'
import { NAMES, startWorld, until, type World } from '../support/world.ts'
import { endAll, start } from './started.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
afterEach(endAll)

const workerEnv = (url = world.redisUrl) => ({
  ...world.env,
  ...SOAP_SECRETS,
  REDIS_URL: url,
  METRICS_HOST: '127.0.0.1',
  METRICS_PORT: '0',
})

/** A user with all rights, and then these changes. */
async function userWith(...changes: string[]): Promise<string> {
  await world.redis.call('ACL', 'SETUSER', 'limited', 'reset', 'on', '>pw', '~*', '&*', '+@all', ...changes)
  const url = new URL(world.redisUrl)
  return `redis://limited:pw@${url.host}`
}

describe('a command', () => {
  it('that follows the results waits for a Redis that is full, saying OOM and what to do, and goes on', async () => {
    const result = { version: 1, lookupId: 'lk-full', connectionId: '1', status: 'enriched' }
    await world.queue(NAMES.resultQueue).add('enriched', result)
    await world.redis.config('SET', 'maxmemory', '1')
    const reader = start(['results', '--follow'], world.env)
    try {
      await reader.says(/^Redis at 127\.0\.0\.1:\d+: OOM: its memory is full.* Waiting for it\.$/m)
    } finally {
      await world.redis.config('SET', 'maxmemory', '0')
    }
    await reader.says(/"lookupId":"lk-full"/)
    reader.child.kill('SIGINT')
    expect(await reader.ended).toEqual({ code: 0, signal: null })
    expect(reader.stderr()).toMatch(/\nRedis is there again\n1 result\n$/)
  })

  it('that must write to a Redis with too few replicas says NOREPLICAS and what to do, exit 1', async () => {
    await world.redis.config('SET', 'min-replicas-to-write', '1')
    try {
      const { code, stdout, stderr } = await run(['enqueue', '1'], { REDIS_URL: world.redisUrl })
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(
        /^error: Redis at 127\.0\.0\.1:\d+: NOREPLICAS: too few replicas .*min-replicas-to-write\n$/,
      )
    } finally {
      await world.redis.config('SET', 'min-replicas-to-write', '0')
    }
  })

  it('that meets a Redis with a script that runs for ever says BUSY and what to do, exit 1', async () => {
    await world.redis.config('SET', 'busy-reply-threshold', '100')
    const other = world.redis.duplicate()
    const script = other.eval('while true do end', 0).catch(() => {})
    try {
      await until('it is busy', () =>
        world.redis.ping().then(
          () => false,
          (error) => /^BUSY/.test(error.message),
        ),
      )
      const { code, stderr } = await run(['status'], { REDIS_URL: world.redisUrl })
      expect(code).toBe(1)
      expect(stderr).toMatch(/^error: Redis at 127\.0\.0\.1:\d+: BUSY: a script runs .*SCRIPT KILL\n$/)
    } finally {
      await world.redis.call('SCRIPT', 'KILL')
      await script
      other.disconnect()
    }
  })
})

describe('a database that Redis has not', () => {
  it.each([['status'], ['enqueue', '1'], ['worker']])(
    'is refused by %s; the client would use number 0',
    async (...args) => {
      const before = await world.redis.keys('*')
      const { code, stderr } = await run(args, workerEnv(`redis://${new URL(world.redisUrl).host}/9999`))
      expect(code).toBe(args[0] === 'worker' ? 78 : 1)
      expect(stderr).toContain('REDIS_URL: expected a database that Redis has, got number 9999, which it refuses')
      // What the test before left may expire meanwhile.
      expect(before).toEqual(expect.arrayContaining(await world.redis.keys('*')))
    },
  )
})

describe('a worker', () => {
  it('whose user may use no channel ends, and says NOPERM with the rights that it needs, exit 1', async () => {
    const { code, stderr } = await run(['worker'], workerEnv(await userWith('resetchannels')))
    expect(code).toBe(1)
    expect(stderr).toMatch(/error: Redis at 127\.0\.0\.1:\d+: NOPERM: our user lacks a right.*&bull:\*/)
    expect(stderr).not.toContain('one of the channels used as arguments')
  })

  it('that finds keys of a layout that it does not know ends, and says so, exit 78', async () => {
    await world.redis.set(schemaKey(NAMES), SCHEMA + 1)
    try {
      const { code, stderr } = await run(['worker'], workerEnv())
      expect(code).toBe(78)
      expect(stderr).toMatch(
        /QUEUE_PREFIX: expected keys of a layout up to 1, got layout 2, .*start that release again/,
      )
    } finally {
      await world.redis.del(schemaKey(NAMES))
    }
  })

  it('that cannot find out version and eviction policy says so, and runs', async () => {
    const { says, child, ended, stderr } = start(['worker'], workerEnv(await userWith('-info')))
    await says(/worker started/)
    expect(stderr()).toMatch(/"level":40.*it does not tell its maxmemory-policy: make sure that it is noeviction/)
    expect(stderr()).not.toContain('"level":50')
    child.kill('SIGTERM')
    expect((await ended).code).toBe(0)
  })
})
