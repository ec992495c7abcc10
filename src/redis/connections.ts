/**
 * Connections to Redis: one server, the master that Sentinel names, or a Cluster. Every connection of the product is made
 * here, and signs in with what REDIS_URL (or its file) says at the moment it connects, so that a password can be rotated.
 */

import type { Socket } from 'node:net'
import { type ChainableCommander, Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import { monotonic } from '../clock.ts'
import { refusalWord } from './errors.ts'
import { quickenStrings } from './quick-strings.ts'
import { reopened } from './reopen.ts'
import { writeTogether } from './write-together.ts'

export type { ChainableCommander, Redis }

export interface Address {
  host: string
  port: number
}

/** Where Redis is, and how to sign in. */
export interface RedisPlace {
  /** User, password, TLS and database. Without sentinels and a cluster, also the host. */
  redisUrl: () => string
  redisSentinels: readonly Address[] | null
  redisSentinelMaster: string | null
  redisSentinelPassword: (() => string) | null
  redisClusterNodes: readonly Address[] | null
}

/** A Redis that is reached by a URL alone. */
export function singleRedis(url: string): RedisPlace {
  return {
    redisUrl: () => url,
    redisSentinels: null,
    redisSentinelMaster: null,
    redisSentinelPassword: null,
    redisClusterNodes: null,
  }
}

/** For people: the variable that names Redis, and its address without user and password. */
export function placeInWords(place: RedisPlace): { variable: string; where: string } {
  const { redisClusterNodes, redisSentinels, redisSentinelMaster, redisUrl } = place
  if (redisClusterNodes) return { variable: 'REDIS_CLUSTER_NODES', where: listed(redisClusterNodes) }
  if (redisSentinels)
    return { variable: 'REDIS_SENTINELS', where: `${redisSentinelMaster} of the sentinels ${listed(redisSentinels)}` }
  return { variable: 'REDIS_URL', where: new URL(redisUrl()).host || '127.0.0.1:6379' }
}

function listed(addresses: readonly Address[]): string {
  return addresses.map(({ host, port }) => `${host}:${port}`).join(', ')
}

/** How a connection behaves, whichever kind of Redis it goes to. */
interface Manner {
  options: Pick<
    RedisOptions,
    'maxRetriesPerRequest' | 'commandTimeout' | 'connectTimeout' | 'socketTimeout' | 'reconnectOnError'
  >
  /** ms until the next try to connect; null: give up. */
  tryAgain: (times: number) => number | null
  /** Commands wait until there is a connection. */
  waits: boolean
  /** In a Cluster: how often a command is sent again while no node serves its slot. */
  maxRedirections: number
}

type Common = Manner['options'] &
  Pick<RedisOptions, 'protocol' | 'connectionName' | 'retryStrategy' | 'enableOfflineQueue'>

/** Under five tries a second, down to one in two seconds. */
const backoff = (times: number) => Math.min(250 * 2 ** Math.min(times - 1, 4), 2000)

/**
 * A connection that owes an answer for this long is dropped and made anew, because the other end may be gone without a
 * word. Longer than Redis is ever asked to wait for a job (10 s), and short enough that locks, which are renewed every
 * 17.5 s, live on.
 */
const SILENT_MS = 15_000

/** A connection that waits for Redis as long as it takes. For workers, whose lookups wait in Redis meanwhile. */
export function patientConnection(place: RedisPlace, name: string): Redis {
  const redis = open(place, name, {
    options: { maxRetriesPerRequest: null, socketTimeout: SILENT_MS, reconnectOnError: onceASecond(isReadonly) },
    tryAgain: backoff,
    waits: true,
    maxRedirections: 120, // a minute: longer than a Cluster takes to elect another master
  })
  eachSocketOf(redis, writeTogether)
  return redis
}

/** A connection that gives up in less than a second. For metrics and health, which must answer while Redis hangs. */
export function impatientConnection(place: RedisPlace, name: string): Redis {
  return open(place, name, {
    options: {
      maxRetriesPerRequest: 1,
      commandTimeout: 750,
      connectTimeout: 750,
      socketTimeout: 3000,
      reconnectOnError: onceASecond(isReadonly),
    },
    tryAgain: backoff,
    waits: false,
    maxRedirections: 2,
  })
}

/** A connection for commands that a person or a script waits for: they fail within seconds and say why. */
export function commandConnection(place: RedisPlace, name: string): Redis {
  return open(place, name, {
    options: { maxRetriesPerRequest: null, connectTimeout: 3000, socketTimeout: 5000 },
    tryAgain: (times) => (times > 2 ? null : 200),
    waits: true,
    maxRedirections: 16,
  })
}

/**
 * A connection for a program that goes on after Redis' bad days: while Redis is away, what is asked fails within seconds;
 * once it is back, everything works again.
 */
export function standingConnection(place: RedisPlace, name: string, answersWithinMs = 5000): Redis {
  return open(place, name, {
    options: {
      maxRetriesPerRequest: 1,
      commandTimeout: answersWithinMs,
      connectTimeout: Math.min(3000, answersWithinMs),
      socketTimeout: 5000,
      reconnectOnError: onceASecond(isReadonly),
    },
    tryAgain: backoff,
    waits: true,
    maxRedirections: 16,
  })
}

/** The servers that hold data: each master of a Cluster, else the single server. */
export function mastersOf(redis: Redis): Redis[] {
  return redis.isCluster ? (redis as unknown as Cluster).nodes('master') : [redis]
}

/** READONLY means that our Redis was demoted: another one is master now, or this one will be again. */
function isReadonly(error: Error): boolean {
  return refusalWord(error) === 'READONLY'
}

/**
 * Makes a new connection and sends the command again, after an error that this may cure. At most once a second: otherwise
 * the caller gets the error, because a client that reconnects at each answer does nothing else.
 */
function onceASecond(isCurable: (error: Error) => boolean): (error: Error) => false | 2 {
  let lastAt = Number.NEGATIVE_INFINITY
  return (error) => {
    if (!isCurable(error) || monotonic() - lastAt < 1000) return false
    lastAt = monotonic()
    return 2
  }
}

function open(place: RedisPlace, name: string, manner: Manner): Redis {
  quickenStrings()
  // RESP 2, because RESP 3 has nothing that we need.
  const common = { ...manner.options, protocol: 2 as const, connectionName: `chat-enricher:${name}` }
  if (place.redisClusterNodes) return openCluster(place, place.redisClusterNodes, common, manner)
  const retrying = { ...common, retryStrategy: manner.tryAgain, enableOfflineQueue: manner.waits }
  if (place.redisSentinels) return openBySentinel(place, place.redisSentinels, retrying, manner)
  return fresh(
    new Redis(place.redisUrl(), retrying),
    liveSignIn(place.redisUrl, 'host', 'port', 'username', 'password'),
  )
}

function openBySentinel(place: RedisPlace, sentinels: readonly Address[], options: Common, manner: Manner) {
  const { username, password, db, tls } = signIn(place.redisUrl())
  const sentinelPassword = place.redisSentinelPassword?.()
  const redis = new Redis({
    ...options,
    sentinels: [...sentinels],
    name: place.redisSentinelMaster ?? '',
    sentinelRetryStrategy: manner.tryAgain,
    // The machine of a lost master closes no connection, so the sentinels tell us when there is another master.
    failoverDetector: true,
    sentinelReconnectStrategy: backoff,
    ...(db === undefined ? {} : { db }),
    ...(tls ? { tls, sentinelTLS: tls, enableTLSForSentinelMode: true } : {}),
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(sentinelPassword ? { sentinelPassword } : {}),
  })
  const { redisSentinelPassword } = place
  const ofSentinels = redisSentinelPassword ? { sentinelPassword: redisSentinelPassword } : {}
  const live = fresh(redis, { ...liveSignIn(place.redisUrl, 'username', 'password'), ...ofSentinels })
  return manner.tryAgain === backoff ? reopened(live) : live
}

function openCluster(place: RedisPlace, nodes: readonly Address[], options: Common, manner: Manner): Redis {
  const { username, password, tls } = signIn(place.redisUrl())
  const settings = {
    redisOptions: {
      ...options,
      ...(tls ? { tls } : {}),
      ...(username ? { username } : {}),
      ...(password ? { password } : {}),
    },
    clusterRetryStrategy: manner.tryAgain,
    enableOfflineQueue: manner.waits,
    maxRedirections: manner.maxRedirections,
    // Each of them also asks every node for the masters again.
    retryDelayOnFailover: 500,
    retryDelayOnClusterDown: 500,
    retryDelayOnMoved: 100,
    // By name, because a certificate is made out to a name.
    ...(tls ? { dnsLookup: asItIs } : {}),
  }
  return asRedis(freshCluster(new Cluster([...nodes], settings), liveSignIn(place.redisUrl, 'username', 'password')))
}

const asItIs: NonNullable<ClusterOptions['dnsLookup']> = (host, found) => found(null, host)

/** A Cluster has every command and event of a Redis. `mastersOf` is for the few that concern a single server. */
function asRedis(cluster: Cluster): Redis {
  return cluster as unknown as Redis
}

type SignIn = Pick<RedisOptions, 'host' | 'port' | 'username' | 'password' | 'db' | 'tls'>

/** The options that ioredis reads from a URL. */
function signIn(url: string): SignIn {
  return new Redis(url, { lazyConnect: true }).options
}

/** Options that are read again at each connect. */
type Live = { [name: string]: () => unknown }

function liveSignIn(url: () => string, ...names: (keyof SignIn)[]): Live {
  return Object.fromEntries(names.map((name) => [name, () => signIn(url())[name]]))
}

/** Applies to what BullMQ duplicates from the connection, too. */
function fresh(redis: Redis, live: Live): Redis {
  for (const [name, get] of Object.entries(live))
    Object.defineProperty(redis.options, name, { get, enumerable: true, configurable: true })
  const duplicate = redis.duplicate.bind(redis)
  redis.duplicate = (...args) => fresh(duplicate(...args), live)
  return redis
}

function freshCluster(cluster: Cluster, live: Live): Cluster {
  cluster.on('+node', (node: Redis) => fresh(node, live))
  const duplicate = cluster.duplicate.bind(cluster)
  cluster.duplicate = (...args) => freshCluster(duplicate(...args), live)
  return cluster
}

function eachSocketOf(redis: Redis, use: (socket: Socket) => void): void {
  const onConnect = (node: Redis) => void node.on('connect', () => use(node.stream as Socket))
  if (redis.isCluster) redis.on('+node', onConnect)
  else onConnect(redis)
}
