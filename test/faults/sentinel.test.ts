import { afterEach, beforeEach, describe, it } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { patientConnection } from '../../src/redis/connections.ts'
import { type GroupFleet, meetsCommands, startGroupFleet, whileLookupsFlow } from './group-fleet.ts'
import { cancelIsInterrupted, redriveIsInterrupted } from './interrupted-actions.ts'
import { loseMachineOf, type RedisGroup, startSentinelGroup } from './redis-groups.ts'
import { isShort, until } from './rig.ts'

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

describe('workers whose Redis is known to sentinels', () => {
  // Fails without: src/redis/connections.ts: the sentinelRetryStrategy
  it('go on with the replica when the master is killed: each lookup gets one result, and none is charged', async () => {
    await whileLookupsFlow(group, fleet, async () => loseMachineOf(await group.master(), 'SIGKILL'))
    await meetsCommands(fleet)
  })

  // Fails without: src/redis/connections.ts: reopened()
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

  // Fails without: src/redis/connections.ts: failoverDetector
  it.skipIf(isShort)('leave a master whose machine is gone, though no connection to it was ever closed', async () => {
    await whileLookupsFlow(group, fleet, async () => loseMachineOf(await group.master(), 'SIGSTOP'))
  })
})

describe('actions whose Redis is known to sentinels', () => {
  const scene = () => ({ ...fleet, lose: async () => loseMachineOf(await group.master(), 'SIGKILL') })

  it('cancel: when the master is killed it says so, and run again it cancels the rest', async () => {
    await cancelIsInterrupted(scene())
  })

  it.skipIf(isShort)('redrive: the same', async () => {
    await redriveIsInterrupted(scene())
  })
})
