/** The table of variables: name, what is expected, default, meaning. README, `--help` and the code are held to it. */

import { parseLookup } from './domain/lookup.ts'
import { type Secret, secretFile } from './secret.ts'

/** Which commands a variable is for. */
export type VariableGroup = 'redis' | 'queues' | 'endpoint' | 'soap' | 'worker' | 'log'

export interface Variable<T> {
  name: string
  group: VariableGroup
  /** What `--help` and errors call a value: "a number of milliseconds from 1 to 25000". */
  expected: string
  /** The default, as it would be written; undefined if there is none. */
  fallback: string | undefined
  /** The value where nothing is set and there is no default. */
  unset: T
  meaning: string
  required: boolean
  /** `whole`: never shown. `password`: the part of a URL that is never shown. Either can come from `NAME_FILE`. */
  secret?: 'whole' | 'password'
  /** Throws if the text is not what is expected. */
  parse(text: string, secret: Secret): T
}

interface Kind<T> {
  expected: string
  parse(text: string, secret: Secret): T
}

function variable<T>(
  name: string,
  group: VariableGroup,
  kind: Kind<T>,
  fallback: string,
  meaning: string,
  secret?: 'whole' | 'password',
): Variable<T> {
  const unset = undefined as T
  return { name, group, ...kind, fallback, unset, meaning, required: false, ...(secret ? { secret } : {}) }
}

function optional<T>(
  name: string,
  group: VariableGroup,
  kind: Kind<T>,
  meaning: string,
  secret?: 'whole' | 'password',
): Variable<T | null> {
  const unset = null
  return { name, group, ...kind, fallback: undefined, unset, meaning, required: false, ...(secret ? { secret } : {}) }
}

function required<T>(
  name: string,
  group: VariableGroup,
  kind: Kind<T>,
  meaning: string,
  secret?: 'whole',
): Variable<T | null> {
  return { ...optional(name, group, kind, meaning), required: true, ...(secret ? { secret } : {}) }
}

function integer(min: number, max: number, unit = ''): Kind<number> {
  return {
    expected: `a whole number${unit ? ` of ${unit}` : ''} from ${min} to ${max}`,
    parse: (text) => {
      if (!/^\d+$/.test(text.trim())) throw new Error('')
      const value = Number(text)
      if (value < min || value > max) throw new Error('')
      return value
    },
  }
}

const ms = (min: number, max = 2 ** 31 - 1) => integer(min, max, 'milliseconds')
const DAY_MS = 86_400_000
const YEAR_MS = 366 * DAY_MS

function limit(min: number, max: number, fraction = false): Kind<number | null> {
  return {
    expected: `${fraction ? 'a number' : 'a whole number'} from ${min} to ${max}, or none`,
    parse: (text) => {
      if (text.trim() === 'none') return null
      if (!/^\d+(\.\d+)?$/.test(text.trim())) throw new Error('')
      const value = Number(text)
      if (value === 0) throw new Error('0 would stop all calls; for that there is chat-enricher hold')
      if (!(value >= min && value <= max) || (!fraction && !Number.isInteger(value))) throw new Error('')
      return value
    },
  }
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: DAY_MS }

/** Milliseconds of a text like 5s, 30m or 1d. Throws if it is none. */
export function readDuration(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text.trim()) ?? []
  const value = Number(count) * (UNITS_MS[unit] ?? 0)
  if (!(value > 0 && value <= YEAR_MS)) throw new Error('')
  return value
}

const duration: Kind<number> = { expected: 'a duration as 30s, 15m, 6h or 1d', parse: readDuration }

const durations: Kind<readonly number[]> = {
  expected: 'a list of durations, as 5s,30s,2m',
  parse: (text) => text.split(',').map(readDuration),
}

