/** Which service a fleet calls, for commands that are not told: workers leave the host of theirs. */

import type { Redis } from 'ioredis'
import { type GateKeys, gateKeys, type QueueNames, serviceOf, servicesKey } from './names.ts'

export type KnownService = { keys: GateKeys } | { problem: string }

/** The keys of the service that `endpoint` names; without one, of the only service that workers were ever set to. */
export async function gateKeysFor(redis: Redis, names: QueueNames, endpoint: string | null): Promise<KnownService> {
  if (endpoint !== null) return { keys: gateKeys(names, serviceOf(endpoint)) }
  const services = Object.entries(await redis.hgetall(servicesKey(names)))
  const [only, other] = services
  if (!only) return { problem: 'SOAP_ENDPOINT: expected it, or a worker that has run here, got neither' }
  if (!other) return { keys: gateKeys(names, only[0]) }
  const hosts = services.map(([, host]) => host).join(', ')
  return {
    problem: `SOAP_ENDPOINT: expected it, for workers have called several services here (${hosts}), got nothing`,
  }
}
