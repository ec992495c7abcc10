/** Which service a fleet calls, for commands that are not told: workers register the host of theirs. */

import type { Redis } from '../redis/connections.ts'
import { type GateKeys, gateKeys, type QueueNames, serviceOf, servicesKey } from '../redis/names.ts'

/** It is not clear which service's fleet is meant; the message says what to set. */
export class UnknownService extends Error {}

/**
 * The keys of the service that `endpoint` names, which workers were set to, if any were to some; without an endpoint, of
 * the only one that they were ever set to.
 */
export async function gateKeysFor(redis: Redis, names: QueueNames, endpoint: string | null): Promise<GateKeys> {
  const services = Object.entries(await redis.hgetall(servicesKey(names)))
  if (endpoint !== null) return keysOf(endpoint, services, names)
  const [only, other] = services
  if (!only) throw new UnknownService('SOAP_ENDPOINT: expected it, or a worker that has run here, got neither')
  if (!other) return gateKeys(names, only[0])
  throw new UnknownService(
    `SOAP_ENDPOINT: it is missing, and workers have called several services here (${hostsOf(services)}): name one of them`,
  )
}

/** A typo in the address must not hold a fleet that does not exist, at three in the morning. */
function keysOf(endpoint: string, services: [string, string][], names: QueueNames): GateKeys {
  const service = serviceOf(endpoint)
  if (services.length === 0 || services.some(([known]) => known === service)) return gateKeys(names, service)
  throw new UnknownService(
    `SOAP_ENDPOINT: expected the address that workers have called here (${hostsOf(services)}), ` +
      'got one that none was set to: leave it out, or start a worker with it first',
  )
}

function hostsOf(services: [string, string][]): string {
  return services.map(([, host]) => host).join(', ')
}
