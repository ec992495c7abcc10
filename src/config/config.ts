/**
 * Configuration: one table of variables, read from the environment, from files (`NAME_FILE`) and from flags, checked all
 * together, and frozen. A variable stands here when its feature works, not before.
 */

import { nearestName, ofOurs } from './names.ts'
import { type Secret, secretFile, secretValue } from './secret.ts'
import { VARIABLES, type Variable, type VariableGroup } from './table.ts'

export type Config = {
  readonly [K in keyof typeof VARIABLES]: (typeof VARIABLES)[K] extends Variable<infer T> ? T : never
}

export interface Setting {
  name: string
  /** As text, secrets masked. */
  shown: string
  source: 'default' | 'environment' | 'file' | 'flag' | 'not set'
}

export interface Loaded {
  config: Config
  settings: Setting[]
  /** Variables that look like ours but are not. */
  warnings: string[]
}

/** All that is wrong with the configuration: a line each with the variable, what was expected and what was got. */
export class ConfigError extends Error {
  readonly problems: string[]
  constructor(problems: string[]) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads and checks everything. `needs` names the groups whose required variables must be set; flags stand above the
 * environment, keyed by variable name. Throws a ConfigError with all problems at once.
 */
export function loadConfig(env: Environment, flags: Environment = {}, needs: readonly VariableGroup[] = []): Loaded {
  const problems: string[] = []
  const settings: Setting[] = []
  const values: Record<string, unknown> = {}
  for (const [key, variable] of Object.entries(VARIABLES) as [keyof Config, Variable<unknown>][]) {
    try {
      const { value, ...setting } = read(variable, env, flags, needs)
      values[key] = value
      settings.push(setting)
    } catch (error) {
      problems.push(`${variable.name}: ${(error as Error).message}`)
    }
  }
  const config = Object.freeze(values) as Config
  problems.push(...crossCheck(config))
  if (problems.length > 0) throw new ConfigError(problems)
  return { config, settings, warnings: strangers(env) }
}

function read(variable: Variable<unknown>, env: Environment, flags: Environment, needs: readonly VariableGroup[]) {
  const { name, group, required, fallback } = variable
  const { given, file, source } = whatIsGiven(variable, env, flags)
  if (file !== undefined) {
    const contents = readable(name, file)
    const value = parseShowing(variable, contents(), contents)
    return { name, value, shown: `(from ${file})`, source: 'file' as const }
  }
  if (given !== undefined) {
    const value = parseShowing(variable, given, secretValue(given))
    return { name, value, shown: mask(variable, given), source }
  }
  if (required && needs.includes(group)) throw new Error(`expected ${expectedOf(variable)}, got nothing`)
  if (fallback === undefined) return { name, value: variable.unset, shown: '', source: 'not set' as const }
  return { name, value: variable.parse(fallback, secretValue(fallback)), shown: fallback, source: 'default' as const }
}

function readable(name: string, file: string): Secret {
  try {
    return secretFile(file)
  } catch (error) {
    throw new Error(
      `expected the path of a file that can be read in ${name}_FILE, got ${JSON.stringify(file)} (${(error as Error).message})`,
    )
  }
}

/** A flag stands above the environment, whichever of the value and its file either gives. */
function whatIsGiven({ name, secret }: Variable<unknown>, env: Environment, flags: Environment) {
  for (const [from, source] of [
    [flags, 'flag' as const],
    [env, 'environment' as const],
  ] as const) {
    const given = text(from, name)
    const file = secret === undefined ? undefined : text(from, `${name}_FILE`)
    if (given !== undefined && file !== undefined) throw new Error(`expected one of ${name} and ${name}_FILE, got both`)
    if (given !== undefined || file !== undefined) return { given, file, source }
  }
  return { given: undefined, file: undefined, source: 'environment' as const }
}

/** Set to nothing is not set: what a compose file makes of a variable that its own environment lacks. */
function text(env: Environment, name: string): string | undefined {
  return env[name] === '' ? undefined : env[name]
}

function parseShowing(variable: Variable<unknown>, given: string, secret: Secret): unknown {
  try {
    return variable.parse(given, secret)
  } catch (error) {
    const got =
      variable.secret === undefined ? JSON.stringify(withoutPassword(given).slice(0, 80)) : 'a secret that is not that'
    const { message } = error as Error
    throw new Error(`expected ${expectedOf(variable)}, got ${got}${message ? ` (${message})` : ''}`)
  }
}

function expectedOf({ name, expected }: Variable<unknown>): string {
  return expected.replace('NAME_FILE', `${name}_FILE`)
}

function mask(variable: Variable<unknown>, given: string): string {
  return variable.secret === 'whole' ? MASK : withoutPassword(given)
}

const MASK = '********'

/** Of any URL, whether it is a secret of ours or not; a password may contain an @, and may stand in the query. */
function withoutPassword(given: string): string {
  const password = URL.canParse(given) ? /(\/\/[^:/?#]*):[^/?#]*@/ : /(\/\/[^:]*):.*@/
  return given.replace(password, `$1:${MASK}@`).replace(/([?&](?:password|pass|pwd)=)[^&#]*/gi, `$1${MASK}`)
}

/** What no variable can say by itself: of which variables it speaks, whether they agree, and what is wrong if not. */
type CrossCheck = [keys: (keyof Config)[], agree: (config: Config) => boolean, problem: (config: Config) => string]

const QUEUE_KEYS = ['lookupQueue', 'interactiveQueue', 'resultQueue'] as const
const CODE_KEYS = ['soapEnrichedCodes', 'soapNotFoundCodes', 'soapRetryCodes', 'soapHoldCodes'] as const

const CROSS_CHECKS: CrossCheck[] = [
  [
    [...QUEUE_KEYS],
    (config) => allDiffer(QUEUE_KEYS.map((key) => config[key])),
    () => 'LOOKUP_QUEUE, INTERACTIVE_QUEUE, RESULT_QUEUE: expected three different names, got the same one twice',
  ],
  atMost('soapCallTimeoutMs', 'lookupDeadlineMs'),
  atMost('soapConnectTimeoutMs', 'soapCallTimeoutMs'),
  atMost('lookupBackoffMinMs', 'lookupBackoffMaxMs'),
  atMost('holdMinMs', 'holdMaxMs'),
  [
    ['redisSentinels', 'redisSentinelMaster'],
    (config) => (config.redisSentinels === null) === (config.redisSentinelMaster === null),
    () => 'REDIS_SENTINELS: expected it together with REDIS_SENTINEL_MASTER, got one without the other',
  ],
  [
    ['redisSentinels', 'redisSentinelPassword'],
    (config) => config.redisSentinelPassword === null || config.redisSentinels !== null,
    () => 'REDIS_SENTINEL_PASSWORD: expected it together with REDIS_SENTINELS, got it alone',
  ],
  [
    ['redisSentinels', 'redisClusterNodes'],
    (config) => config.redisSentinels === null || config.redisClusterNodes === null,
    () => 'REDIS_SENTINELS: expected it or REDIS_CLUSTER_NODES, got both: a Cluster has no sentinels',
  ],
  [
    ['redisUrl', 'redisClusterNodes'],
    (config) => config.redisClusterNodes === null || !hasDatabase(config.redisUrl()),
    () => 'REDIS_URL: expected no database beside REDIS_CLUSTER_NODES (a Cluster has one alone), got one',
  ],
  [
    ['prefix', 'redisClusterNodes'],
    (config) => config.redisClusterNodes === null || hasHashTag(config.prefix),
    (config) =>
      'QUEUE_PREFIX: expected a hash tag, as {chat}, beside REDIS_CLUSTER_NODES, so that all keys lie on one node; ' +
      `got ${JSON.stringify(config.prefix)}`,
  ],
  [
    ['concurrency', 'interactiveConcurrency'],
    (config) => config.concurrency + config.interactiveConcurrency > 0,
    () => 'CONCURRENCY: expected CONCURRENCY or INTERACTIVE_CONCURRENCY above 0, got 0 for both',
  ],
  [
    ['soapClientCertFile', 'soapClientKeyFile'],
    (config) => (config.soapClientCertFile === null) === (config.soapClientKeyFile === null),
    () => 'SOAP_CLIENT_CERT_FILE: expected it together with SOAP_CLIENT_KEY_FILE, got one without the other',
  ],
  [
    [...CODE_KEYS],
    (config) => allDiffer(CODE_KEYS.flatMap((key) => [...(config[key] ?? [])])),
    () => 'SOAP_*_CODES: expected each response code in one list only, got one in several',
  ],
]

type NumberKey = { [K in keyof Config]: Config[K] extends number ? K : never }[keyof Config]

function atMost(small: NumberKey, large: NumberKey): CrossCheck {
  const problem = (config: Config) =>
    `${VARIABLES[small].name}: expected at most ${VARIABLES[large].name} (${config[large]}), got ${config[small]}`
  return [[small, large], (config) => config[small] <= config[large], problem]
}

/** Of a key a Cluster looks at what stands between the first { and the next }, unless that is nothing. */
function hasHashTag(prefix: string): boolean {
  const [, tag = ''] = /^[^{]*\{([^}]*)\}/.exec(prefix) ?? []
  return tag !== ''
}

function hasDatabase(url: string): boolean {
  const { pathname, searchParams } = new URL(url)
  return /^\/0*[1-9]/.test(pathname) || Number(searchParams.get('db') ?? 0) > 0
}

function allDiffer(values: unknown[]): boolean {
  return new Set(values).size === values.length
}

/** Of those whose variables are each right by itself. */
function crossCheck(config: Config): string[] {
  return CROSS_CHECKS.filter(([keys, agree]) => keys.every((key) => key in config) && !agree(config)).map(
    ([, , problem]) => problem(config),
  )
}

function strangers(env: Environment): string[] {
  const known = Object.values(VARIABLES).flatMap(({ name, secret }) => (secret ? [name, `${name}_FILE`] : [name]))
  return Object.keys(env)
    .filter((name) => text(env, name) !== undefined && !known.includes(name) && ofOurs(name, known))
    .map((name) => `${name}: not a variable of chat-enricher; did you mean ${nearestName(name, known)}?`)
}
