/** For commands that speak to the gate of a fleet. */

import type { Command } from 'commander'
import type { Hall } from '../../app/hall.ts'
import { withHall } from '../../app/with-hall.ts'
import type { FleetControl } from '../../fleet/fleet-control.ts'
import { UnknownService } from '../../fleet/known-services.ts'
import type { Io } from './io.ts'
import { configOf } from './options.ts'
import { UsageError } from './usage-error.ts'

/** `endpoint` for SOAP_ENDPOINT, which says whose gate; it may be left out. */
export const GATE_GROUPS = ['redis', 'queues', 'endpoint'] as const

/** For --help: the table of variables says that it is required, which it is for a worker. */
export const WHICH_FLEET =
  'SOAP_ENDPOINT says which service is meant; it may be left out where all workers have called one service.'

/** Runs `work` with the control of the fleet that is meant. */
export async function withFleet(
  command: Command,
  io: Io,
  name: string,
  work: (fleet: FleetControl, hall: Hall) => Promise<void>,
): Promise<void> {
  const { config } = configOf(command, io, GATE_GROUPS, ['redis', 'queues'])
  await withHall(config, name, async (hall) => {
    const fleet = await hall.control().catch(asUsageError)
    await work(fleet, hall)
  })
}

/** That it is not clear which fleet is meant is for who typed the command. */
export function asUsageError(error: unknown): never {
  throw error instanceof UnknownService ? new UsageError(error.message) : error
}
