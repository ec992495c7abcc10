import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { run } from '../support/processes.ts'
import { expectNothingLost } from './redis-outage.ts'
import { type Rig, type RigWorker, startRig, until } from './rig.ts'

let rig: Rig
afterEach(() => rig.close())

function theOne(): RigWorker {
  const [worker] = rig.workers
  if (!worker) throw new Error('no worker')
  return worker
}

describe('results that nobody takes', () => {
  // Fails without: src/worker/backlog-hold.ts: isFull
  it('make the fleet hold well before Redis is full, and it goes on by itself when they are taken', async () => {
    const env = { RESULT_BACKLOG_LIMIT: '300', RATE_LIMIT_PER_SECOND: '200' }
    rig = await startRig({ workers: 2, redisArguments: ['--maxmemory', '64mb'], env })
    rig.auditor.paused = true
    await rig.enqueue(3000)
    await until('it holds', async () => (await rig.metric('hold_active', 'reason="results"')) === 2, 120_000)
    await until('no call is on the way', () => rig.service.inFlight === 0)
    const waiting = await rig.queue('chat-results').getWaitingCount()
    expect(waiting).toBeGreaterThanOrEqual(300)
    expect(waiting).toBeLessThan(2000) // 300, and what 200 a second add until everybody has heard
    const used = /used_memory:(\d+)/.exec(await rig.redis.info('memory'))?.[1]
    expect(Number(used)).toBeLessThan(32 * 1024 * 1024)
    rig.auditor.paused = false
    await expectNothingLost(rig)
    expect(rig.service.calls).toHaveLength(3000)
    await until('the hold is over', async () => (await rig.metric('hold_active', 'reason="results"')) === 0)
  })
})

describe('a consumer of BullMQ 5', () => {
  const key = (part: string) => `bull:chat-results:${part}`
  const unlisted = async () => {
    const { stdout } = await run(['status', '--json'], rig.env)
    const { queues } = JSON.parse(stdout) as { queues: { queue: string; unlisted: number }[] }
    return queues.find(({ queue }) => queue === 'chat-results')?.unlisted
  }

  // Fails without: src/upkeep/upkeep.ts: #adopt(resultQueue), src/fleet/status.ts: countUnlisted()
  it('that pauses and resumes the results loses none: what lies in no list is counted, and put back', async () => {
    rig = await startRig({ workers: 1 })
    const worker = theOne()
    rig.auditor.paused = true
    await rig.enqueue(3)
    await until('they wait', async () => (await rig.redis.llen(key('wait'))) === 3)
    // As its scripts pause: what is published meanwhile, BullMQ 6 puts into `wait` all the same.
    await rig.redis.multi().rename(key('wait'), key('paused')).hset(key('meta'), 'paused', '1').exec()
    await rig.enqueue(4)
    await until('they wait beside', async () => (await rig.redis.llen(key('wait'))) === 4)
    worker.child.kill('SIGSTOP') // so that nobody puts them back before they are counted
    await rig.redis.multi().rename(key('paused'), key('wait')).hdel(key('meta'), 'paused').exec()
    expect(await unlisted()).toBe(4)
    worker.child.kill('SIGCONT')
    await until('they are put back', async () => (await unlisted()) === 0, 120_000)
    rig.auditor.paused = false
    const audit = await rig.auditor.complete()
    expect(audit).toMatchObject({ accepted: 7, results: 7, lost: [], duplicates: [], notEnriched: [] })
  })
})

describe('a log', () => {
  /** Several times what a pipe holds. */
  const LOOKUPS = 2000
  const env = { LOG_LEVEL: 'debug' }

  // Fails without: src/cli/terminal/terminal.ts: hearStandardStreams() of stderr
  it('whose reader has gone stops nothing', async () => {
    rig = await startRig({ workers: 1, env })
    const worker = theOne()
    worker.child.stderr?.destroy()
    await rig.enqueue(LOOKUPS)
    await expectNothingLost(rig)
    expect(await worker.kill('SIGTERM')).toMatchObject({ code: 0, signal: null })
  })

  // Fails without: src/observe/logger.ts: Stderr (a log that is written at once stands still when the pipe is full)
  it('that nobody reads stops nothing, nor does it keep a worker from ending', async () => {
    rig = await startRig({ workers: 1, env })
    const worker = theOne()
    worker.child.stderr?.pause()
    await rig.enqueue(LOOKUPS)
    await expectNothingLost(rig)
    expect(await worker.kill('SIGTERM')).toMatchObject({ code: 0, signal: null })
  })
})

describe('metrics', () => {
  it('that are asked for and not read stop nothing', async () => {
    rig = await startRig({ workers: 1 })
    const { hostname, port } = new URL(theOne().url)
    const sockets: Socket[] = []
    for (let i = 0; i < 20; i++) {
      const socket = connect(Number(port), hostname).on('error', () => {})
      sockets.push(socket)
      await once(socket, 'connect')
      socket.pause()
      socket.write('GET /metrics HTTP/1.1\r\nHost: worker\r\n\r\n'.repeat(50))
    }
    await rig.enqueue(500)
    await expectNothingLost(rig)
    expect(await rig.metric('redis_up')).toBe(1)
    for (const socket of sockets) socket.destroy()
  })
})
