/** Connections to Redis, the check before anything starts, and what is said (and how often) when Redis makes trouble. */

import type { Socket } from 'node:net'
import { Redis } from 'ioredis'
import { monotonic } from '../clock.ts'
import type { Observe, RedisErrorKind } from '../domain/event.ts'

export type { Redis } from 'ioredis'

/**
 * A connection that owes an answer for so long is dropped, and another one is made: the other end may be gone without a
 * word. Longer than Redis is ever asked to wait for a job (10 s); short enough that locks, renewed every 17.5 s, live on.
 */
const SILENT_MS = 15_000

/**
 * A connection that waits for Redis as long as it takes: for workers, whose lookups are safe in Redis meanwhile.
 * READONLY means that our Redis was demoted: reconnect, and send the command again.
 */
export function patientConnection(url: string, name: string): Redis {
  const redis = new Redis(url, {
    ...COMMON,
    connectionName: `chat-enricher:${name}`,
    maxRetriesPerRequest: null,
    socketTimeout: SILENT_MS,
    reconnectOnError: (error: Error) => (/READONLY/.test(error.message) ? 2 : false),
  })
  redis.on('connect', () => writeTogether(redis.stream))
  return redis
}

/**
 * Sends what is written in one turn of the event loop together: a worker writes a command for each of many lookups, and
 * each write of its own would be a system call. Order and contents stay as they are.
 */
function writeTogether(socket: Pick<Socket, 'write' | 'cork' | 'uncork'>): void {
  const write = socket.write.bind(socket)
  let isCorked = false
  const uncork = () => {
    isCorked = false
    socket.uncork()
  }
  socket.write = ((...args: Parameters<typeof write>) => {
    if (!isCorked) {
      isCorked = true
      socket.cork()
      setImmediate(uncork)
    }
    return write(...args)
  }) as typeof write
}

/** A connection that gives up in less than a second: for metrics and health, which must answer while Redis hangs. */
export function impatientConnection(url: string, name: string): Redis {
  return new Redis(url, {
    ...COMMON,
    connectionName: `chat-enricher:${name}`,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    commandTimeout: 750,
    connectTimeout: 750,
    socketTimeout: 3000,
  })
}

/** A connection for commands that a person or a script waits for: they fail in seconds, saying why. */
export function commandConnection(url: string, name: string): Redis {
  return new Redis(url, {
    ...COMMON,
    connectionName: `chat-enricher:${name}`,
    maxRetriesPerRequest: null,
    connectTimeout: 3000,
    socketTimeout: 5000,
    retryStrategy: (times: number) => (times > 2 ? null : 200),
  })
}

const COMMON = { protocol: 2, retryStrategy: (times: number) => Math.min(100 * 2 ** Math.min(times, 5), 2000) } as const

/** What stands in the way, each with its cure; empty when Redis is fit to hold a queue. Throws when it cannot be asked. */
export async function preflight(redis: Redis): Promise<string[]> {
  const info = await redis.info()
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''
  const problems: string[] = []
  const [major = 0, minor = 0] = (field('redis_version') || '0.0').split('.').map(Number)
  if (major < 6 || (major === 6 && minor < 2)) {
    problems.push(`REDIS_URL: expected Redis 6.2 or newer (or Valkey), got ${field('redis_version')}`)
  }
  const policy = field('maxmemory_policy')
  if (policy !== 'noeviction') {
    problems.push(
      `REDIS_URL: expected maxmemory-policy noeviction (any other may throw lookups away), got ${policy}: ` +
        'set `maxmemory-policy noeviction` in redis.conf, or `CONFIG SET maxmemory-policy noeviction`',
    )
  }
  return problems
}

/** Redis names its errors in the first word of the message; that word is the code, the rest is never looked at. */
export function kindOfRedisError(error: unknown): RedisErrorKind {
  const { message = '', code = '', previousErrors } = error as RedisError
  // A MULTI says only that it was not done; why, says what came before.
  if (previousErrors?.[0]) return kindOfRedisError(previousErrors[0])
  if (/^(ECONN|EPIPE|ENOTFOUND|EAI_|EHOST|ENET|ETIMEDOUT)/.test(code)) return 'connection'
  const row = KINDS.find(([pattern]) => pattern.test(message))
  return row?.[1] ?? 'other'
}

interface RedisError {
  name?: string
  message?: string
  code?: string
  previousErrors?: Error[]
}

/** Redis was there and said no. */
export function isRefusal(error: unknown): boolean {
  return (error as RedisError | null)?.name === 'ReplyError'
}

/** Of Redis or of BullMQ about what lies in Redis, not a mistake of ours. */
export function isRedisError(error: unknown): boolean {
  return isRefusal(error) || (error instanceof Error && kindOfRedisError(error) !== 'other')
}

const KINDS: [RegExp, RedisErrorKind][] = [
  [/^Connection is closed|ECONNREFUSED|Stream isn't writeable|max retries per request|Socket closed/, 'connection'],
  [/^(Command timed out|Socket timeout)/, 'timeout'],
  [/^OOM/, 'oom'],
  [/^READONLY|^UNBLOCKED/, 'readonly'],
  [/^LOADING|^MASTERDOWN/, 'loading'],
  [/^(NOAUTH|WRONGPASS|NOPERM|ERR ACL failure)/, 'auth'],
  [/^(Missing lock|Missing key|Lock mismatch|could not renew lock)/, 'lock'],
]

/**
 * Says that Redis makes trouble: at most once in ten seconds for each kind, whichever part it meets first, because all
 * parts meet it at once, and BullMQ repeats its errors many times a second. Counting is for `observe`, so every one is
 * passed on, with `say` false.
 */
export function redisTrouble(observe: Observe, where: string): (error: unknown) => void {
  const lastSaid = LAST_SAID.get(observe) ?? new Map<RedisErrorKind, number>()
  LAST_SAID.set(observe, lastSaid)
  return (error) => {
    const kind = kindOfRedisError(error)
    const last = lastSaid.get(kind)
    const say = last === undefined || monotonic() - last > SAY_AGAIN_MS
    if (say) lastSaid.set(kind, monotonic())
    observe({ type: 'redis-error', kind, where, say })
  }
}

const SAY_AGAIN_MS = 10_000
const LAST_SAID = new WeakMap<Observe, Map<RedisErrorKind, number>>()
