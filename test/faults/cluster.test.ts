import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { run } from '../support/processes.ts'
import { type GroupFleet, meetsCommands, startGroupFleet, whileLookupsFlow } from './group-fleet.ts'
import { cancelIsInterrupted, redriveIsInterrupted } from './interrupted-actions.ts'
import { type ClusterGroup, loseMachineOf, startClusterGroup } from './redis-groups.ts'
import { isShort } from './rig.ts'

let group: ClusterGroup
let fleet: GroupFleet
beforeEach(async () => {
  group = await startClusterGroup()
  fleet = await startGroupFleet(group)
})
afterEach(async () => {
  await fleet.close()
  await group.close()
})

describe('workers on a Cluster', () => {
  // Fails without: src/redis/connections.ts: the maxRedirections of patientConnection
  it('go on when the master that has the queues is killed: each lookup gets one result, and none is charged', async () => {
    await whileLookupsFlow(group, fleet, async () => loseMachineOf(await group.master(), 'SIGKILL'))
    await meetsCommands(fleet)
  })

  // Fails without: src/redis/scan.ts: SCAN as a script (any node is asked)
  it('and whoever searches its keys asks the node that has them: a lookup in no list is found, one is forgotten', async () => {
    const key = (id: string) => `${group.prefix}:chat-lookups:${id}`
    const { redis } = await group.master()
    const lost = { name: 'lookup', data: '{"connectionId":"lost"}', opts: '{}', timestamp: String(Date.now()) }
    await redis.hset(key('in-no-list'), lost)
    fleet.auditor.accepted.add('in-no-list')
    expect(await fleet.auditor.complete(60_000)).toMatchObject({ results: 1, lost: [] })
    const { code, stdout } = await run(['forget', 'lost', '--json'], fleet.env)
    expect({ code, ...JSON.parse(stdout).removed }).toMatchObject({ code: 0, lookups: 1, markers: 1 })
    expect(await redis.exists(key('in-no-list'))).toBe(0)
  })

  it.skipIf(isShort)('go on with the replica that took over from a living master', async () => {
    await whileLookupsFlow(group, fleet, () => group.failover())
  })
})

describe('actions on a Cluster', () => {
  const scene = () => ({
    ...fleet,
    lose: async () => loseMachineOf(await group.master(), 'SIGKILL'),
    mayGoOn: true as const,
  })

  it('cancel: when the master is killed it goes on, or says so, and run again it cancels the rest', async () => {
    await cancelIsInterrupted(scene())
  })

  it.skipIf(isShort)('redrive: the same', async () => {
    await redriveIsInterrupted(scene())
  })
})
