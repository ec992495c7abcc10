import { afterEach, beforeEach, describe, it } from 'vitest'
import { type GroupFleet, meetsCommands, startGroupFleet, whileLookupsFlow } from './group-fleet.ts'
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
  it('go on when the master that has the queues is killed: each lookup gets one result, and none is charged', async () => {
    await whileLookupsFlow(group, fleet, async () => loseMachineOf(await group.master(), 'SIGKILL'))
    await meetsCommands(fleet)
  })

  it.skipIf(isShort)('go on with the replica that took over from a living master', async () => {
    await whileLookupsFlow(group, fleet, () => group.failover())
  })
})
