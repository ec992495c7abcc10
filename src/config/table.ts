/** The table of variables: name, what is expected, default, meaning. README, docs, `--help` and the code are held to it. */

import {
  addresses,
  choice,
  codes,
  connectionId,
  DAY_MS,
  duration,
  durations,
  file,
  host,
  hosts,
  integer,
  type Kind,
  limit,
  masterName,
  ms,
  prefix,
  queueName,
  ratio,
  redisUrl,
  secretText,
  streamKey,
  url,
  urlWithPassword,
  webhookSecret,
  webhookUrl,
  YEAR_MS,
  yesOrNo,
} from './kinds.ts'
import type { Secret } from './secret.ts'
import { tokens } from './tokens.ts'

/** Which commands a variable is for. */
export type VariableGroup =
  | 'redis'
  | 'queues'
  | 'endpoint'
  | 'soap'
  | 'calls'
  | 'worker'
  | 'metrics'
  | 'stop'
  | 'api'
  | 'webhook'
  | 'log'

export interface Variable<T, G extends VariableGroup = VariableGroup> {
  name: string
  group: G
  /** What a value must be, as `--help` and errors say it: "a number of milliseconds from 1 to 25000". */
  expected: string
  /** The default, as it would be written; undefined if there is none. */
  fallback: string | undefined
  /** The value if nothing is set and there is no default. */
  unset: T
  meaning: string
  required: boolean
  /** `whole`: nothing of it is shown. `password`: a URL whose password is not shown. Both may come from `NAME_FILE`. */
  secret?: 'whole' | 'password'
  /** Throws if the text is not what is expected. */
  parse(text: string, secret: Secret): T
}

function variable<T, G extends VariableGroup>(
  name: string,
  group: G,
  kind: Kind<T>,
  fallback: string,
  meaning: string,
  secret?: 'whole' | 'password',
): Variable<T, G> {
  const unset = undefined as T
  return { name, group, ...kind, fallback, unset, meaning, required: false, ...(secret ? { secret } : {}) }
}

function optional<T, G extends VariableGroup>(
  name: string,
  group: G,
  kind: Kind<T>,
  meaning: string,
  secret?: 'whole' | 'password',
): Variable<T | null, G> {
  const unset = null
  return { name, group, ...kind, fallback: undefined, unset, meaning, required: false, ...(secret ? { secret } : {}) }
}

function required<T, G extends VariableGroup>(
  name: string,
  group: G,
  kind: Kind<T>,
  meaning: string,
  secret?: 'whole',
): Variable<T | null, G> {
  return { ...optional(name, group, kind, meaning), required: true, ...(secret ? { secret } : {}) }
}

