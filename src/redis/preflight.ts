/** The check of Redis before anything starts, also of what Redis does when its memory is full. */

import type { Redis } from 'ioredis'
import { mastersOf } from './connections.ts'

/**
 * The problems, each with its cure; empty if Redis is fit to hold a queue. `variable` is the one that names Redis. Throws
 * if Redis cannot be asked.
 */
export async function preflight(redis: Redis, variable = 'REDIS_URL'): Promise<string[]> {
  await redis.ping() // a Cluster knows its nodes once it has answered
  const problems = await Promise.all(mastersOf(redis).map(async (server) => problemsOf(await server.info())))
  return [...new Set(problems.flat())].map((problem) => `${variable}: ${problem}`)
}

function problemsOf(info: string): string[] {
  const problems: string[] = []
  const version = fieldOf(info, 'redis_version')
  const [major = 0, minor = 0] = (version || '0.0').split('.').map(Number)
  if (major < 6 || (major === 6 && minor < 2)) {
    problems.push(`expected Redis 6.2 or newer (or Valkey), got ${version}`)
  }
  const policy = fieldOf(info, 'maxmemory_policy')
  if (policy !== SAFE_POLICY) problems.push(wrongPolicy(policy))
  return problems
}

function fieldOf(info: string, name: string): string {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''
}

/** Any other policy may throw lookups away. */
export const SAFE_POLICY = 'noeviction'

function wrongPolicy(policy: string): string {
  return (
    `expected maxmemory-policy noeviction (any other may throw lookups away), got ${policy}: ` +
    'set `maxmemory-policy noeviction` in redis.conf, or `CONFIG SET maxmemory-policy noeviction`'
  )
}

/** The policy for a full memory, if it is not the one that queues need; else null. */
export async function unsafePolicy(redis: Redis): Promise<string | null> {
  const masters = mastersOf(redis)
  if (masters.length === 0) throw new Error('Connection is closed.') // the words of ioredis: a Cluster that has not been reached yet
  const infos = await Promise.all(masters.map((server) => server.info('memory')))
  return infos.map((info) => fieldOf(info, 'maxmemory_policy')).find((policy) => policy !== SAFE_POLICY) ?? null
}
