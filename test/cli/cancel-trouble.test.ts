/** Cancelling while Redis refuses, and by two at once: nothing half done, and each lookup has one result. */

import { expect, it } from 'vitest'
import { run } from '../support/in-process.ts'
import { useConsumer, useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'

const world = useWorld()
const consumer = useConsumer(world)
const lookups = () => world.queue(NAMES.lookupQueue)

async function addMany(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `lk-${index}`)
  await lookups().addBulk(
    ids.map((jobId) => ({ name: 'lookup', data: { connectionId: jobId, producer: 'import' }, opts: { jobId } })),
  )
  return ids
}

async function haveOneResultEach(ids: string[]): Promise<void> {
  const results = await consumer.have(ids.length, 30_000)
  expect(results.map(({ lookupId }) => lookupId).sort()).toEqual(ids.toSorted())
  expect(await lookups().getFailedCount()).toBe(ids.length)
}

it('says that Redis is full in the middle of it, and run again does the rest', async () => {
  const ids = await addMany(300)
  const command = ['cancel', '--producer', 'import', '--yes']
  const first = run([...command, '--rate', '100'], world.env)
  await until('it has cancelled some', async () => (await lookups().getFailedCount()) > 0)
  await world.redis.config('SET', 'maxmemory', '1')
  try {
    const { code, stderr } = await first
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: Redis at 127\.0\.0\.1:\d+: OOM: its memory is full/m)
  } finally {
    await world.redis.config('SET', 'maxmemory', '0')
  }
  expect(await lookups().getFailedCount()).toBeLessThan(ids.length)
  expect((await run([...command, '--rate', '2000'], world.env)).code).toBe(0)
  await haveOneResultEach(ids)
})

it('by two operators at once gives each lookup one result, and tells the one who came too late', async () => {
  const ids = await addMany(60)
  const both = [ids, ids.toReversed()].map((order) => run(['cancel', ...order, '--json', '--rate', '200'], world.env))
  const ends = (await Promise.all(both)).map(({ stdout }) => JSON.parse(stdout))
  const [one, other] = ends.map(({ cancelled, refused }) => [cancelled, refused.length])
  expect(one?.[0] + other?.[0]).toBe(ids.length)
  expect([one?.[1], other?.[1]]).toEqual([other?.[0], one?.[0]])
  for (const { refused } of ends) for (const { why } of refused) expect(why).toBe('ended')
  await haveOneResultEach(ids)
})
