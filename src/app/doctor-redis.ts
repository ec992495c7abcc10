/** `doctor` on Redis and the fleet: whether it is reached, and then all that can be asked there. */

import { within } from '../clock.ts'
import { checkBullVersions, checkFleet, type OwnSettings } from '../fleet/doctor-fleet.ts'
import { checkDatabase, checkQueueContents, checkStream } from '../fleet/doctor-place.ts'
import { checkClock, checkNeed, checkRoom, checkServers } from '../fleet/doctor-redis.ts'
import { checkRights } from '../fleet/doctor-rights.ts'
import { type Check, type Finding, fail, pass, warn } from '../fleet/finding.ts'
import { memoryNeed } from '../fleet/memory-need.ts'
import { type FleetStatus, readStatus } from '../fleet/status.ts'
import { RedisUnavailable } from '../intake/errors.ts'
import { placeInWords, type Redis } from '../redis/connections.ts'
import { refusalInWords, refusalWord } from '../redis/errors.ts'
import { speaksPlainly } from '../redis/plain-port.ts'
import type { Keeping, ReadConfig } from './doctor-config.ts'
import { withRedis } from './reach-redis.ts'
import { queueNames } from './worker-settings.ts'

type RedisConfig = NonNullable<ReadConfig['redis']>

/** A check that hangs must not keep the others from being told. */
const CHECK_MAY_TAKE_MS = 5000

/** `work` is done with the connection where there is one, after the checks. */
export async function checkRedis<T>(
  config: RedisConfig,
  own: OwnSettings,
  keeping: Keeping | null,
  work: (redis: Redis, status: FleetStatus | null) => Promise<T>,
): Promise<{ findings: Finding[]; made: T | null }> {
  try {
    return await withRedis(config, 'doctor', async (redis) => {
      const { findings, status } = await checksOn(redis, config, own, keeping)
      return { findings: [reached(config), ...findings], made: await work(redis, status) }
    })
  } catch (error) {
    return { findings: [await unreachable(config, error)], made: null }
  }
}

function reached(config: RedisConfig): Finding {
  return pass('redis-reached', `Redis answers at ${placeInWords(config).where}`)
}

async function checksOn(redis: Redis, config: RedisConfig, own: OwnSettings, keeping: Keeping | null) {
  const names = queueNames(config)
  const place = { ...config, soapEndpoint: own.endpoint === '' ? null : own.endpoint }
  let status: FleetStatus | null = null
  const fleet = async () => {
    status = await readStatus(redis, place)
    return [checkRoom(status.redis), checkNeed(needOf(status, keeping)), ...checkFleet(status, names, own)]
  }
  const all = await Promise.all([
    bounded('redis-version', () => checkServers(redis, config.redisClusterNodes !== null)),
    bounded('redis-rights', () => checkRights(redis, names)),
    bounded('redis-clock', async () => [await checkClock(redis, names)]),
    bounded('bullmq-version', () => checkBullVersions(redis, names)),
    bounded('redis-database', async () => [await checkDatabase(redis, names)]),
    bounded('queues-swapped', async () => [await checkQueueContents(redis, names)]),
    bounded('result-stream', () => checkStream(redis, config.resultStream)),
    bounded('workers-agree', fleet),
  ])
  return { findings: all.flat(), status: status as FleetStatus | null }
}

/** At the limit in force, or ours where no worker runs. */
function needOf(status: FleetStatus, keeping: Keeping | null) {
  const byHand = status.serviceProblem === null ? status.limitsSet.rate : undefined
  const rate = byHand ?? keeping?.ratePerSecond ?? status.perSecond
  const members = status.members?.length ? status.members : keeping ? [keeping] : []
  return memoryNeed(members, rate, status.redis)
}

/** What `look` finds, or that it has found nothing in time, or what Redis said instead. */
export async function bounded(
  check: Check,
  look: () => Promise<Finding[]>,
  ms = CHECK_MAY_TAKE_MS,
): Promise<Finding[]> {
  try {
    const found = await within(ms, look())
    if (found !== 'late') return found
    return [fail(check, `no answer within ${ms / 1000} s`, 'look at what else runs there, and try again')]
  } catch (error) {
    return [refusedCheck(check, error)]
  }
}

/** A replica, or a full memory, is told by the check that is about it. */
function refusedCheck(check: Check, error: unknown): Finding {
  const word = refusalWord(error)
  const says = `not known, because Redis says ${word ?? 'that it cannot be asked'}`
  return warn(check, says, refusalInWords(error)?.replace(/^[A-Z]+: /, '') ?? 'mend what else is said here first')
}

async function unreachable(config: RedisConfig, error: unknown): Promise<Finding> {
  const { variable, where } = placeInWords(config)
  const code = codeOf(error instanceof RedisUnavailable ? error.cause : error)
  if (/^(WRONGPASS|NOAUTH)/.test(code)) {
    const cure = 'correct user and password in REDIS_URL (or the file of REDIS_URL_FILE)'
    return fail('redis-sign-in', `Redis at ${where} refuses our user or password`, cure)
  }
  const seen = code === 'SILENT' && (await isPlain(config)) ? PLAIN_PORT : code
  const row = CONNECTION_CURES.find(([pattern]) => pattern.test(seen))
  if (row)
    return fail('redis-reached', `no Redis at ${where}: ${row[1]} (${seen})`, row[2].replace('VARIABLE', variable))
  return fail('redis-reached', (error as Error).message, `check ${variable}, and what runs there`)
}

const PLAIN_PORT = 'no TLS'

async function isPlain({ redisUrl, redisSentinels, redisClusterNodes }: RedisConfig): Promise<boolean> {
  const { protocol, hostname, port } = new URL(redisUrl())
  if (protocol !== 'rediss:' || redisSentinels || redisClusterNodes) return false
  return speaksPlainly(hostname.replace(/^\[|\]$/g, ''), Number(port || 6379))
}

/** The code of a socket or of TLS, or the word that Redis said. */
function codeOf(error: unknown): string {
  const {
    code,
    message = '',
    lastNodeError,
  } = (error ?? {}) as { code?: unknown; message?: string; lastNodeError?: unknown }
  if (lastNodeError) return codeOf(lastNodeError)
  if (typeof code === 'string') return code
  return (
    /^[A-Z]{4,}(?= )/.exec(message)?.[0] ??
    (/closed/i.test(message) ? 'CLOSED' : /no answer in/.test(message) ? 'SILENT' : '')
  )
}

const CONNECTION_CURES: readonly [code: RegExp, says: string, cure: string][] = [
  [/^ECONNREFUSED$/, 'nothing listens there', 'start it, or correct host and port in VARIABLE'],
  [/^(ENOTFOUND|EAI_AGAIN)$/, 'its name is not known here', 'correct the host in VARIABLE, or the DNS of this machine'],
  [
    /^(no TLS$|ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET|EPROTO)/,
    'the port speaks no TLS',
    'take redis:// or the port with TLS',
  ],
  [
    /CERT|ALTNAME|SIGNATURE|ISSUER/,
    'its certificate is not trusted',
    'set NODE_EXTRA_CA_CERTS to its authority, or take the host in the certificate',
  ],
  [
    /^(CLOSED|ECONNRESET|EPIPE)$/,
    'it closes the connection',
    'take rediss:// if the port speaks TLS; check that it is a Redis, and its maxclients',
  ],
  [
    /^(SILENT|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/,
    'it does not answer',
    'check host, port and the firewall between; a Redis that is frozen says nothing either',
  ],
]
