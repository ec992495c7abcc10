/** What `doctor` sees in the configuration alone, before anybody is asked. */

import { type AllConfig, ConfigError, type ConfigOf, loadConfig } from '../config/config.ts'
import { type Finding, fail, orPass, pass, warn } from '../fleet/finding.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** What could be read: a mistake in one part leaves the others. */
export interface ReadConfig {
  redis: ConfigOf<'redis' | 'queues'> | null
  service: ConfigOf<'redis' | 'queues' | 'endpoint' | 'soap' | 'calls'> | null
  /** How long a worker keeps what, and its rate. */
  keeping: Keeping | null
  findings: Finding[]
}

export interface Keeping {
  /** Null: no limit. */
  ratePerSecond: number | null
  keeps: { lookupsMs: number; markersMs: number }
}

const REDIS = ['redis', 'queues'] as const
const SERVICE = [...REDIS, 'endpoint', 'soap', 'calls'] as const
const NEEDED = [...REDIS, 'endpoint', 'soap'] as const

export function readConfig(env: Environment, flags: Environment): ReadConfig {
  const redis = readable(() => loadConfig(env, flags, REDIS, REDIS).config)
  const service = readable(() => loadConfig(env, flags, NEEDED, SERVICE).config)
  try {
    const { config, warnings } = loadConfig(env, flags, NEEDED)
    const { ratePerSecond, lookupRetentionMs: lookupsMs, resultMarkerTtlMs: markersMs } = config
    const keeping = { ratePerSecond, keeps: { lookupsMs, markersMs } }
    return { redis, service, keeping, findings: [...ofWhole(config), ...strangers(warnings)] }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const findings = [...error.problems.map(wrong), ...(service ? credentialsOf(service) : [])]
    return { redis, service, keeping: null, findings }
  }
}

function readable<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof ConfigError) return null
    throw error
  }
}

/** What Node itself reads. The service's certificate is checked all the same. */
export function ofNode(env: Environment): Finding[] {
  if (env.NODE_TLS_REJECT_UNAUTHORIZED !== '0') return []
  const says = 'NODE_TLS_REJECT_UNAUTHORIZED is 0: anybody may pass for Redis, or for whom we notify'
  return [warn('configuration', says, 'take it out, and set NODE_EXTRA_CA_CERTS to the authority that is not known')]
}

function wrong(problem: string): Finding {
  return fail('configuration', problem, 'chat-enricher config says where each value comes from')
}

function strangers(warnings: readonly string[]): Finding[] {
  const found = warnings.map((warning) =>
    warn('unknown-variable', warning, 'correct its name, or take it out: it has no effect'),
  )
  return orPass(found, 'unknown-variable', 'no variable of ours that is not known')
}

function ofWhole(config: AllConfig): Finding[] {
  return [
    pass('configuration', 'every variable is what it must be'),
    ...orPass(limitsOf(config), 'limits', 'the limits agree with each other'),
    ...orPass(timesOf(config), 'times', 'the time-outs agree with each other'),
    ...credentialsOf(config),
  ]
}

/** A whole quota that is gone in less than this share of its period is a typo, or a limit that is far too high. */
const GONE_TOO_SOON = 0.01

function limitsOf(config: AllConfig): Finding[] {
  const { ratePerSecond: rate, rateBurst: burst, maxCallsInFlight: inFlight, quotaCalls, quotaPeriodMs } = config
  const slots = config.concurrency + config.interactiveConcurrency
  const found: (false | [says: string, cure: string])[] = [
    inFlight !== null &&
      burst > inFlight && [`RATE_LIMIT_BURST ${burst} is above MAX_CALLS_IN_FLIGHT ${inFlight}`, 'lower the burst'],
    rate !== null &&
      burst > Math.max(1, rate) * 10 && [
        `RATE_LIMIT_BURST ${burst} lets ten seconds of the rate (${rate} a second) leave at once`,
        'lower the burst',
      ],
    inFlight !== null &&
      slots > inFlight && [
        `${slots} slots (CONCURRENCY and INTERACTIVE_CONCURRENCY) for MAX_CALLS_IN_FLIGHT ${inFlight}: the others only wait`,
        'lower CONCURRENCY',
      ],
    quotaCalls !== null && rate !== null && quotaOf(quotaCalls, (rate * quotaPeriodMs) / 1000),
  ]
  return found.flatMap((one) => (one ? [warn('limits', ...one)] : []))
}

