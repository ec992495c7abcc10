import { afterEach, describe, expect, it } from 'vitest'
import { run } from '../support/processes.ts'
import { isReady, type Rig, startRig, until } from './rig.ts'

let rig: Rig
afterEach(() => rig.close())

const setPolicy = (policy: string) => rig.redis.config('SET', 'maxmemory-policy', policy)

describe('a Redis that may throw lookups away', () => {
  // Fails without: src/redis/preflight.ts: the policy in the preflight (the worker runs)
  it('is refused at the start', async () => {
    rig = await startRig({ workers: 0 })
    await setPolicy('allkeys-lru')
    const { code, stderr } = await run(['worker'], rig.env)
    expect(code).toBe(78)
    expect(stderr).toContain('REDIS_URL: expected maxmemory-policy noeviction')
  })

  // Fails without: src/app/health.ts: the reason of the memory policy
  it('makes workers that run not ready, with the reason, an alarm and a line, until it is set right', async () => {
    rig = await startRig({ workers: 1 })
    const [worker] = rig.workers
    const readiness = async () => (await fetch(`${worker?.url}/readyz`)).text()
    const lines = () => rig.log().filter(({ msg }) => String(msg).includes('maxmemory-policy'))
    const isFine = async () => (await rig.metric('redis_eviction_policy_ok')) === 1
    await until('the gauge is 1', isFine)
    await setPolicy('allkeys-lru')
    await until('it is not ready', async () => (await readiness()).includes('maxmemory-policy of Redis is allkeys-lru'))
    const saysIt = async () =>
      (await (await fetch(`${worker?.url}/metrics`)).text()).includes('redis_eviction_policy_ok 0\n')
    await until('the gauge is 0', saysIt)
    await until('Redis is up all the same', async () => (await rig.metric('redis_up')) === 1)
    await setPolicy('noeviction')
    await until('it is ready again', () => isReady(worker as NonNullable<typeof worker>))
    await until('the gauge is 1 again', isFine)
    expect(lines()).toMatchObject([{ policy: 'allkeys-lru' }, { policy: 'noeviction' }])
    await rig.enqueue(5)
    expect(await rig.auditor.complete()).toMatchObject({ results: 5, notEnriched: [] })
  })
})
