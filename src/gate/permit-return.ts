/** How a permit comes back: its call is over, or was never made. */

import type { Lane } from '../domain/lane.ts'
import type { Redis } from '../redis/connections.ts'
import type { GateKeys } from '../redis/names.ts'
import { Script } from '../redis/script.ts'

/** The name by which a permit is given back; '' if there is nothing to give back. */
export interface PermitName {
  lease: string
  slice: string
}

// A permit that was not used is no call: the quota no longer counts it, and its place is free.
const UNUSED = new Script(`
local QUOTA, LEASES = unpack(KEYS)
local slice, lease = ARGV[1], ARGV[2]
if tonumber(redis.call('HGET', QUOTA, slice) or 0) > 0 then redis.call('HINCRBY', QUOTA, slice, -1) end
if lease ~= '' then redis.call('ZREM', LEASES, lease) end
return 1`)

function leasesOf({ inFlight, inFlightInteractive }: GateKeys, lane: Lane): string {
  return lane === 'interactive' ? inFlightInteractive : inFlight
}

/** The call of this permit is over. */
export async function freePlace(redis: Redis, keys: GateKeys, lane: Lane, { lease }: PermitName): Promise<void> {
  if (lease !== '') await redis.zrem(leasesOf(keys, lane), lease)
}

/** There was no call. */
export async function takeBack(redis: Redis, keys: GateKeys, lane: Lane, { lease, slice }: PermitName): Promise<void> {
  if (slice === '') await freePlace(redis, keys, lane, { lease, slice })
  else await UNUSED.run(redis, [keys.quota, leasesOf(keys, lane)], [slice, lease])
}