export const VARIABLES = {
  redisUrl: variable(
    'REDIS_URL',
    'redis',
    redisUrl,
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
    '`host:port,…` of some nodes of a Cluster; user, password and TLS are those of `REDIS_URL`; a `QUEUE_PREFIX` needs a hash tag, as `{chat}`',
  ),
  prefix: variable(
    'QUEUE_PREFIX',
    'queues',
    prefix,
    'bull',
    "BullMQ's prefix, and the prefix of every other key; with `REDIS_CLUSTER_NODES` the default is `{bull}`",
  ),
  lookupQueue: variable('LOOKUP_QUEUE', 'queues', queueName, 'chat-lookups', 'queue of the lookups'),
  interactiveQueue: variable(
    'INTERACTIVE_QUEUE',
    'queues',
    queueName,
    'chat-lookups-interactive',
    'queue of the lookups that a person waits for',
  ),
  resultQueue: variable('RESULT_QUEUE', 'queues', queueName, 'chat-results', 'queue of the results'),
  resultStream: optional(
    'RESULT_STREAM',
    'queues',
    streamKey,
    'key of a Redis stream that receives every result, too; the same for all processes; in a Cluster with the hash tag of `QUEUE_PREFIX`',
  ),
  resultStreamMaxLength: variable(
    'RESULT_STREAM_MAXLEN',
    'queues',
    integer(1, 1_000_000_000),
    '100000',
    'results that the stream keeps, the last ones (some more, because Redis trims it by whole blocks)',
  ),

  soapEndpoint: required(
    'SOAP_ENDPOINT',
    'endpoint',
    url('http:', 'https:'),
    'URL of the .asmx; a user and password in it are sent as Basic',
  ),
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
    ms(1, 300_000),
    '10000',
    'deadline of one call, from connect to last byte',
  ),
  soapConnectTimeoutMs: variable(
    'SOAP_CONNECT_TIMEOUT_MS',
    'soap',
    ms(1, 300_000),
    '3000',
    "deadline of its connect; never above the call's",
  ),
  soapMaxResponseBytes: variable(
    'SOAP_MAX_RESPONSE_BYTES',
    'soap',
    // Reading 2 MiB of hostile XML blocks the event loop for some 50 ms. The record itself has about one KiB.
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
    urlWithPassword('http:', 'https:'),
    'proxy to an `https://` endpoint; user and password allowed. Never asked for loopback addresses',
    'password',
  ),
  httpProxy: optional(
    'HTTP_PROXY',
    'soap',
    urlWithPassword('http:', 'https:'),
    'proxy to an `http://` endpoint',
    'password',
  ),
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
    'calls',
    limit(0.001, 100_000, true),
    '50',
    'calls a second of the whole fleet, retries and probes included; `none`: no limit',
  ),
  rateBurst: variable(
    'RATE_LIMIT_BURST',
    'calls',
    integer(1, 100_000),
    '1',
    'calls that may leave at once after a pause',
  ),
  maxCallsInFlight: variable(
    'MAX_CALLS_IN_FLIGHT',
    'calls',
    limit(1, 100_000),
    'none',
    'calls of the whole fleet at one time',
  ),
  quotaCalls: variable(
    'QUOTA_CALLS',
    'calls',
    limit(1, 1_000_000_000),
    'none',
    'a second, longer limit on the calls of the whole fleet; spent, the fleet holds until it frees',
  ),
  quotaPeriodMs: variable(
    'QUOTA_PERIOD',
    'calls',
    duration,
    '1d',
    'period of that limit, as `1h` or `1d`; counted as it slides',
  ),
  interactiveShare: variable(
    'INTERACTIVE_SHARE',
    'calls',
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
    'calls',
    ms(1, 600_000),
    '25000',
    'one attempt from its first permit on; at least 15 s above a longer `SOAP_CALL_TIMEOUT_MS`, unless set. The job lock is 10 s longer',
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
  notFoundGuard: variable(
    'NOT_FOUND_GUARD',
    'calls',
    yesOrNo,
    'true',
    'when nine in ten of the last twenty answers found nothing, one call asks for what was found before; if that is gone, too, the fleet holds',
  ),
  breakerFailureRatio: variable(
    'BREAKER_FAILURE_RATIO',
    'calls',
    ratio(0.01, 1),
    '0.5',
    'the fleet holds when this share of the calls in the window failed',
  ),
  breakerMinCalls: variable('BREAKER_MIN_CALLS', 'calls', integer(1, 100_000), '20', 'of at least so many calls'),
  breakerWindowMs: variable(
    'BREAKER_WINDOW_MS',
    'calls',
    ms(100, 3_600_000),
    '10000',
    'that window; also: five failed calls and no answer for as long, at any traffic',
  ),
  holdMinMs: variable(
    'HOLD_MIN_MS',
    'calls',
    ms(10, 3_600_000),
    '1000',
    'time from the start of a hold to its first probe',
  ),
  holdMaxMs: variable(
    'HOLD_MAX_MS',
    'calls',
    ms(10, 3_600_000),
    '15000',
    'between probes at most, doubling; a hold for configuration goes on to 10 minutes, because accounts lock',
  ),
  retryAfterMaxMs: variable(
    'RETRY_AFTER_MAX_MS',
    'calls',
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
    "unconsumed results at which the fleet holds (one above 4 KiB counts as several), or at half of Redis' maxmemory; `none`: never",
  ),
  resultKeepMs: variable(
    'RESULT_KEEP_MS',
    'worker',
    ms(1000, DAY_MS),
    '600000',
    'how long the result of a lookup with `deliver: "wait"` can be asked for',
  ),
  resultMarkerTtlMs: variable(
    'RESULT_MARKER_TTL_MS',
    'worker',
    ms(65_000, YEAR_MS),
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
  drainTargetMs: variable(
    'DRAIN_TARGET_MS',
    'worker',
    ms(1000, DAY_MS),
    '300000',
    'in what time the workers that the metric `desired_workers` asks for would drain the backlog',
  ),
  notifyUrl: optional(
    'NOTIFY_URL',
    'worker',
    webhookUrl,
    'one of the fleet posts `{ "text": … }` there when a hold begins or ends, dead letters pile up, or results are not consumed',
    'whole',
  ),
  notifyMinGapMs: variable(
    'NOTIFY_MIN_GAP_MS',
    'worker',
    ms(1000, DAY_MS),
    '300000',
    'time between two notices of one kind, at least',
  ),
  heartbeatUrl: optional(
    'HEARTBEAT_URL',
    'worker',
    webhookUrl,
    'one of the fleet fetches it once a minute, while lookups end, nothing waits, or a hold explains why not',
    'whole',
  ),
  shutdownTimeoutMs: variable(
    'SHUTDOWN_TIMEOUT_MS',
    'stop',
    ms(0, 3_600_000),
    '25000',
    'what running lookups get at a stop before they are handed back, and requests before they are cut',
  ),
  metricsHost: variable(
    'METRICS_HOST',
    'metrics',
    host,
    '0.0.0.0',
    'where the HTTP of a worker, or of `webhook`, listens: `/metrics`, `/livez`, `/readyz`',
  ),
  metricsPort: variable('METRICS_PORT', 'metrics', integer(0, 65_535), '9464', 'its port; 0: any that is free'),

  apiHost: variable(
    'API_HOST',
    'api',
    host,
    '127.0.0.1',
    'where the HTTP API listens; another address than loopback needs `API_TOKENS`',
  ),
  apiPort: variable('API_PORT', 'api', integer(0, 65_535), '8080', 'its port; 0: any that is free'),
  apiTokens: optional(
    'API_TOKENS',
    'api',
    tokens,
    'who may do what: entries `name:role+role:token`, by comma or line; the file is read again when it changes; roles: `enqueue`, `results`, `view`, `operate`, `forget`',
    'whole',
  ),
  apiRequestsPerSecond: variable(
    'API_REQUESTS_PER_SECOND',
    'api',
    integer(1, 1_000_000),
    '200',
    'requests a second of each token that one process of the API takes',
  ),

  webhookUrl: required(
    'WEBHOOK_URL',
    'webhook',
    webhookUrl,
    'where `webhook` posts each result; a user and password in it are sent as Basic',
    'whole',
  ),
  webhookSecret: required(
    'WEBHOOK_SECRET',
    'webhook',
    webhookSecret,
    'key of the signature (Standard Webhooks): `whsec_` and base64, or plain text',
    'whole',
  ),
  webhookConcurrency: variable(
    'WEBHOOK_CONCURRENCY',
    'webhook',
    integer(1, 100),
    '4',
    'results on the way at one time',
  ),

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
