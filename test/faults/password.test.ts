import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { idle, isReady, type Rig, startRig, until } from './rig.ts'
import { triesASecond, troubleLogged } from './trouble.ts'

let rig: Rig
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'faults-password-'))
})
afterEach(async () => {
  await rig.close()
  rmSync(folder, { recursive: true, force: true })
})

const USER = 'worker'
const file = () => join(folder, 'redis-url')

/** As whatever rotates secrets does it: another file takes the place of the old one. */
function writeUrl(password: string): void {
  const url = new URL(rig.redisServer.url)
  url.username = USER
  url.password = password
  writeFileSync(`${file()}.new`, url.href)
  renameSync(`${file()}.new`, file())
}

async function setUser(password: string): Promise<void> {
  await rig.redis.call('ACL', 'SETUSER', USER, 'reset', 'on', `>${password}`, '~*', '&*', '+@all')
}

async function startFleet(): Promise<void> {
  rig = await startRig({ workers: 0, env: { CONCURRENCY: '8' } })
  await setUser('canary-old')
  writeUrl('canary-old')
  for (let count = 0; count < 2; count++) await rig.startWorker({ REDIS_URL: '', REDIS_URL_FILE: file() })
  await rig.enqueue(600)
  await until('lookups flow', () => rig.auditor.results.length > 50)
}

/** With the old password refused: nobody ends, nobody is ready, and Redis is asked seldom. */
async function waitsForAnother(): Promise<void> {
  await until('no worker is ready', async () => !(await Promise.all(rig.workers.map(isReady))).some(Boolean))
  const { connections } = await triesASecond(rig.redis)
  expect(connections / rig.workers.length).toBeLessThan(5)
  expect(rig.workers.map(({ child }) => child.exitCode)).toEqual([null, null])
}

async function goesOn(troubleFrom: number): Promise<void> {
  const audit = await rig.auditor.complete(90_000)
  expect(audit).toMatchObject({ accepted: 600, results: 600, lost: [], duplicates: [], notEnriched: [] })
  await idle(rig)
  expect(await rig.charged()).toBe(0)
  const periods = Math.ceil((performance.now() - troubleFrom) / 10_000)
  const said = troubleLogged(rig.workers)
  expect(said.get('auth')).toBeGreaterThan(0)
  for (const [kind, lines] of said) expect(lines, kind).toBeLessThanOrEqual(periods)
  await until('every worker is ready again', async () => (await Promise.all(rig.workers.map(isReady))).every(Boolean))
}

describe('workers whose password for Redis is in REDIS_URL_FILE', () => {
  // Fails without: src/redis/connections.ts: what `fresh` defines
  it('wait while it is refused, and go on with the new one in the file, without a restart', async () => {
    await startFleet()
    const from = performance.now()
    await setUser('canary-new')
    await rig.redis.call('CLIENT', 'KILL', 'USER', USER)
    await waitsForAnother()
    writeUrl('canary-new')
    await goesOn(from)
  })

  // Fails without: src/redis/connections.ts: `backoff`; and src/redis/errors.ts: `seen` (a worker dies, on a busy machine)
  it('wait while their user is gone, and go on when it is there again', async () => {
    await startFleet()
    const from = performance.now()
    await rig.redis.call('ACL', 'DELUSER', USER)
    await waitsForAnother()
    await setUser('canary-old')
    await goesOn(from)
  })
})

describe('a Redis that is reading its data', () => {
  // Fails without: src/redis/connections.ts: `backoff` of patientConnection (a worker that gives up)
  it('is waited for: not ready, asked seldom, and nothing is lost', async () => {
    // Each key takes it 3 ms, and it answers meanwhile.
    const slowly = ['--key-load-delay', '3000', '--loading-process-events-interval-bytes', '1024']
    rig = await startRig({ redisArguments: slowly, env: { CONCURRENCY: '8' } })
    await rig.enqueue(3_000)
    await until('lookups flow', () => rig.auditor.results.length > 50)
    await rig.redis.bgrewriteaof()
    await until('its file is written', async () =>
      /aof_rewrite_in_progress:0\r\n[\s\S]*aof_rewrite_scheduled:0/.test(await rig.redis.info('persistence')),
    )
    const from = performance.now()
    await rig.redisServer.kill()
    const started = rig.redisServer.start()
    await until('no worker is ready', async () => !(await Promise.all(rig.workers.map(isReady))).some(Boolean))
    await started
    const audit = await rig.auditor.complete(120_000)
    expect(audit).toMatchObject({ lost: [], duplicates: [], notEnriched: [] })
    await idle(rig)
    expect(await rig.charged()).toBe(0)
    const periods = Math.ceil((performance.now() - from) / 10_000)
    for (const [kind, lines] of troubleLogged(rig.workers)) expect(lines, kind).toBeLessThanOrEqual(periods)
    await until('every worker is ready again', async () => (await Promise.all(rig.workers.map(isReady))).every(Boolean))
    expect(rig.workers.map(({ child }) => child.exitCode)).toEqual([null, null])
  })
})
