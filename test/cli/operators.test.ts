import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Fleet, type Member } from '../../src/fleet/members.ts'
import { run } from '../support/in-process.ts'
import { run as runProcess, SOAP_SECRETS, startWorker } from '../support/processes.ts'
import { useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'
import { parseLines, start } from './started.ts'

const world = useWorld()
let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chat-enricher-cli-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

interface Status {
  queues: { queue: string; jobs: Record<string, number>; oldestAgeMs: number }[]
  members: { pid: number; concurrency: number }[]
  backlog: number
  drainSeconds: number | null
}

describe('status', () => {
  it('of an idle system says that nothing waits and nobody works', async () => {
    const { code, stdout, stderr } = await run(['status'], world.env)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const queue of Object.values(NAMES).slice(1)) expect(stdout).toMatch(new RegExp(`^${queue} +0 `, 'm'))
    expect(stdout).toContain('no worker is running. Do: start one')
    expect(stdout).toContain('backlog 0, 0 results/s: nothing waits')
  })

  it('shows what is where, how old it is, who works, and that nothing drains', async () => {
    const queue = world.queue(NAMES.lookupQueue)
    await queue.add('lookup', { connectionId: '1' }, { timestamp: Date.now() - 90_000 })
    await queue.add('lookup', { connectionId: '2' }, { delay: 100_000 })
    await queue.add('lookup', { connectionId: '3' }, { priority: 1 })
    const { pid } = await startWorker({ ...world.env, CONCURRENCY: '0', INTERACTIVE_CONCURRENCY: '7' })
    const { stdout } = await run(['status'], world.env)
    expect(stdout).toMatch(/^queue +waiting +delayed +active +finished +dead +oldest$/m)
    expect(stdout).toMatch(/^chat-lookups +2 +1 +0 +0 +0 +2 min$/m)
    expect(stdout).toMatch(new RegExp(` ${pid} .* 0/7 .* works$`, 'm'))
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
    expect(stdout).toContain('backlog 3, 0 results/s: not draining')
    const status = JSON.parse((await run(['status', '--json'], world.env)).stdout) as Status
    expect(status).toMatchObject({ backlog: 3, drainSeconds: null, members: [{ pid, concurrency: 7 }] })
    const [lookups] = status.queues
    expect(lookups).toMatchObject({ queue: 'chat-lookups', jobs: { waiting: 1, delayed: 1, prioritized: 1 } })
    expect(lookups?.oldestAgeMs).toBeGreaterThanOrEqual(90_000)
  })

  it('counts how old the oldest is from when it was due, of whatever priority, on a paused queue, too', async () => {
    const queue = world.queue(NAMES.lookupQueue)
    await queue.add('lookup', { connectionId: '1' }, { timestamp: Date.now() - 7_200_000, priority: 10 })
    for (const priority of [1, 2]) await queue.add('lookup', { connectionId: '2' }, { priority })
    const age = async () => {
      const { queues } = JSON.parse((await run(['status', '--json'], world.env)).stdout) as Status
      return queues[0]?.oldestAgeMs ?? 0
    }
    expect(await age()).toBeGreaterThan(7_199_000)
    const job = await queue.add('lookup', { connectionId: '3' }, { timestamp: Date.now() - 9e6, delay: 8.9e6 })
    await job.promote()
    expect(await age()).toBeLessThan(8e6)
    await job.remove()
    await queue.add('lookup', { connectionId: '4' }, { timestamp: Date.now() - 1e7 })
    await world.redis.rename(`bull:${NAMES.lookupQueue}:wait`, `bull:${NAMES.lookupQueue}:paused`)
    await queue.pause()
    expect(await age()).toBeGreaterThan(9.9e6)
    const { stdout } = await run(['status'], world.env)
    expect(stdout).toContain('chat-lookups is paused: no worker takes anything from it')
    expect(stdout).toContain(
      "by hand: chat-lookups is paused, nobody knows by whom or since when; BullMQ's Queue#resume",
    )
    expect(stdout).toContain('backlog 4,')
  })

  it('names what BullMQ itself was told to hold back', async () => {
    const queue = world.queue(NAMES.lookupQueue)
    await queue.setGlobalRateLimit(1, 600_000)
    await queue.setGlobalConcurrency(2)
    const { stdout } = await run(['status'], world.env)
    expect(stdout).toContain(
      "chat-lookups has a limit of BullMQ's own: 1 job in 10 min. Do: Queue#removeGlobalRateLimit",
    )
    expect(stdout).toContain("chat-lookups has a limit of BullMQ's own: 2 jobs at one time.")
    await queue.removeGlobalRateLimit()
    await queue.removeGlobalConcurrency()
    expect((await run(['status'], world.env)).stdout).not.toContain("BullMQ's own")
  })

  it('names queues that nobody reads, as where a producer misspelt ours', async () => {
    await world.queue('chat-lookup').addBulk([1, 2].map(() => ({ name: 'lookup', data: { connectionId: '1' } })))
    expect((await run(['status'], world.env)).stdout).toContain(
      'chat-lookup is a queue that nobody here reads: 2 jobs wait there',
    )
    await world.queue('chat-lookup').obliterate()
    expect((await run(['status'], world.env)).stdout).not.toContain('nobody here reads')
  })

  it('says first that Redis is full, and claims nothing of what it cannot know', async () => {
    await startWorker(world.env)
    await world.queue(NAMES.lookupQueue).add('lookup', { connectionId: '1' }, { delay: 1e6 })
    await world.redis.config('SET', 'maxmemory', '1mb')
    try {
      const { code, stdout } = await run(['status'], world.env)
      expect(code).toBe(0)
      const lines = stdout.split('\n')
      expect(lines[0]).toMatch(
        /^Redis at 127\.0\.0\.1:\d+ takes no writes: its memory is full \(.* of 1 MiB\)\. Do: raise/,
      )
      expect(stdout).toContain('workers: not known while Redis takes no writes')
      expect(lines.filter((line) => line.startsWith('backlog'))).toEqual([
        'backlog 1, 0 results/s: Redis is full: not moving',
      ])
    } finally {
      await world.redis.config('SET', 'maxmemory', '0')
    }
  })

  it('of a held fleet says that nothing moves, and how much of the quota is spent', async () => {
    await startWorker({ ...world.env, QUOTA_CALLS: '2', QUOTA_PERIOD: '1h' })
    const queue = world.queue(NAMES.lookupQueue)
    await queue.addBulk(['1', '2', '3'].map((connectionId) => ({ name: 'lookup', data: { connectionId } })))
    await until('it is held', async () => (await run(['status'], world.env)).stdout.includes('held: not'))
    const { stdout } = await run(['status'], world.env)
    // A lookup that had its permit when the hold began, and had not called, gave it back.
    expect(stdout).toMatch(/^quota 2 calls in 60 min, [12] spent$/m)
    expect(stdout).toMatch(/^backlog [123], .*: held: not moving$/m)
    const status = JSON.parse((await run(['status', '--json'], world.env)).stdout)
    expect(status).toMatchObject({
      drainSeconds: null,
      quota: { calls: 2, periodMs: 3_600_000, spent: expect.any(Number) },
      limits: { rate: { values: [50], setByHand: false } },
      holds: [{ reason: 'quota' }],
    })
    expect((await run(['limit'], world.env)).stdout).toMatch(/│ quota +│ 2 calls in 60 min, [12] spent +│/)
  })

  it('of a worker that died says whose lookups will be taken up, and when', async () => {
    const { pid } = await startWorker({ ...world.env, CONCURRENCY: '3' })
    world.standIn.set({ faultRate: 1, faults: ['hang'] })
    const queue = world.queue(NAMES.lookupQueue)
    await queue.addBulk(['1', '2', '3'].map((connectionId) => ({ name: 'lookup', data: { connectionId } })))
    await until('it has said that it is busy', async () => {
      const [member] = await new Fleet(world.redis, NAMES).members()
      return member?.inProgress === 3
    })
    process.kill(pid, 'SIGKILL')
    let stdout = ''
    await until('it is missed', async () => {
      stdout = (await run(['status'], world.env)).stdout
      return stdout.includes('belong to worker')
    })
    expect(stdout).toMatch(
      new RegExp(
        `^3 lookups belong to worker .* pid ${pid}, last seen \\d\\d\\.\\d s ago; other workers take them up within \\d+\\.\\d s$`,
        'm',
      ),
    )
    expect(stdout).toContain('no worker is running. Do: start one')
    world.standIn.set({ faultRate: 0 })
  })

  it('says in what the workers differ, but for a limit that was set by hand for all', async () => {
    const env = { ...world.env, RATE_LIMIT_PER_SECOND: '40', MAX_CALLS_IN_FLIGHT: '9' }
    await Promise.all([startWorker({ ...env, RATE_LIMIT_PER_SECOND: '20' }), startWorker(env)])
    const differences = async () => (await run(['status'], world.env)).stdout.match(/^workers differ.*$/gm)
    expect(await differences()).toEqual(['workers differ: rate 20 calls/s and 40 calls/s'])
    await run(['limit', '--rate', '30'], world.env)
    expect(await differences()).toBeNull()
    const fleet = new Fleet(world.redis, NAMES)
    const [one] = await fleet.members()
    await fleet.beat({ ...(one as Member), id: 'of-another-version', version: '99.0.0' })
    expect(await differences()).toEqual([`workers differ: version ${one?.version} and 99.0.0`])
  })

  it('--watch shows it again and again, what is new included, until Ctrl-C, exit 0', async () => {
    const { says, child, ended, stdout } = start(['status', '--watch', '--json'], world.env)
    await says(/"backlog":0/)
    await world.queue(NAMES.lookupQueue).add('lookup', { connectionId: '1' })
    await says(/"backlog":1/)
    child.kill('SIGINT')
    expect(await ended).toEqual({ code: 0, signal: null })
    expect(parseLines(stdout()).length).toBeGreaterThanOrEqual(2)
  })

  it('--watch ends without a complaint when its reader goes away', async () => {
    const { child, ended, says, stderr } = start(['status', '--watch', '--json'], world.env)
    await says(/"backlog"/)
    child.stdout?.destroy()
    expect(await ended).toEqual({ code: 0, signal: null })
    expect(stderr()).toBe('')
  })
})