function ratio(min: number, max: number): Kind<number> {
  return {
    expected: `a number from ${min} to ${max}`,
    parse: (text) => {
      const value = Number(text)
      if (!/^\d*\.?\d+$/.test(text.trim()) || value < min || value > max) throw new Error('')
      return value
    },
  }
}

const yesOrNo: Kind<boolean> = {
  expected: 'true or false',
  parse: (text) => {
    if (text !== 'true' && text !== 'false') throw new Error('')
    return text === 'true'
  },
}

function choice<const T extends string>(...values: T[]): Kind<T> {
  return {
    expected: values.join(' or '),
    parse: (text) => {
      if (!(values as string[]).includes(text)) throw new Error('')
      return text as T
    },
  }
}

function url(...protocols: string[]): Kind<string> {
  return {
    expected: `a URL with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
    parse: (text) => {
      if (!URL.canParse(text) || !protocols.some((protocol) => text.startsWith(`${protocol}//`))) throw new Error('')
      return text
    },
  }
}

/** Asked each time it is used: the file it is in may change. What stands there while it is none is passed over. */
function secretUrl(...protocols: string[]): Kind<Secret> {
  const { expected, parse } = url(...protocols)
  return {
    expected,
    parse: (text, secret) => {
      let last = parse(text, secret)
      return () => {
        try {
          last = parse(secret(), secret)
        } catch {
          // Half written, or a mistake: what was right stands until it is right again.
        }
        return last
      }
    },
  }
}

const addresses: Kind<readonly { host: string; port: number }[]> = {
  expected: 'a list of host:port, with commas between',
  parse: (text) =>
    text.split(',').map((one) => {
      const [, bracketed, plain, port = ''] = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+)):(\d{1,5})$/.exec(one.trim()) ?? []
      const host = bracketed ?? plain
      if (host === undefined || Number(port) < 1 || Number(port) > 65_535) throw new Error('')
      return { host, port: Number(port) }
    }),
}

const masterName: Kind<string> = {
  expected: 'a name without spaces',
  parse: (text) => {
    if (!/^\S+$/.test(text)) throw new Error('')
    return text
  },
}

const queueName: Kind<string> = {
  expected: 'a queue name without colons, other than chat-enricher',
  parse: (text) => {
    if (!/^[^:\s]+$/.test(text) || text === 'chat-enricher') throw new Error('')
    return text
  },
}

const prefix: Kind<string> = {
  expected: 'a text without spaces',
  parse: (text) => {
    if (!/^\S+$/.test(text)) throw new Error('')
    return text
  },
}

const secretText: Kind<Secret> = {
  expected: 'its value, or the path of a file with it in NAME_FILE',
  parse: (text, secret) => {
    if (text === '') throw new Error('the file is empty')
    return secret
  },
}

const file: Kind<Secret> = { expected: 'the path of a file that can be read', parse: (path) => secretFile(path) }

const codes: Kind<ReadonlySet<number>> = {
  expected: 'a list of response codes (32-bit integers), as 3 or 3,17,-1',
  parse: (text) => {
    const parts = text.split(',').map((part) => part.trim())
    const values = parts.map(Number)
    if (!parts.every((part) => /^-?\d{1,10}$/.test(part))) throw new Error('')
    if (!values.every((value) => value === (value | 0))) throw new Error('')
    return new Set(values)
  },
}

const connectionId: Kind<string> = {
  expected: 'a connection id of 1 to 256 characters, none of them a control character',
  parse: (text) => {
    if (!parseLookup({ connectionId: text }).ok) throw new Error('')
    return text
  },
}

const host: Kind<string> = {
  expected: 'a host name or an address',
  parse: (text) => {
    if (!/^[\w.:-]+$/.test(text)) throw new Error('')
    return text
  },
}

const hosts: Kind<string> = { expected: 'a list of hosts, with commas between', parse: (text) => text }

