import { afterEach, describe, expect, it } from 'vitest'
import type { History } from '../../src/fleet/history.ts'
import { historyKey, kindsKey } from '../../src/redis/names.ts'
import { startWorker } from '../support/processes.ts'
import { useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'
import { startApi, stopAll } from './api.ts'

const world = useWorld()
afterEach(stopAll)

const slicesOf = async () => world.redis.keys(historyKey(NAMES, 0).replace(/0$/, '*'))

describe('the last hour', () => {
  it('is what all workers counted, also those that have stopped, and keeps bounded space', async () => {
    world.standIn.set({ rules: [{ id: '^9', faults: ['503'] }] })
    const workers = [await startWorker(world.env), await startWorker(world.env)]
    const ids = Array.from({ length: 40 }, (_, id) => `${id < 5 ? 9 : 1}00${id}`)
    const lookups = ids.map((connectionId) => ({ name: 'lookup', data: { connectionId } }))
    await world.queue(NAMES.lookupQueue).addBulk(lookups)
    await until(
      '35 have their result',
      async () => (await world.queue(NAMES.resultQueue).getJobCounts('waiting')).waiting === 35,
    )
    await Promise.all(workers.map((worker) => worker.kill('SIGTERM')))
    const api = await startApi({ REDIS_URL: world.redisUrl })
    const { slices, kinds, boundsMs } = (await api.ask('GET', '/v1/history')).body as History
    const sum = (of: (slice: History['slices'][number]) => number) => slices.reduce((all, one) => all + of(one), 0)
    expect(sum(({ results }) => results.enriched ?? 0)).toBe(35)
    expect(sum(({ calls }) => calls.answer ?? 0)).toBe(35)
    expect(sum(({ calls }) => calls.http_error ?? 0)).toBeGreaterThanOrEqual(5)
    expect(sum(({ endToEnd }) => endToEnd.reduce((all, count) => all + count))).toBe(35)
    expect(slices[0]?.endToEnd).toHaveLength(boundsMs.length + 1)
    expect(slices.at(-1)?.queues).toMatchObject({ added: 40, backlog: 5 })
    expect(kinds).toMatchObject([{ kind: 'http:503' }])
    for (const key of [...(await slicesOf()), kindsKey(NAMES)]) {
      expect(await world.redis.pttl(key)).toBeGreaterThan(3_600_000)
      expect(await world.redis.memory('USAGE', key)).toBeLessThan(1_500)
    }
  })

  it('is nothing where no worker ran', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl })
    expect((await api.ask('GET', '/v1/history')).body).toMatchObject({ slices: [], kinds: [], holds: [] })
  })
})
