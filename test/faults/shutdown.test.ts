import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { stallsOf } from './locks.ts'
import { expectNothingLost } from './redis-outage.ts'
import { isShort, type Rig, type RigWorker, startRig, until } from './rig.ts'

let rig: Rig
afterEach(() => rig.close())

const SHUTDOWN_TIMEOUT_MS = 1000

const isActive = async (count: number) => (await rig.queue().getActiveCount()) === count
function theOne(): RigWorker {
  const [worker] = rig.workers
  if (!worker) throw new Error('no worker')
  return worker
}

/** Of lookups that nobody runs any more: as if the 40 s until they are taken up were over. */
async function endLocks(ids: string[]): Promise<void> {
  await rig.redis.del(ids.map((id) => `bull:chat-lookups:${id}:lock`))
}

/** No lookup was taken from a worker that had not said it was stopping. */
async function expectNoStall(ids: string[]): Promise<void> {
  expect(rig.log().filter(({ msg }) => String(msg).includes('taken back from a worker'))).toEqual([])
  for (const id of ids) expect(await stallsOf(rig, id)).toBe(0)
}

describe('SIGTERM', () => {
  // Fails without: src/worker/lookup-worker.ts: the grace of stop() (50 answers are thrown away)
  it('with 50 calls of 2 s in flight ends within 3 s of the last answer; what waits goes back at once', async () => {
    rig = await startRig({ workers: 1, latencyMs: 2000, env: { CONCURRENCY: '60', MAX_CALLS_IN_FLIGHT: '50' } })
    const worker = theOne()
    const ids = await rig.enqueue(500)
    await until('50 calls are in flight', () => rig.service.inFlight === 50, 120_000)
    const ending = worker.kill('SIGTERM')
    expect(await ending).toMatchObject({ code: 0, signal: null })
    const lastAnswerAt = Math.max(...rig.service.calls.map(({ at }) => at)) + 2000
    const endedAfter = performance.now() - lastAnswerAt
    console.log(`ended ${Math.round(endedAfter)} ms after the last answer`)
    expect(endedAfter).toBeLessThan(3000)
    expect(await rig.queue().getActiveCount()).toBe(0)
    rig.service.latencyMs = 20
    await rig.startWorker()
    await expectNothingLost(rig)
    expect(rig.service.calls).toHaveLength(500) // none was thrown away
    await expectNoStall(ids)
  })

  // Fails without: src/worker/lookup-worker.ts: what stop() hands back that has not called
  it('counts the lookups that it hands back', async () => {
    rig = await startRig({ workers: 1, latencyMs: 8000, env: { MAX_CALLS_IN_FLIGHT: '1' } })
    const worker = theOne()
    await rig.enqueue(10)
    await until('nine wait for their turn', async () => rig.service.inFlight === 1 && (await isActive(10)))
    const ending = worker.kill('SIGTERM')
    await until('nine have gone back', async () => (await rig.metric('lookups_handed_back_total')) === 9)
    expect(await ending).toMatchObject({ code: 0, signal: null })
    rig.service.latencyMs = 20
    await rig.startWorker()
    await expectNothingLost(rig)
    expect(rig.service.calls).toHaveLength(10)
  })

  // Fails without: src/worker/lookup-taker.ts: moveToWait of putBack() (lookups stall)
  it('at any moment, under load, costs nothing', async () => {
    const workers = isShort ? 2 : 4
    const rounds = isShort ? 5 : 25
    const env = { SHUTDOWN_TIMEOUT_MS: '5000', LOG_LEVEL: 'debug', RATE_LIMIT_PER_SECOND: '150' }
    rig = await startRig({ workers, latencyMs: 200, env })
    const ids: string[] = []
    for (let round = 0; round < rounds; round++) {
      ids.push(...(await rig.enqueue(150)))
      await Promise.all(
        rig.workers.map(async (worker, place) => {
          await sleep(Math.random() * 500)
          expect(await worker.kill('SIGTERM')).toMatchObject({ code: 0, signal: null })
          await rig.startWorker({}, place)
        }),
      )
    }
    await expectNothingLost(rig, 200_000)
    await expectNoStall(ids)
    const handedBack = rig.log().filter(({ msg }) => msg === 'lookup handed back').length
    expect(handedBack).toBeGreaterThan(0)
    console.log(
      `${workers * rounds} stops: ${ids.length} lookups, ${handedBack} handed back, ${rig.service.calls.length} calls`,
    )
  }, 600_000)

  // Fails without: src/worker/lookup-taker.ts: jobLockMs (ten times as long)
  it.skipIf(isShort)('and SIGKILL before it has stopped leaves the lookups to the others', async () => {
    rig = await startRig({ workers: 1, latencyMs: 8000 })
    const worker = theOne()
    await rig.enqueue(20)
    await until('all are in flight', () => rig.service.inFlight === 20)
    worker.child.kill('SIGTERM')
    await until('it says that it stops', () => worker.log().includes('stopping: SIGTERM'))
    await worker.kill('SIGKILL')
    rig.service.latencyMs = 20
    await rig.startWorker()
    await expectNothingLost(rig, 60_000)
  })
})

describe('SIGTERM while Redis is gone', () => {
  // Fails without: src/app/worker-app.ts: what #stop waits for the workers at most (it ends after a minute)
  it('ends a worker within SHUTDOWN_TIMEOUT_MS and a second, and nothing is lost', async () => {
    const env = { SHUTDOWN_TIMEOUT_MS: String(SHUTDOWN_TIMEOUT_MS) }
    rig = await startRig({ workers: 1, latencyMs: 8000, env })
    const worker = theOne()
    const ids = await rig.enqueue(10)
    await until('all are in flight', () => rig.service.inFlight === 10)
    await rig.redisServer.kill()
    const ended = await worker.kill('SIGTERM')
    expect(ended.signal).toBeNull()
    expect(ended.ms).toBeLessThan(SHUTDOWN_TIMEOUT_MS + 1000)
    await rig.redisServer.start()
    await endLocks(ids)
    rig.service.latencyMs = 20
    await rig.startWorker()
    await expectNothingLost(rig)
  })
})