function quotaOf(calls: number, atMost: number): false | [string, string] {
  if (calls >= atMost)
    return [`QUOTA_CALLS ${calls} cannot be reached at RATE_LIMIT_PER_SECOND`, 'check which is meant']
  if (calls > atMost * GONE_TOO_SOON) return false
  return [
    `at RATE_LIMIT_PER_SECOND the QUOTA_CALLS ${calls} are gone in less than a hundredth of QUOTA_PERIOD`,
    'lower the rate, so that a backlog is spread over the period',
  ]
}

function timesOf(config: AllConfig): Finding[] {
  const rechecksMs = (config.notFoundRecheck ?? []).reduce((sum, ms) => sum + ms, 0)
  const found: (false | [says: string, cure: string])[] = [
    config.shutdownTimeoutMs < config.soapCallTimeoutMs && [
      `SHUTDOWN_TIMEOUT_MS ${config.shutdownTimeoutMs} is below SOAP_CALL_TIMEOUT_MS ${config.soapCallTimeoutMs}: a stop cuts calls off, which are made again`,
      'raise SHUTDOWN_TIMEOUT_MS',
    ],
    config.lookupExpiryMs < config.lookupDeadlineMs && [
      `LOOKUP_EXPIRY_MS ${config.lookupExpiryMs} is below LOOKUP_DEADLINE_MS ${config.lookupDeadlineMs}: lookups expire in their first attempt`,
      'raise LOOKUP_EXPIRY_MS',
    ],
    rechecksMs >= config.lookupExpiryMs && [
      'the delays of NOT_FOUND_RECHECK together are as long as LOOKUP_EXPIRY_MS: a lookup expires before its last one',
      'shorten them, or raise LOOKUP_EXPIRY_MS',
    ],
  ]
  return found.flatMap((one) => (one ? [warn('times', ...one)] : []))
}

const CREDENTIALS = [
  ['SOAP_PUBLIC_KEY_1', 'soapPublicKey1'],
  ['SOAP_ENCRYPTED_USER', 'soapEncryptedUser'],
  ['SOAP_ENCRYPTED_PASSWORD', 'soapEncryptedPassword'],
  ['SOAP_ENCRYPTED_SIGNATURE', 'soapEncryptedSignature'],
] as const

/** They are sent as given, so what came in by a mistake of copying goes out, too. */
function credentialsOf(config: ConfigOf<'soap'>): Finding[] {
  const texts = CREDENTIALS.map(([name, key]) => ({ name, text: config[key]?.() ?? '' }))
  const odd = texts.flatMap(({ name, text }) => {
    const what = oddIn(text)
    return what === null
      ? []
      : [warn('credentials', `${name} ${what}`, 'take it out if it is not meant: it is sent as given')]
  })
  const twins = texts.filter(({ text }, index) => texts.some((other, at) => at !== index && other.text === text))
  if (twins.length > 0) {
    const names = twins.map(({ name }) => name).join(', ')
    odd.push(
      warn('credentials', `${names} have the same value`, 'check that none was copied into the place of another'),
    )
  }
  return orPass(odd, 'credentials', 'the four credentials have no blanks or quotes around them')
}

function oddIn(text: string): string | null {
  if (/^\s|\s$/.test(text)) return 'begins or ends with a blank or a line break'
  if (/[\r\n]/.test(text)) return 'has more than one line'
  if (/^(["']).*\1$/.test(text)) return 'stands in quotes'
  return null
}
