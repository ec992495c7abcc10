/** What `doctor` asks Redis about itself. What is wrong is told of the first server that has it. */

import { now } from '../clock.ts'
import { mastersOf, type Redis } from '../redis/connections.ts'
import { doctorKey, type QueueNames } from '../redis/names.ts'
import { fieldOf, infoOf, isTooOld, SAFE_POLICY } from '../redis/preflight.ts'
import { redisTime } from '../redis/time.ts'
import { type Finding, fail, pass, warn } from './finding.ts'
import type { MemoryNeed } from './memory-need.ts'
import type { RedisMemory } from './redis-memory.ts'

/** By INFO, of every server that holds data. `isCluster`: we were told that it is one. */
export async function checkServers(redis: Redis, isCluster: boolean): Promise<Finding[]> {
  const infos = await Promise.all(mastersOf(redis).map((server) => infoOf(server)))
  const all = infos.map((info) => ofServer((field) => fieldOf(info, field), isCluster))
  const [first = [], ...others] = all
  return first.map((finding, index) => {
    const same = [finding, ...others.flatMap((one) => one[index] ?? [])]
    return same.find(({ status }) => status === 'fail') ?? same.find(({ status }) => status === 'warn') ?? finding
  })
}

function ofServer(field: (name: string) => string, isCluster: boolean): Finding[] {
  return [
    roleOf(field('role')),
    versionOf(field('redis_version'), field('valkey_version')),
    modeOf(field('cluster_enabled') === '1', isCluster),
    policyOf(field('maxmemory_policy')),
    clientsOf(Number(field('connected_clients')), Number(field('maxclients'))),
    persistenceOf(field),
  ]
}

function roleOf(role: string): Finding {
  if (role !== 'slave') return pass('redis-role', 'it takes writes')
  const cure = 'set REDIS_URL to the master, or REDIS_SENTINELS, which follow it'
  return fail('redis-role', 'it is a read-only replica', cure)
}

function versionOf(version: string, valkey: string): Finding {
  if (version === '') return warn('redis-version', 'it does not tell its version', 'make sure that it is 6.2 or newer')
  if (isTooOld(version)) return fail('redis-version', `it is Redis ${version}`, 'take Redis 6.2 or newer, or Valkey')
  return pass('redis-version', valkey === '' ? `Redis ${version}` : `Valkey ${valkey}`)
}

function modeOf(isOne: boolean, isToldSo: boolean): Finding {
  if (!isOne || isToldSo) return pass('redis-cluster', isOne ? 'a Cluster, spoken to as one' : 'no Cluster')
  return fail(
    'redis-cluster',
    'it is a node of a Cluster, and is spoken to as a single Redis',
    'set REDIS_CLUSTER_NODES, and a QUEUE_PREFIX with a hash tag, as {bull}',
  )
}

/** Redis before 7 tells no limit, and Number('') is 0. */
function clientsOf(connected: number, atMost: number): Finding {
  if (!(atMost > 0)) return pass('redis-clients', `${connected} clients are connected`)
  const says = `${connected} of the ${atMost} clients that it lets in are connected`
  if (connected < atMost * NEARLY_FULL) return pass('redis-clients', says)
  return warn('redis-clients', `${says}: further workers may find no room`, 'raise its maxclients, or see who connects')
}

function policyOf(policy: string): Finding {
  const cure = '`maxmemory-policy noeviction` in redis.conf, or CONFIG SET maxmemory-policy noeviction'
  if (policy === '') return warn('redis-policy', 'it does not tell its maxmemory-policy', `make sure of ${cure}`)
  if (policy === SAFE_POLICY) return pass('redis-policy', 'a full Redis refuses writes, and throws nothing away')
  return fail('redis-policy', `maxmemory-policy is ${policy}: a full Redis throws lookups away`, cure)
}

function persistenceOf(field: (name: string) => string): Finding {
  const hasFailed = field('aof_last_write_status') === 'err' || field('rdb_last_bgsave_status') === 'err'
  if (hasFailed)
    return fail(
      'redis-persistence',
      'it could not save its data',
      'make room on its disk; its own log says what failed',
    )
  if (field('aof_enabled') === '1') return pass('redis-persistence', 'it has an append-only file')
  return warn(
    'redis-persistence',
    'it has no append-only file: a Redis that dies loses what came since its last snapshot, or all',
    '`appendonly yes` in redis.conf, or CONFIG SET appendonly yes',
  )
}

/** Used beside allowed. */
export function checkRoom(memory: RedisMemory | null): Finding {
  if (!memory?.maxBytes) return pass('redis-room', 'it sets its memory no limit')
  const { usedBytes, maxBytes, isFull } = memory
  const says = `${mebibytes(usedBytes)} of its ${mebibytes(maxBytes)} are used`
  const cure = 'raise its maxmemory, have results consumed, or keep finished lookups for less (LOOKUP_RETENTION_MS)'
  if (isFull) return fail('redis-room', `${says}: it refuses writes`, cure)
  return usedBytes / maxBytes > NEARLY_FULL ? warn('redis-room', says, cure) : pass('redis-room', says)
}

const NEARLY_FULL = 0.8

/** What the fleet fills at its limit, beside what there is. Null: no rate to reckon with. */
export function checkNeed(need: MemoryNeed | null): Finding {
  if (need === null || need.perSecond === 0) return pass('redis-need', 'no rate is set, and nothing runs: not reckoned')
  const says = `${need.perSecond} lookups a second for as long as they are kept take ${mebibytes(need.bytes)}`
  if (need.availableBytes === null || need.bytes <= need.availableBytes) return pass('redis-need', says)
  return warn(
    'redis-need',
    `${says}, and it has ${mebibytes(need.availableBytes)}`,
    'give it more memory, or lower LOOKUP_RETENTION_MS, RESULT_MARKER_TTL_MS or the rate',
  )
}

function mebibytes(bytes: number): string {
  return `${Math.max(1, Math.round(bytes / 1_048_576))} MiB`
}

/** As `/readyz` has it. */
const MAX_SKEW_MS = 5000
const ODD_SKEW_MS = 1000

/** This machine's clock beside Redis' clock. */
export async function checkClock(redis: Redis, names: QueueNames): Promise<Finding> {
  const before = now()
  const at = await redisTime(redis, doctorKey(names))
  const skewMs = (before + now()) / 2 - at
  const says = `this clock is ${Math.abs(skewMs / 1000).toFixed(1)} s ${skewMs < 0 ? 'behind' : 'ahead of'} that of Redis`
  const cure = 'set both clocks by NTP: delays, ages and deadlines are reckoned with them'
  if (Math.abs(skewMs) > MAX_SKEW_MS) return fail('redis-clock', says, cure)
  return Math.abs(skewMs) > ODD_SKEW_MS ? warn('redis-clock', says, cure) : pass('redis-clock', says)
}
