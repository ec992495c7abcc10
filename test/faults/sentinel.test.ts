import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/config.ts'
import { patientConnection } from '../../src/queues/connections.ts'
import { type GroupFleet, meetsCommands, startGroupFleet } from './group-fleet.ts'
import { loseMachineOf, type RedisGroup, startSentinelGroup } from './redis-groups.ts'
import { isReady, isShort, until } from './rig.ts'
import { troubleLogged } from './trouble.ts'

let group: RedisGroup
let fleet: GroupFleet
beforeEach(async () => {
  group = await startSentinelGroup()
  fleet = await startGroupFleet(group)
})
afterEach(async () => {
  await fleet.close()
  await group.close()
})

/** While lookups flow and more are added; afterwards each has its one result. */
async function whileLookupsFlow(fault: () => Promise<void>): Promise<void> {
  const startedAt = performance.now()
  const before = (await group.master()).port
  await fleet.enqueue(400)
  await until('lookups flow', () => fleet.service.calls.length > 40)
  await fault()
  await fleet.enqueue(100)
  const audit = await fleet.auditor.complete(120_000)
  expect(audit).toMatchObject({ accepted: 500, results: 500, lost: [], duplicates: [], notEnriched: [] })
  expect((await group.master()).port).not.toBe(before)
  expect(await fleet.charged()).toBe(0)
  const periods = Math.ceil((performance.now() - startedAt) / 10_000)
  for (const [kind, lines] of troubleLogged(fleet.workers)) expect(lines, kind).toBeLessThanOrEqual(periods)
  await until('every worker is ready again', async () => (await Promise.all(fleet.workers.map(isReady))).every(Boolean))
  expect(fleet.workers.map(({ child }) => child.exitCode)).toEqual([null, null])
}

describe('workers whose Redis is known to sentinels', () => {
  it('go on with the replica when the master is killed: each lookup gets one result, and none is charged', async () => {
    await whileLookupsFlow(async () => loseMachineOf(await group.master(), 'SIGKILL'))
    await meetsCommands(fleet)
  })

  // Fails without: src/queues/connections.ts: reopened()
  it('connect again where the sentinels told of a new master in the moment in which they were connecting', async () => {
    const redis = patientConnection(loadConfig(group.env).config, 'test').on('error', () => {})
    for (const each of [redis, redis.duplicate().on('error', () => {})]) {
      await each.ping()
      each.once('connecting', () => each.disconnect(true)) // as ioredis does then
      each.disconnect(true)
      await until('it has begun', () => each.status !== 'ready')
      await until('it answers', () => each.ping().then(Boolean, () => false))
      each.disconnect()
      await until('it is closed', () => each.status === 'end')
    }
  })

  // Fails without: src/queues/connections.ts: failoverDetector
  it.skipIf(isShort)('leave a master whose machine is gone, though no connection to it was ever closed', async () => {
    await whileLookupsFlow(async () => loseMachineOf(await group.master(), 'SIGSTOP'))
  })
})
