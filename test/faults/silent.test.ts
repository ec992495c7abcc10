import { afterEach, describe, expect, it } from 'vitest'
import { allAreReady, endure, expectFewLines, expectNothingLost, noneIsReady, statusOf } from './redis-outage.ts'
import { isShort, type Rig, startRig, until } from './rig.ts'

let rig: Rig
afterEach(() => rig.close())

describe('a way to Redis', () => {
  // Fails with: src/redis/connections.ts: a commandTimeout of 500 ms in patientConnection
  it('that is slow makes lookups slow, and costs nothing else', async () => {
    rig = await startRig({ workers: 2 })
    for (const { proxy } of rig.workers) proxy.delayMs = 300
    await rig.enqueue(60)
    await expectNothingLost(rig)
    expect(rig.service.calls).toHaveLength(60)
    expect(await rig.metric('lookups_recovered_total')).toBe(0)
    for (const { proxy } of rig.workers) proxy.delayMs = 0
    await until('all are ready', () => allAreReady(rig))
    expectFewLines(rig)
  })

  // The other end is gone without a word, as a machine that lost its power: no connection is ever closed.
  // Fails without: src/redis/connections.ts: SILENT_MS
  it.skipIf(isShort)('whose connections are dead is noticed, told, and lookups flow again on new ones', async () => {
    rig = await startRig({ workers: 2, latencyMs: 2000 })
    await rig.enqueue(500)
    await until('calls are in flight', () => rig.service.inFlight >= 20, 120_000)
    rig.workers[0]?.proxy.lose('to-client')
    rig.workers[1]?.proxy.lose('to-server')
    await until('no worker is ready', () => noneIsReady(rig))
    const before = rig.auditor.results.length
    await until('lookups flow again', () => rig.auditor.results.length > before + 100, 60_000)
    await expectNothingLost(rig)
    await until('all are ready', () => allAreReady(rig))
    expectFewLines(rig)
  })

  // Fails without: the same.
  it.skipIf(isShort)('on which answers are lost for a minute is used again when they are not', async () => {
    rig = await startRig({ workers: 2, latencyMs: 2000 })
    await rig.enqueue(500)
    await until('calls are in flight', () => rig.service.inFlight >= 20, 120_000)
    for (const { proxy } of rig.workers) proxy.losing = 'to-client'
    await until('no worker is ready', () => noneIsReady(rig))
    await endure(rig, 60_000)
    for (const { proxy } of rig.workers) proxy.losing = null
    await expectNothingLost(rig)
    await until('all are ready', () => allAreReady(rig))
    expectFewLines(rig)
  })
})

describe('a worker that can take no lookups though Redis is well', () => {
  // Fails without: src/app/health.ts: isStuck of liveness()
  it.skipIf(isShort)('is not live, so that it is started anew', async () => {
    rig = await startRig({ workers: 1 })
    const [worker] = rig.workers
    if (!worker) throw new Error('no worker')
    // Whoever asks for a lookup gets no answer, on whatever connection; those that only ask whether Redis lives do.
    worker.proxy.watch = (text, direction, link) => {
      if (direction === 'to-server' && text.includes(':limiter')) link.lose('to-client')
    }
    expect(await statusOf(worker, '/livez')).toBe(200)
    await until('it is not live', async () => (await statusOf(worker, '/livez')) === 503, 150_000)
    worker.proxy.watch = null
    worker.proxy.cut()
    await rig.enqueue(1)
    await rig.auditor.complete()
    await until('it is live again', async () => (await statusOf(worker, '/livez')) === 200, 60_000)
  })
})
