import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { killAll, run, startWorker } from '../support/processes.ts'
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
})
