/**
 * Checks that variables agree with each other. Defaults follow what was set (defaults.ts), so a default contradicts
 * nobody.
 */

import { secondEndMs } from '../domain/job-lock.ts'
import { isLoopbackAddress } from '../domain/loopback.ts'
import type { AllConfig } from './config.ts'
import { VARIABLES } from './table.ts'

type Read = Partial<AllConfig>

/** A check over several variables: which ones, whether they agree, and what is wrong if not. */
interface CrossCheck {
  keys: (keyof AllConfig)[]
  agree(config: AllConfig): boolean
  problem(config: AllConfig): string
}

const QUEUE_KEYS = ['lookupQueue', 'interactiveQueue', 'resultQueue'] as const
const CODE_KEYS = ['soapEnrichedCodes', 'soapNotFoundCodes', 'soapRetryCodes', 'soapHoldCodes'] as const

/** Checks of variables that were set. */
const OF_WHAT_WAS_SET: CrossCheck[] = [
  atMost('soapCallTimeoutMs', 'lookupDeadlineMs'),
  atMost('soapConnectTimeoutMs', 'soapCallTimeoutMs'),
  atMost('soapConnectTimeoutMs', 'lookupDeadlineMs'),
  atMost('lookupBackoffMinMs', 'lookupBackoffMaxMs'),
  atMost('holdMinMs', 'holdMaxMs'),
]

/** Checks of all values, defaults included: a default can lack a needed value, or be a name that other programs know. */
const OF_ALL: CrossCheck[] = [
  {
    keys: ['resultMarkerTtlMs', 'lookupDeadlineMs'],
    agree: ({ resultMarkerTtlMs, lookupDeadlineMs }) => resultMarkerTtlMs >= secondEndMs(lookupDeadlineMs),
    problem: ({ resultMarkerTtlMs, lookupDeadlineMs }) =>
      `RESULT_MARKER_TTL_MS: expected at least ${secondEndMs(lookupDeadlineMs)}, the time in which a lookup whose worker died ` +
      `is run again, or it could have two results; got ${resultMarkerTtlMs}`,
  },
  {
    keys: [...QUEUE_KEYS],
    agree: (config) => allDiffer(QUEUE_KEYS.map((key) => config[key])),
    problem: sameQueueTwice,
  },
  {
    keys: ['redisSentinels', 'redisSentinelMaster'],
    agree: (config) => (config.redisSentinels === null) === (config.redisSentinelMaster === null),
    problem: () => 'REDIS_SENTINELS: expected it together with REDIS_SENTINEL_MASTER, got one without the other',
  },
  {
    keys: ['redisSentinels', 'redisSentinelPassword'],
    agree: (config) => config.redisSentinelPassword === null || config.redisSentinels !== null,
    problem: () => 'REDIS_SENTINEL_PASSWORD: expected it together with REDIS_SENTINELS, got it alone',
  },
  {
    keys: ['redisSentinels', 'redisClusterNodes'],
    agree: (config) => config.redisSentinels === null || config.redisClusterNodes === null,
    problem: () => 'REDIS_SENTINELS: expected it or REDIS_CLUSTER_NODES, got both: a Cluster has no sentinels',
  },
  {
    keys: ['redisUrl', 'redisClusterNodes'],
    agree: (config) => config.redisClusterNodes === null || !hasDatabase(config.redisUrl()),
    problem: () => 'REDIS_URL: expected no database beside REDIS_CLUSTER_NODES (a Cluster has one alone), got one',
  },
  {
    keys: ['prefix', 'redisClusterNodes'],
    agree: (config) => config.redisClusterNodes === null || hashTag(config.prefix) !== '',
    problem: ({ prefix }) =>
      'QUEUE_PREFIX: expected a hash tag, as {chat}, beside REDIS_CLUSTER_NODES, so that all keys lie on one node; ' +
      `got ${JSON.stringify(prefix)}`,
  },
  {
    keys: ['resultStream', 'prefix', 'redisClusterNodes'],
    agree: ({ resultStream, prefix, redisClusterNodes }) =>
      resultStream === null || redisClusterNodes === null || hashTag(resultStream) === hashTag(prefix),
    problem: ({ resultStream, prefix }) =>
      `RESULT_STREAM: expected the hash tag of QUEUE_PREFIX beside REDIS_CLUSTER_NODES, as {${hashTag(prefix)}}:results, ` +
      `so that it lies on the same node; got ${JSON.stringify(resultStream)}`,
  },
  {
    keys: ['resultStream', 'prefix', ...QUEUE_KEYS],
    agree: ({ resultStream, prefix, ...names }) =>
      resultStream === null ||
      !['chat-enricher', ...QUEUE_KEYS.map((key) => names[key])].some((name) =>
        resultStream.startsWith(`${prefix}:${name}:`),
      ),
    problem: ({ resultStream }) =>
      `RESULT_STREAM: expected a key of its own, as chat-results-stream, got ${JSON.stringify(resultStream)}, which lies among the keys of a queue`,
  },
  {
    keys: ['concurrency', 'interactiveConcurrency'],
    agree: (config) => config.concurrency + config.interactiveConcurrency > 0,
    problem: () => 'CONCURRENCY: expected CONCURRENCY or INTERACTIVE_CONCURRENCY above 0, got 0 for both',
  },
  {
    keys: ['soapClientCertFile', 'soapClientKeyFile'],
    agree: (config) => (config.soapClientCertFile === null) === (config.soapClientKeyFile === null),
    problem: () => 'SOAP_CLIENT_CERT_FILE: expected it together with SOAP_CLIENT_KEY_FILE, got one without the other',
  },
  {
    keys: ['apiHost', 'apiTokens'],
    agree: ({ apiHost, apiTokens }) => apiTokens !== null || isLoopbackAddress(apiHost),
    problem: ({ apiHost }) =>
      `API_HOST: expected 127.0.0.1, ::1 or localhost without API_TOKENS, got ${apiHost}: set API_TOKENS_FILE, so that not everybody may do everything`,
  },
  {
    keys: [...CODE_KEYS],
    agree: (config) => allDiffer(CODE_KEYS.flatMap((key) => [...(config[key] ?? [])])),
    problem: () => 'SOAP_*_CODES: expected each response code in one list only, got one in several',
  },
]