describe('stand-in', () => {
  it('serves the service where it says, until Ctrl-C', async () => {
    const { says, child, ended } = start(['stand-in', '--port', '0'])
    const [, url] = await says(/^stand-in: (http:\/\/127\.0\.0\.1:\d+\/.*\.asmx)$/m)
    expect(await (await fetch(`${url}?WSDL`)).text()).toContain('wsdl:definitions')
    child.kill('SIGINT')
    expect(await ended).toEqual({ code: 0, signal: null })
  })

  it('gives the answers of its file', async () => {
    const file = join(folder, 'answers.json')
    writeFileSync(file, JSON.stringify([{ id: '42', result: null }]))
    const { says } = start(['stand-in', '--port', '0', '--answers', file])
    const [, url = ''] = await says(/^stand-in: (.*)$/m)
    const env = { ...world.env, ...SOAP_SECRETS, SOAP_ENDPOINT: url }
    expect((await run(['lookup', '42'], env)).code).toBe(3)
    expect((await run(['lookup', '43'], env)).code).toBe(0)
  })

  it.each([
    ['[{"id":"1","result":null},{"id":"2"}]', /entry 1 \(id "2"\): expected either result or fault/],
    ['{"id":"1"}', /expected a JSON array of entries/],
    ['[{"id":"1"', /expected JSON/],
    [
      '[{"id":"1","result":{"ChatRequest":{"IdRequest":"x"}}}]',
      /entry 0 \(id "1"\).*IdRequest: expected a 32-bit integer/,
    ],
  ])('with an answers file that is wrong (%s) says where, exit 2', async (text, says) => {
    const file = join(folder, 'wrong.json')
    writeFileSync(file, text)
    const { code, stderr } = await run(['stand-in', '--port', '0', '--answers', file])
    expect(code).toBe(2)
    expect(stderr).toContain(`error: --answers ${file}: `)
    expect(stderr).toMatch(says)
  })

  it('with an answers file that is not there says so, exit 2', async () => {
    const { code, stderr } = await run(['stand-in', '--port', '0', '--answers', '/no/such/file'])
    expect(code).toBe(2)
    expect(stderr).toContain('ENOENT')
  })

  it('on a port that is taken says so, exit 1', async () => {
    const port = String(world.standIn.port)
    const { code, stderr } = await run(['stand-in', '--port', port])
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `error: --port: expected a free port (0: any), got ${port}, which is in use\n`,
    })
  })

  it('takes its faults as told', async () => {
    const { says } = start(['stand-in', '--port', '0', '--fault-rate', '1', '--fault', 'server-fault'])
    const [, url = ''] = await says(/^stand-in: (.*)$/m)
    const { code, stdout } = await run(['lookup', '1'], { ...world.env, ...SOAP_SECRETS, SOAP_ENDPOINT: url })
    expect({ code, failure: JSON.parse(stdout).failure.code }).toEqual({ code: 1, failure: 'soap-fault' })
  })
})

describe('a worker that cannot start', () => {
  it('because its port is taken says so and ends, exit 1', async () => {
    const env = { ...world.env, ...SOAP_SECRETS, METRICS_HOST: '127.0.0.1', METRICS_PORT: String(world.standIn.port) }
    const { code, stderr } = await runProcess(['worker'], env)
    expect(code).toBe(1)
    expect(stderr).toContain(`METRICS_PORT: expected a free port (0: any), got ${world.standIn.port}, which is in use`)
  })

  it('because Redis may throw lookups away says so and ends, exit 78', async () => {
    await world.redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
    try {
      const env = { ...world.env, ...SOAP_SECRETS, METRICS_HOST: '127.0.0.1', METRICS_PORT: '0' }
      const { code, stderr } = await runProcess(['worker'], env)
      expect(code).toBe(78)
      expect(stderr).toContain('expected maxmemory-policy noeviction')
    } finally {
      await world.redis.config('SET', 'maxmemory-policy', 'noeviction')
    }
  })
})
