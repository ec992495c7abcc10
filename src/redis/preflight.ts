/** The check of Redis before anything starts, also of what Redis does when its memory is full. */

import type { Redis } from 'ioredis'
import { mastersOf } from './connections.ts'
import { isRefusal } from './errors.ts'

export interface Fitness {
  /** What stands in the way, each with its cure; empty when Redis is fit to hold a queue. */
  problems: string[]
  /** What could not be found out: some hosted Redis do not tell it, and some users may not ask. */
  unknown: string[]
}

/** `variable` says where Redis is. Throws when it cannot be asked. */
export async function preflight(redis: Redis, variable = 'REDIS_URL'): Promise<Fitness> {
  await redis.ping() // a Cluster knows its nodes once it has answered
  const database = await refusedDatabase(redis)
  const found = await Promise.all(mastersOf(redis).map(async (server) => judged(await infoOf(server))))
  const all = (lines: string[]) => [...new Set(lines)].map((line) => `${variable}: ${line}`)
  return {
    problems: all([...(database === null ? [] : [database]), ...found.flatMap(({ problems }) => problems)]),
    unknown: all(found.flatMap(({ unknown }) => unknown)),
  }
}

/**
 * What is wrong with the database that the URL names; null if Redis has it. The client would go on in database 0, among
 * somebody else's data.
 */
export async function refusedDatabase(redis: Redis): Promise<string | null> {
  const { db } = redis.options
  if (redis.isCluster || !db) return null
  try {
    await redis.select(db)
    return null
  } catch (error) {
    if (!isRefusal(error)) throw error
    return `expected a database that Redis has, got number ${db}, which it refuses: take a smaller one, or raise its \`databases\``
  }
}

/** What INFO says; empty where Redis does not tell, or not to us. */
export async function infoOf(server: Redis, ...section: string[]): Promise<string> {
  try {
    return await server.info(...section)
  } catch (error) {
    if (/^(NOPERM|ERR unknown command)/.test((error as Error).message)) return ''
    throw error
  }
}

function judged(info: string): Fitness {
  const fitness: Fitness = { problems: [], unknown: [] }
  const version = fieldOf(info, 'redis_version')
  if (version === '') fitness.unknown.push('it does not tell its version: make sure that it is Redis 6.2 or newer')
  else if (isTooOld(version)) fitness.problems.push(`expected Redis 6.2 or newer (or Valkey), got ${version}`)
  const policy = fieldOf(info, 'maxmemory_policy')
  if (policy === '') fitness.unknown.push('it does not tell its maxmemory-policy: make sure that it is noeviction')
  else if (policy !== SAFE_POLICY) fitness.problems.push(wrongPolicy(policy))
  return fitness
}

/** Below 6.2. Valkey gives the version of the Redis that it stands for. */
export function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < 6 || (major === 6 && minor < 2)
}

/** Of what INFO says; empty where the field is not there. */
export function fieldOf(info: string, name: string): string {
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

/** The least that a server with our data may use, bytes; null where there is no limit, or none is told. */
export async function maxMemory(redis: Redis): Promise<number | null> {
  const infos = await Promise.all(mastersOf(redis).map((server) => infoOf(server, 'memory')))
  const limits = infos.map((info) => Number(fieldOf(info, 'maxmemory'))).filter((bytes) => bytes > 0)
  return limits.length > 0 ? Math.min(...limits) : null
}

/** What Redis does when its memory is full, where that is not what queues need; null where it is, or it is not told. */
export async function unsafePolicy(redis: Redis): Promise<string | null> {
  const masters = mastersOf(redis)
  if (masters.length === 0) throw new Error('Connection is closed.') // the words of ioredis: a Cluster that has not been reached yet
  const infos = await Promise.all(masters.map((server) => infoOf(server, 'memory')))
  const policies = infos.map((info) => fieldOf(info, 'maxmemory_policy'))
  return policies.find((policy) => policy !== '' && policy !== SAFE_POLICY) ?? null
}