/** Checks variables that are each right by themselves. `given`: what was set; `config`: that and the defaults. */
export function crossCheck(given: Read, config: Read): string[] {
  return [...failing(OF_WHAT_WAS_SET, given), ...failing(OF_ALL, config)]
}

function failing(checks: CrossCheck[], among: Read): string[] {
  const isComplete = (keys: (keyof AllConfig)[]) => keys.every((key) => key in among)
  return checks
    .filter(({ keys, agree }) => isComplete(keys) && !agree(among as AllConfig))
    .map(({ problem }) => problem(among as AllConfig))
}

type NumberKey = { [K in keyof AllConfig]: AllConfig[K] extends number ? K : never }[keyof AllConfig]

function atMost(small: NumberKey, large: NumberKey): CrossCheck {
  return {
    keys: [small, large],
    agree: (config) => config[small] <= config[large],
    problem: (config) =>
      `${VARIABLES[small].name}: expected at most ${VARIABLES[large].name} (${config[large]}), got ${config[small]}`,
  }
}

/** A queue's name cannot follow: producers and consumers know it by its default. */
function sameQueueTwice(): string {
  const names = QUEUE_KEYS.map((key) => VARIABLES[key].name).join(', ')
  return `${names}: expected three different names, got the same one twice`
}

/** A Cluster hashes what stands between the first { of a key and the next }, unless nothing stands there. */
function hashTag(key: string): string {
  const [, tag = ''] = /^[^{]*\{([^}]*)\}/.exec(key) ?? []
  return tag
}

function hasDatabase(url: string): boolean {
  const { pathname, searchParams } = new URL(url)
  return /^\/0*[1-9]/.test(pathname) || Number(searchParams.get('db') ?? 0) > 0
}

function allDiffer(values: unknown[]): boolean {
  return new Set(values).size === values.length
}
