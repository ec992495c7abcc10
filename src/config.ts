/**
 * Configuration: one table of variables, read from the environment, from files (`NAME_FILE`) and from flags, checked all
 * together, and frozen. A variable stands here when its feature works, not before.
 */

import { nearestName, ofOurs } from './config-names.ts'
import { VARIABLES, type Variable, type VariableGroup } from './config-table.ts'
import { secretFile, secretValue } from './secret.ts'

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
  if (problems.length === 0) problems.push(...crossCheck(config))
  if (problems.length > 0) throw new ConfigError(problems)
  return { config, settings, warnings: strangers(env) }
}

function read(variable: Variable<unknown>, env: Environment, flags: Environment, needs: readonly VariableGroup[]) {
  const { name, group, required, fallback } = variable
  const file = text(flags, `${name}_FILE`) ?? text(env, `${name}_FILE`)
  const given = text(flags, name) ?? text(env, name)
  if (variable.secret !== undefined && file !== undefined && given !== undefined) {
    throw new Error(`expected one of ${name} and ${name}_FILE, got both`)
  }
  if (variable.secret !== undefined && file !== undefined) {
    const contents = secretFile(file)
    return { name, value: variable.parse(contents(), contents), shown: `(from ${file})`, source: 'file' as const }
  }
  if (given !== undefined) {
    const source = text(flags, name) === undefined ? ('environment' as const) : ('flag' as const)
    const value = parseShowing(variable, given)
    return { name, value, shown: mask(variable, given), source }
  }
  if (required && needs.includes(group)) throw new Error(`expected ${variable.expected}, got nothing`)
  if (fallback === undefined) return { name, value: variable.unset, shown: '', source: 'not set' as const }
  return { name, value: variable.parse(fallback, secretValue(fallback)), shown: fallback, source: 'default' as const }
}

/** Set to nothing is not set: what a compose file makes of a variable that its own environment lacks. */
function text(env: Environment, name: string): string | undefined {
  return env[name] === '' ? undefined : env[name]
}

function parseShowing(variable: Variable<unknown>, given: string): unknown {
  try {
    return variable.parse(given, secretValue(given))
  } catch (error) {
    const got = variable.secret === undefined ? JSON.stringify(given.slice(0, 80)) : 'a secret that is not that'
    throw new Error(
      `expected ${variable.expected}, got ${got}${(error as Error).message ? ` (${(error as Error).message})` : ''}`,
    )
  }
}

function mask(variable: Variable<unknown>, given: string): string {
  if (variable.secret === undefined) return given
  return variable.secret === 'whole' ? '********' : given.replace(/(\/\/[^:@/]*):[^@]*@/, '$1:********@')
}

/** What no variable can say by itself. */
function crossCheck(config: Config): string[] {
  const checks: [boolean, string][] = [
    [
      new Set([config.lookupQueue, config.interactiveQueue, config.resultQueue]).size === 3,
      'LOOKUP_QUEUE, INTERACTIVE_QUEUE, RESULT_QUEUE: expected three different names, got the same one twice',
    ],
    [
      config.soapCallTimeoutMs <= config.lookupDeadlineMs,
      `SOAP_CALL_TIMEOUT_MS: expected at most LOOKUP_DEADLINE_MS (${config.lookupDeadlineMs}), got ${config.soapCallTimeoutMs}`,
    ],
    [
      config.soapConnectTimeoutMs <= config.soapCallTimeoutMs,
      `SOAP_CONNECT_TIMEOUT_MS: expected at most SOAP_CALL_TIMEOUT_MS (${config.soapCallTimeoutMs}), got ${config.soapConnectTimeoutMs}`,
    ],
    [
      config.lookupBackoffMinMs <= config.lookupBackoffMaxMs,
      `LOOKUP_BACKOFF_MIN_MS: expected at most LOOKUP_BACKOFF_MAX_MS (${config.lookupBackoffMaxMs}), got ${config.lookupBackoffMinMs}`,
    ],
    [
      config.concurrency + config.interactiveConcurrency > 0,
      'CONCURRENCY: expected CONCURRENCY or INTERACTIVE_CONCURRENCY above 0, got 0 for both',
    ],
    [
      (config.soapClientCertFile === null) === (config.soapClientKeyFile === null),
      'SOAP_CLIENT_CERT_FILE: expected it together with SOAP_CLIENT_KEY_FILE, got one without the other',
    ],
    [codesAreApart(config), 'SOAP_*_CODES: expected each response code in one list only, got one in several'],
  ]
  return checks.filter(([fine]) => !fine).map(([, problem]) => problem)
}

function codesAreApart(config: Config): boolean {
  const { soapEnrichedCodes, soapNotFoundCodes, soapRetryCodes, soapHoldCodes } = config
  const all = [soapEnrichedCodes, soapNotFoundCodes, soapRetryCodes, soapHoldCodes].flatMap((codes) => [
    ...(codes ?? []),
  ])
  return new Set(all).size === all.length
}

function strangers(env: Environment): string[] {
  const known = Object.values(VARIABLES).flatMap(({ name, secret }) => (secret ? [name, `${name}_FILE`] : [name]))
  return Object.keys(env)
    .filter((name) => !known.includes(name) && ofOurs(name, known))
    .map((name) => `${name}: not a variable of chat-enricher; did you mean ${nearestName(name, known)}?`)
}
