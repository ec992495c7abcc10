/** `doctor`: all that can be looked at without changing anything, in one run, whatever of it is wrong. */

import type { Check, Finding, FindingStatus } from '../fleet/finding.ts'
import type { FleetStatus } from '../fleet/status.ts'
import type { Redis } from '../redis/connections.ts'
import { type Environment, ofNode, type ReadConfig, readConfig } from './doctor-config.ts'
import { bounded, checkRedis } from './doctor-redis.ts'
import { checkAnswer, checkService, listedCodes, notAsked, withAnswer } from './doctor-service.ts'

export type { Check, Finding, FindingStatus }

/** More than the checks of the service give themselves. */
const SERVICE_MAY_TAKE_MS = 20_000

/** The environment and the flags that a worker would be started with. */
export async function doctor(env: Environment, flags: Environment): Promise<Finding[]> {
  const { redis, service, keeping, findings } = readConfig(env, flags)
  const look = service ? bounded('service-reached', () => checkService(service), SERVICE_MAY_TAKE_MS) : noFindings()
  const own = { endpoint: service?.soapEndpoint ?? '', listedCodes: service ? listedCodes(service) : new Set<number>() }
  const ask = async (connection: Redis, status: FleetStatus | null) =>
    service ? answerOf(connection, service, status, await look) : []
  const ofRedis = redis ? await checkRedis(redis, own, keeping, ask) : { findings: [], made: [] }
  const answer = ofRedis.made ?? (service ? [notAsked('no Redis')] : [])
  return [...findings, ...ofNode(env), ...ofRedis.findings, ...withAnswer(await look, answer), ...answer]
}

async function noFindings(): Promise<Finding[]> {
  return []
}

type ServiceConfig = NonNullable<ReadConfig['service']>

/** One call, where the service is reached and nothing holds the fleet. */
async function answerOf(redis: Redis, service: ServiceConfig, status: FleetStatus | null, seen: readonly Finding[]) {
  if (!seen.some(({ check, status: is }) => check === 'service-reached' && is === 'pass'))
    return [notAsked('no answer')]
  const held = status?.serviceProblem === null ? status.holds.map(({ reason }) => reason) : []
  if (held.length > 0) return [notAsked({ held })]
  return bounded('service-answers', () => checkAnswer(redis, service), SERVICE_MAY_TAKE_MS)
}
