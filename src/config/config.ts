/**
 * Configuration: one table of variables, read from the environment, from files (`NAME_FILE`) and from flags, checked all
 * together, and frozen. A variable stands here when its feature works, not before.
 */

import { crossCheck } from './cross-check.ts'
import { FOLLOWING } from './defaults.ts'
import { mask, withoutSecrets } from './mask.ts'
import { nearestName, ofOurs } from './names.ts'
import { type Secret, secretFile, secretValue } from './secret.ts'
import { VARIABLES, type Variable, type VariableGroup } from './table.ts'

type Table = typeof VARIABLES

/** Every variable. */
export type AllConfig = { readonly [K in keyof Table]: Table[K] extends Variable<infer T> ? T : never }

type KeyIn<G extends VariableGroup> = { [K in keyof Table]: Table[K] extends { group: G } ? K : never }[keyof Table]

/** The variables of these groups. A command reads only its own, so it neither sees nor checks the others. */
export type ConfigOf<G extends VariableGroup> = Pick<AllConfig, KeyIn<G>>

/** Every variable of a worker. For the one place that puts a worker together. */
export type Config = ConfigOf<Exclude<VariableGroup, 'api' | 'webhook'>>

/**
 * Every variable of the HTTP API; without SOAP_ENDPOINT it sees the only service that workers have called. Of a worker's it reads
 * how results are published, because it cancels lookups.
 */
export type ApiConfig = ConfigOf<'redis' | 'queues' | 'endpoint' | 'worker' | 'stop' | 'api' | 'log'>

/** Every variable of the webhook. */
export type WebhookConfig = ConfigOf<'redis' | 'queues' | 'webhook' | 'metrics' | 'stop' | 'log'>

export interface Setting {
  name: string
  /** As text, secrets masked. */
  shown: string
  source: 'default' | 'environment' | 'file' | 'flag' | 'not set'
}

export interface Loaded<G extends VariableGroup = VariableGroup> {
  config: ConfigOf<G>
  settings: Setting[]
  /** Variables that look like ours but are not. */
  warnings: string[]
}

/** Everything that is wrong with the configuration, one line each: the variable, what was expected, what was got. */
export class ConfigError extends Error {
  readonly problems: string[]
  constructor(problems: string[]) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

type Environment = Readonly<Record<string, string | undefined>>
type Entry = [key: keyof AllConfig, variable: Variable<unknown>]

const ALL: readonly VariableGroup[] = [...new Set(Object.values(VARIABLES).map(({ group }) => group))]

/**
 * Reads and checks the variables of `groups`. The required ones of the groups in `needs` must be set. Flags, keyed by
 * variable name, win over the environment. Throws a ConfigError with all problems at once.
 */
export function loadConfig<G extends VariableGroup = VariableGroup>(
  env: Environment,
  flags: Environment = {},
  needs: readonly VariableGroup[] = [],
  groups: readonly G[] = ALL as readonly G[],
): Loaded<G> {
  const entries = (Object.entries(VARIABLES) as Entry[]).filter(([, { group }]) => groups.includes(group as G))
  const given = new Reading()
  for (const [key, variable] of entries) given.add(key, variable, () => readGiven(variable, env, flags))
  const all = new Reading(given)
  for (const [key, variable] of entries) {
    if (!given.has(key)) all.add(key, variable, () => standard(key, variable, needs, given.values))
  }
  const config = Object.freeze(all.values) as ConfigOf<G>
  const problems = [...entries.flatMap(([key]) => all.problems.get(key) ?? []), ...crossCheck(given.values, config)]
  if (problems.length > 0) throw new ConfigError(problems)
  return { config, settings: entries.flatMap(([key]) => all.settings.get(key) ?? []), warnings: strangers(env) }
}

interface Value {
  value: unknown
  shown: string
  source: Setting['source']
}

/** What has been read so far, by key. */
class Reading {
  readonly values: Record<string, unknown>
  readonly settings: Map<string, Setting>
  readonly problems: Map<string, string>

  constructor(before?: Reading) {
    this.values = { ...before?.values }
    this.settings = new Map(before?.settings)
    this.problems = new Map(before?.problems)
  }

  has(key: string): boolean {
    return this.settings.has(key) || this.problems.has(key)
  }

  add(key: string, { name }: Variable<unknown>, read: () => Value | null): void {
    try {
      const found = read()
      if (!found) return
      const { value, ...setting } = found
      this.values[key] = value
      this.settings.set(key, { name, ...setting })
    } catch (error) {
      this.problems.set(key, `${name}: ${(error as Error).message}`)
    }
  }
}

/** Null where nothing was set. */
function readGiven(variable: Variable<unknown>, env: Environment, flags: Environment): Value | null {
  const { given, file, source } = whatIsGiven(variable, env, flags)
  if (file !== undefined) {
    const contents = readable(variable.name, file)
    return { value: parseShowing(variable, contents(), contents), shown: `(from ${file})`, source: 'file' }
  }
  if (given === undefined) return null
  return { value: parseShowing(variable, given, secretValue(given)), shown: mask(variable, given), source }
}

function standard(
  key: keyof AllConfig,
  variable: Variable<unknown>,
  needs: readonly string[],
  given: Partial<AllConfig>,
): Value {
  const { group, required, fallback, unset } = variable
  if (required && needs.includes(group)) throw new Error(`expected ${expectedOf(variable)}; it is not set`)
  const following = FOLLOWING[key]?.(given)
  if (following !== undefined) return { value: following, shown: String(following), source: 'default' }
  if (fallback === undefined) return { value: unset, shown: '', source: 'not set' }
  return { value: variable.parse(fallback, secretValue(fallback)), shown: fallback, source: 'default' }
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

/** A flag wins over the environment, whether they give the value or its file. */
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

/** An empty variable is not set: a compose file makes one of each variable that its own environment lacks. */
function text(env: Environment, name: string): string | undefined {
  return env[name] === '' ? undefined : env[name]
}

function parseShowing(variable: Variable<unknown>, given: string, secret: Secret): unknown {
  try {
    return variable.parse(given, secret)
  } catch (error) {
    const { message } = error as Error
    const shown = `${JSON.stringify(withoutSecrets(given).slice(0, 80))}${message ? ` (${message})` : ''}`
    const got = variable.secret === undefined ? shown : message || 'something else, which is a secret and not shown'
    throw new Error(`expected ${expectedOf(variable)}, got ${got}`)
  }
}

function expectedOf({ name, expected }: Variable<unknown>): string {
  return expected.replace('NAME_FILE', `${name}_FILE`)
}

function strangers(env: Environment): string[] {
  const known = Object.values(VARIABLES).flatMap(({ name, secret }) => (secret ? [name, `${name}_FILE`] : [name]))
  return Object.keys(env)
    .filter((name) => text(env, name) !== undefined && !known.includes(name) && ofOurs(name, known))
    .map((name) => `${name}: not a variable of chat-enricher; did you mean ${nearestName(name, known)}?`)
}