export const VARIABLES = {
  redisUrl: variable(
    'REDIS_URL',
    'redis',
    secretUrl('redis:', 'rediss:'),
    'redis://127.0.0.1:6379',
    'Redis; `rediss://` for TLS; user and password allowed',
    'password',
  ),
  redisSentinels: optional(
    'REDIS_SENTINELS',
    'redis',
    addresses,
    '`host:port,…` of the sentinels that know where Redis is; user, password, TLS and database are those of `REDIS_URL`',
  ),
  redisSentinelMaster: optional('REDIS_SENTINEL_MASTER', 'redis', masterName, 'name the sentinels have for the master'),
  redisSentinelPassword: optional(
    'REDIS_SENTINEL_PASSWORD',
    'redis',
    secretText,
    'password of the sentinels themselves, where they have one',
    'whole',
  ),
  redisClusterNodes: optional(
    'REDIS_CLUSTER_NODES',
    'redis',
    addresses,
    '`host:port,…` of some nodes of a Cluster; user, password and TLS are those of `REDIS_URL`; `QUEUE_PREFIX` needs a hash tag, as `{chat}`',
  ),
  prefix: variable('QUEUE_PREFIX', 'queues', prefix, 'bull', "BullMQ's prefix, and the prefix of every other key"),
  lookupQueue: variable('LOOKUP_QUEUE', 'queues', queueName, 'chat-lookups', 'queue of the lookups'),
  interactiveQueue: variable(
    'INTERACTIVE_QUEUE',
    'queues',
    queueName,
    'chat-lookups-interactive',
    'queue of the lookups that a person waits for',
  ),
  resultQueue: variable('RESULT_QUEUE', 'queues', queueName, 'chat-results', 'queue of the results'),

  soapEndpoint: required('SOAP_ENDPOINT', 'endpoint', url('http:', 'https:'), 'URL of the .asmx'),
  soapVersion: variable(
    'SOAP_VERSION',
    'soap',
    choice('1.1', '1.2'),
    '1.1',
    'version of SOAP that is spoken; either is understood',
  ),
  soapPublicKey1: required('SOAP_PUBLIC_KEY_1', 'soap', secretText, 'credential `PublicKey1`, sent as given', 'whole'),
  soapEncryptedUser: required(
    'SOAP_ENCRYPTED_USER',
    'soap',
    secretText,
    'credential `EncryptedUser`, sent as given',
    'whole',
  ),
  soapEncryptedPassword: required(
    'SOAP_ENCRYPTED_PASSWORD',
    'soap',
    secretText,
    'credential `EncryptedPassword`, sent as given',
    'whole',
  ),
  soapEncryptedSignature: required(
    'SOAP_ENCRYPTED_SIGNATURE',
    'soap',
    secretText,
    'credential `EncryptedSignature`, sent as given',
    'whole',
  ),
  soapCallTimeoutMs: variable(
    'SOAP_CALL_TIMEOUT_MS',
    'soap',
    ms(1),
    '10000',
    'deadline of one call, from connect to last byte',
  ),
  soapConnectTimeoutMs: variable('SOAP_CONNECT_TIMEOUT_MS', 'soap', ms(1), '3000', 'deadline of its connect'),
  soapMaxResponseBytes: variable(
    'SOAP_MAX_RESPONSE_BYTES',
    'soap',
    // Reading 2 MiB of the worst takes the event loop some 50 ms; the record itself has about one KiB.
    integer(1024, 2_097_152, 'bytes'),
    '1048576',
    'larger answers are cut off and refused',
  ),
  soapCaFile: optional('SOAP_CA_FILE', 'soap', file, 'PEM file of the authorities to trust instead of the usual ones'),
  soapClientCertFile: optional('SOAP_CLIENT_CERT_FILE', 'soap', file, 'PEM file of the client certificate'),
  soapClientKeyFile: optional('SOAP_CLIENT_KEY_FILE', 'soap', file, 'PEM file of its key'),
  httpsProxy: optional(
    'HTTPS_PROXY',
    'soap',
    url('http:', 'https:'),
    'proxy to an `https://` endpoint; user and password allowed. Never asked for loopback addresses',
    'password',
  ),
  httpProxy: optional('HTTP_PROXY', 'soap', url('http:', 'https:'), 'proxy to an `http://` endpoint', 'password'),
  noProxy: optional('NO_PROXY', 'soap', hosts, 'hosts reached without one: `host`, `.domain`, `host:port`, or `*`'),
  soapEnrichedCodes: optional(
    'SOAP_ENRICHED_CODES',
    'soap',
    codes,
    'response codes that may come with a ChatRequest; unset: any',
  ),
  soapNotFoundCodes: optional(
    'SOAP_NOT_FOUND_CODES',
    'soap',
    codes,
    'response codes that mean not found; unset: any answer without a ChatRequest',
  ),
  soapRetryCodes: optional('SOAP_RETRY_CODES', 'soap', codes, 'response codes to ask again for'),
  soapHoldCodes: optional(
    'SOAP_HOLD_CODES',
    'soap',
    codes,
    'response codes that mean our configuration is wrong (credentials, say): no lookup fails for them',
  ),
  soapProbeConnectionId: optional(
    'SOAP_PROBE_CONNECTION_ID',
    'soap',
    connectionId,
    'what a probe asks for; unset: the connection id answered last',
  ),

  concurrency: variable(
    'CONCURRENCY',
    'worker',
    integer(0, 1000),
    '32',
    'lookups that one process runs at once; 0: it does not serve the queue',
  ),
  interactiveConcurrency: variable(
    'INTERACTIVE_CONCURRENCY',
    'worker',
    integer(0, 1000),
    '4',
    'the same for the interactive queue',
  ),
  ratePerSecond: variable(
    'RATE_LIMIT_PER_SECOND',
    'worker',
    limit(0.001, 100_000, true),
    '50',
    'calls a second of the whole fleet, retries and probes included; `none`: no limit',
  ),
  rateBurst: variable(
    'RATE_LIMIT_BURST',
    'worker',
    integer(1, 100_000),
    '1',
    'calls that may leave at once after a pause',
  ),
  maxCallsInFlight: variable(
    'MAX_CALLS_IN_FLIGHT',
    'worker',
    limit(1, 100_000),
    'none',
    'calls of the whole fleet at one time',
  ),
  quotaCalls: variable(
    'QUOTA_CALLS',
    'worker',
    limit(1, 1_000_000_000),
    'none',
    'a second, longer limit on the calls of the whole fleet; spent, the fleet holds until it frees',
  ),
  quotaPeriodMs: variable(
    'QUOTA_PERIOD',
    'worker',
    duration,
    '1d',
    'period of that limit, as `1h` or `1d`; counted as it slides',
  ),
  interactiveShare: variable(
    'INTERACTIVE_SHARE',
    'worker',
    ratio(0, 1),
    '0.2',
    'part of the pace that is kept for the interactive queue while any wait there',
  ),
  callRetries: variable('CALL_RETRIES', 'worker', integer(0, 20), '2', 'quick retries inside an attempt'),
  lookupAttempts: variable(
    'LOOKUP_ATTEMPTS',
    'worker',
    integer(1, 1000),
    '5',
    'attempts that may be charged to a lookup before it gives up',
  ),
  lookupBackoffMinMs: variable(
    'LOOKUP_BACKOFF_MIN_MS',
    'worker',
    ms(1),
    '1000',
    'backoff between attempts, with full jitter: the first',
  ),
  lookupBackoffMaxMs: variable('LOOKUP_BACKOFF_MAX_MS', 'worker', ms(1), '300000', 'and the longest'),
  lookupDeadlineMs: variable(
    'LOOKUP_DEADLINE_MS',
    'worker',
    ms(1, 34_000),
    '25000',
    'one attempt from its first permit on; below the job lock (35000)',
  ),
  lookupExpiryMs: variable(
    'LOOKUP_EXPIRY_MS',
    'worker',
    ms(1000, YEAR_MS),
    String(7 * DAY_MS),
    'age at which a lookup without an answer fails as `expired` (7 days)',
  ),
  notFoundRecheck: optional(
    'NOT_FOUND_RECHECK',
    'worker',
    durations,
    'delays after which a lookup not found is asked again before it is `not-found`, as `5s,30s,2m`',
  ),
  breakerFailureRatio: variable(
    'BREAKER_FAILURE_RATIO',
    'worker',
    ratio(0.01, 1),
    '0.5',
    'the fleet holds when this share of the calls in the window failed',
  ),
  breakerMinCalls: variable('BREAKER_MIN_CALLS', 'worker', integer(1, 100_000), '20', 'of at least so many calls'),
  breakerWindowMs: variable(
    'BREAKER_WINDOW_MS',
    'worker',
    ms(100, 3_600_000),
    '10000',
    'that window; also: five failed calls and no answer for as long, at any traffic',
  ),
  holdMinMs: variable(
    'HOLD_MIN_MS',
    'worker',
    ms(10, 3_600_000),
    '1000',
    'time from the start of a hold to its first probe',
  ),
  holdMaxMs: variable(
    'HOLD_MAX_MS',
    'worker',
    ms(10, 3_600_000),
    '15000',
    'between probes at most, doubling; a hold for configuration goes on to 10 minutes, for accounts lock',
  ),
  retryAfterMaxMs: variable(
    'RETRY_AFTER_MAX_MS',
    'worker',
    ms(0),
    '3600000',
    'a longer `Retry-After` is cut to this (1 hour)',
  ),
  coalesce: variable('COALESCE', 'worker', yesOrNo, 'true', 'lookups of one connection id in flight share one call'),
  cacheTtlMs: variable('CACHE_TTL_MS', 'worker', ms(0, DAY_MS), '0', 'how long a ChatRequest may be reused; 0: never'),
  resultBacklogLimit: variable(
    'RESULT_BACKLOG_LIMIT',
    'worker',
    limit(1, 1_000_000_000),
    '100000',
    'unconsumed results at which the fleet holds; `none`: never',
  ),
  resultMarkerTtlMs: variable(
    'RESULT_MARKER_TTL_MS',
    'worker',
    ms(1000, YEAR_MS),
    String(7 * DAY_MS),
    'how long it is remembered that a lookup has its result (7 days)',
  ),
  lookupRetentionMs: variable(
    'LOOKUP_RETENTION_MS',
    'worker',
    ms(1000, YEAR_MS),
    String(DAY_MS),
    'how long finished lookups are kept (1 day)',
  ),
  deadLetterRetentionMs: variable(
    'DEAD_LETTER_RETENTION_MS',
    'worker',
    ms(1000, YEAR_MS),
    String(30 * DAY_MS),
    'how long lookups that gave up are kept (30 days)',
  ),
  shutdownTimeoutMs: variable(
    'SHUTDOWN_TIMEOUT_MS',
    'worker',
    ms(0, 3_600_000),
    '25000',
    'what running lookups get at a stop before they are handed back',
  ),
  metricsHost: variable(
    'METRICS_HOST',
    'worker',
    host,
    '0.0.0.0',
    "where the worker's HTTP listens: `/metrics`, `/livez`, `/readyz`",
  ),
  metricsPort: variable('METRICS_PORT', 'worker', integer(0, 65_535), '9464', 'its port; 0: any that is free'),

  logLevel: variable(
    'LOG_LEVEL',
    'log',
    choice('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    'info',
    'least level that is logged',
  ),
  logFormat: optional(
    'LOG_FORMAT',
    'log',
    choice('json', 'pretty'),
    '`json` or `pretty`; unset: pretty on a terminal, else json',
  ),
} as const
