/** For commands that speak to the gate of a fleet. */

import type { Command } from 'commander'
import { FleetControl } from '../fleet-control.ts'
import type { Redis } from '../queues/redis.ts'
import { configOf } from './options.ts'
import { withRedis } from './redis.ts'
import { UsageError } from './usage-error.ts'

/** `soap` for SOAP_ENDPOINT, which says whose gate; nothing else of it is needed. */
export const GATE_GROUPS = ['redis', 'queues', 'endpoint'] as const

/** Runs `work` with the control of the fleet that is meant. */
export async function withFleet(
  command: Command,
  name: string,
  work: (fleet: FleetControl, redis: Redis) => Promise<void>,
): Promise<void> {
  const { config } = configOf(command, GATE_GROUPS, ['redis', 'queues'])
  await withRedis(config, name, async (redis) => {
    const fleet = await FleetControl.of(redis, config, config.soapEndpoint)
    if (typeof fleet === 'string') throw new UsageError(fleet)
    await work(fleet, redis)
  })
}
