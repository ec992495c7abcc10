/** What an error of Redis means, and how often it is reported. */

import { monotonic } from '../clock.ts'
import type { Observe, RedisErrorKind } from '../domain/event.ts'

/** Redis names its errors in the first word of the message; that word is the code, the rest is never looked at. */
export function kindOfRedisError(error: unknown): RedisErrorKind {
  const { message = '', code = '' } = causeOf(error as RedisError, new Set())
  if (/^(ECONN|EPIPE|ENOTFOUND|EAI_|EHOST|ENET|ETIMEDOUT)/.test(code)) return 'connection'
  const row = KINDS.find(([pattern]) => pattern.test(message))
  return row?.[1] ?? 'other'
}

/**
 * EXECABORT hides the cause, which is in `previousErrors` (in a Cluster: `lastNodeError`). If signing in is refused, one
 * error is shared by everything that was sent and can contain itself, hence `seen`.
 */
function causeOf(error: RedisError, seen: Set<unknown>): RedisError {
  seen.add(error)
  const cause = error.previousErrors?.[0] ?? error.lastNodeError
  return cause && !seen.has(cause) ? causeOf(cause, seen) : error
}

/** The word by which Redis names its refusal, as MISCONF; null where it did not refuse. */
export function refusalWord(error: unknown): string | null {
  const { name, message = '' } = causeOf((error ?? {}) as RedisError, new Set())
  return name === 'ReplyError' ? (/^[A-Z]+(?= )/.exec(message)?.[0] ?? null) : null
}

/** For people: the word that Redis said, what it means and the cure; null where there is none for that word. */
export function refusalInWords(error: unknown): string | null {
  const word = refusalWord(error)
  const cure = word === null ? undefined : CURES[word]
  return cure === undefined ? null : `${word}: ${cure}`
}

const READ_ONLY = 'it is a read-only replica. Wait for the failover, or set REDIS_SENTINELS'
const IS_LOADING = 'it is still reading its data. Try again in a moment'
const CURES: Readonly<Record<string, string>> = {
  OOM: 'its memory is full, so it takes no writes. Raise its maxmemory, or delete what else lies in it; taking results needs a write, too',
  READONLY: READ_ONLY,
  UNBLOCKED: READ_ONLY,
  LOADING: IS_LOADING,
  MASTERDOWN: IS_LOADING,
  MISCONF: 'it cannot save its data, so it takes no writes. Make room on its disk; its own log says what failed',
  NOREPLICAS:
    'too few replicas are connected, so it takes no writes. Bring them back, or lower its min-replicas-to-write',
  BUSY: 'a script runs for longer than its busy-reply-threshold. Wait for it, or say SCRIPT KILL',
  NOPERM:
    'our user lacks a right. It needs ~bull:* &bull:* +@all -@dangerous -@admin +info ' +
    '(for bull, your QUEUE_PREFIX); channels (&) are given apart since Redis 7',
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
  [/^MISCONF/, 'misconf'],
  [/^NOREPLICAS/, 'noreplicas'],
  [/^BUSY /, 'busy'],
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
    const word = refusalWord(error)
    observe({ type: 'redis-error', kind, where, say, ...(word && { word }) })
  }
}

const SAY_AGAIN_MS = 10_000
const LAST_SAID = new WeakMap<Observe, Map<RedisErrorKind, number>>()
