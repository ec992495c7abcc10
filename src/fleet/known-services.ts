/** Which service a fleet calls, for commands that are not told: workers leave the host of theirs. */

import type { Redis } from '../redis/connections.ts'
import { type GateKeys, gateKeys, type QueueNames, serviceOf, servicesKey } from '../redis/names.ts'

export type KnownService = { keys: GateKeys } | { problem: string }

/**
 * The keys of the service that `endpoint` names, which workers were set to, if any were to some; without an endpoint, of
 * the only one that they were ever set to.
 */
export async function gateKeysFor(redis: Redis, names: QueueNames, endpoint: string | null): Promise<KnownService> {
  const services = Object.entries(await redis.hgetall(servicesKey(names)))
  if (endpoint !== null) return keysOf(endpoint, services, names)
  const [only, other] = services
  if (!only) return { problem: 'SOAP_ENDPOINT: expected it, or a worker that has run here, got neither' }
  if (!other) return { keys: gateKeys(names, only[0]) }
  return {
    problem: `SOAP_ENDPOINT: expected it, for workers have called several services here (${hostsOf(services)}), got nothing`,
  }
}

/** A slip in the address must not hold, at three in the morning, a fleet that there is not. */
function keysOf(endpoint: string, services: [string, string][], names: QueueNames): KnownService {
  const service = serviceOf(endpoint)
  if (services.length === 0 || services.some(([known]) => known === service)) return { keys: gateKeys(names, service) }
  return {
    problem:
      `SOAP_ENDPOINT: expected the address that workers have called here (${hostsOf(services)}), ` +
      'got one that none was set to: leave it out, or start a worker with it first',
  }
}

function hostsOf(services: [string, string][]): string {
  return services.map(([, host]) => host).join(', ')
}
