/** Where Redis is and which queues, from the options of a program instead of variables. The environment is not looked at. */

import { ConfigError, type ConfigOf, loadConfig } from './config.ts'
import { VARIABLES } from './table.ts'

interface Address {
  host: string
  port: number
}

/** Each stands for the variable of the same name, with its default where it is not said. */
export interface RedisOptions {
  /** `redis://` or `rediss://`, with user and password; `redis://127.0.0.1:6379` if not said. */
  redisUrl?: string | undefined
  /** The sentinels that know where Redis is; user, password, TLS and database are those of `redisUrl`. */
  redisSentinels?: readonly Address[] | undefined
  /** The name that the sentinels have for the master. */
  redisSentinelMaster?: string | undefined
  redisSentinelPassword?: string | undefined
  /** Some nodes of a Cluster; `prefix` then needs a hash tag, and is `{bull}` if not said. */
  redisClusterNodes?: readonly Address[] | undefined
  /** BullMQ's prefix, and that of every other key; `bull` if not said. */
  prefix?: string | undefined
  /** `chat-lookups` if not said. */
  lookupQueue?: string | undefined
  /** `chat-lookups-interactive` if not said. */
  interactiveQueue?: string | undefined
  /** `chat-results` if not said. */
  resultQueue?: string | undefined
  /** The stream that the workers write every result to, too; none if not said. */
  resultStream?: string | undefined
  /** Results that it keeps; 100,000 if not said. */
  resultStreamMaxLength?: number | undefined
  /** Needed by what is about holds and limits, where workers have called several services here. */
  soapEndpoint?: string | undefined
}

const GROUPS = ['redis', 'queues', 'endpoint'] as const

/** Throws a ConfigError that names each option that is wrong, what was expected and what was got, never a secret. */
export function configFromOptions(options: RedisOptions): ConfigOf<(typeof GROUPS)[number]> {
  const unknown = Object.keys(options).filter((name) => !KEYS.has(name))
  if (unknown.length > 0) throw new ConfigError(unknown.map((name) => `${name}: expected no such option, got one`))
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const variables = given.map(([key, value]) => [VARIABLES[key as keyof RedisOptions].name, textOf(value)])
  try {
    return loadConfig({}, Object.fromEntries(variables), [], GROUPS).config
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(error.problems.map(byOptions)) : error
  }
}

const OPTIONS = Object.entries(VARIABLES).filter(([, { group }]) => (GROUPS as readonly string[]).includes(group))
const KEYS = new Set(OPTIONS.map(([key]) => key))

function textOf(value: unknown): string {
  if (!Array.isArray(value)) return String(value)
  const texts = (value as Address[]).map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`)
  return texts.join(',')
}

/** How results are published, where no worker's environment says it. */
export function publishingDefaults(): Pick<
  ConfigOf<'worker'>,
  'resultMarkerTtlMs' | 'resultKeepMs' | 'lookupRetentionMs' | 'resultBacklogLimit'
> {
  const { config } = loadConfig({}, {}, [], ['worker'])
  const { resultMarkerTtlMs, resultKeepMs, lookupRetentionMs, resultBacklogLimit } = config
  return { resultMarkerTtlMs, resultKeepMs, lookupRetentionMs, resultBacklogLimit }
}

/** The text with options where it names variables: the longest names first, because one is the beginning of another. */
export function byOptions(problem: string): string {
  const longestFirst = OPTIONS.toSorted(([, one], [, other]) => other.name.length - one.name.length)
  return longestFirst.reduce((text, [key, { name }]) => text.replaceAll(name, key), problem)
}
