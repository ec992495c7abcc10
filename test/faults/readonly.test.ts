import { afterEach, describe, expect, it } from 'vitest'
import { idle, isReady, type Rig, startRig, until } from './rig.ts'
import { triesASecond, troubleLogged } from './trouble.ts'

let rig: Rig
afterEach(() => rig.close())

describe('a Redis that was made a replica', () => {
  // Fails without: src/worker/lookup-worker.ts: #rest.take(); and src/redis/connections.ts: the second of onceASecond
  it('has the workers wait, not ready, and ask seldom; made a master again, each lookup gets its one result', async () => {
    rig = await startRig({ env: { CONCURRENCY: '8' } })
    await rig.enqueue(600)
    await until('lookups flow', () => rig.auditor.results.length > 50)
    await rig.redis.replicaof('127.0.0.1', '1')
    const ready = async () => (await Promise.all(rig.workers.map(isReady))).every(Boolean)
    await until('no worker is ready', async () => !(await Promise.all(rig.workers.map(isReady))).some(Boolean))
    const since = performance.now()
    const { connections, refusals } = await triesASecond(rig.redis)
    expect(connections / rig.workers.length).toBeLessThan(5)
    expect(refusals / rig.workers.length).toBeLessThan(50) // 12 lookups that wait to publish, each every 0.2 to 5 s
    await rig.redis.replicaof('NO', 'ONE')
    const audit = await rig.auditor.complete(90_000)
    expect(audit).toMatchObject({ accepted: 600, results: 600, lost: [], duplicates: [], notEnriched: [] })
    await idle(rig)
    expect(await rig.charged()).toBe(0)
    expect(await rig.metric('redis_errors_total', 'kind="readonly"')).toBeGreaterThan(0)
    const periods = Math.ceil((performance.now() - since) / 10_000) + 1
    for (const [kind, lines] of troubleLogged(rig.workers)) expect(lines, kind).toBeLessThanOrEqual(periods)
    await until('every worker is ready again', ready)
    expect(rig.workers.map(({ child }) => child.exitCode)).toEqual([null, null])
  })
})
