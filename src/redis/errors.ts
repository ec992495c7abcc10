/** What an error of Redis means, and how often it is reported. */

import { monotonic } from '../clock.ts'
import type { Observe, RedisErrorKind } from '../domain/event.ts'

/** Redis names its errors in the first word of the message; that word is the code, the rest is never looked at. */
export function kindOfRedisError(error: unknown): RedisErrorKind {
  return kindOf(error as RedisError, new Set())
}

function kindOf(error: RedisError, seen: Set<unknown>): RedisErrorKind {
  const { message = '', code = '', previousErrors, lastNodeError } = error
  seen.add(error)
  // EXECABORT hides the cause, which is in `previousErrors` (in a Cluster: `lastNodeError`). If signing in is refused,
  // one error is shared by everything that was sent and can contain itself, hence `seen`.
  const cause = previousErrors?.[0] ?? lastNodeError
  if (cause && !seen.has(cause)) return kindOf(cause, seen)
  if (/^(ECONN|EPIPE|ENOTFOUND|EAI_|EHOST|ENET|ETIMEDOUT)/.test(code)) return 'connection'
  const row = KINDS.find(([pattern]) => pattern.test(message))
  return row?.[1] ?? 'other'
}

interface RedisError {
  name?: string
  message?: string
  code?: string
  previousErrors?: Error[]
  lastNodeError?: Error | null
}

/** Redis was reached and refused. */
export function isRefusal(error: unknown): boolean {
  return (error as RedisError | null)?.name === 'ReplyError'
}

/** An error of Redis, or of BullMQ about what lies in Redis, and not a mistake of ours. */
export function isRedisError(error: unknown): boolean {
  return isRefusal(error) || (error instanceof Error && kindOfRedisError(error) !== 'other')
}

const KINDS: [RegExp, RedisErrorKind][] = [
  // First, because an error about several tries holds the error of the last one.
  [
    /^All sentinels are unreachable|^Failed to refresh slots|^None of startup nodes|^Cluster is |^Cluster isn't/,
    'connection',
  ],
  [/^Connection is closed|ECONNREFUSED|Stream isn't writeable|max retries per request|Socket closed/, 'connection'],
  [/^(CLUSTERDOWN|MOVED|ASK|TRYAGAIN|Too many Cluster redirections)/, 'connection'],
  [/^(Command timed out|Socket timeout)/, 'timeout'],
  [/^OOM/, 'oom'],
  [/^READONLY|^UNBLOCKED/, 'readonly'],
  [/^LOADING|^MASTERDOWN/, 'loading'],
  [/^(NOAUTH|WRONGPASS|NOPERM|ERR ACL failure)/, 'auth'],
  [/^(Missing lock|Missing key|Lock mismatch|could not renew lock)/, 'lock'],
]

/**
 * Reports trouble with Redis: at most once in ten seconds for each kind, whichever part meets it first, because all parts
 * meet it at once and BullMQ repeats its errors many times a second. Every error is passed on, with `say` false, so that
 * `observe` can count it.
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
