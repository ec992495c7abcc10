/** What an error of Redis means. */

import { isErrorCode } from '../domain/error-code.ts'
import type { Observe, RedisErrorKind } from '../domain/event.ts'

/** Redis names its errors in the first word of the message; that word is the code, the rest is never looked at. */
export function kindOfRedisError(error: unknown): RedisErrorKind {
  const cause = causeOf(error)
  const { code = '' } = cause
  const message = messageOf(cause)
  if (/^(ECONN|EPIPE|ENOTFOUND|EAI_|EHOST|ENET|ETIMEDOUT)/.test(code)) return 'connection'
  const row = KINDS.find(([pattern]) => pattern.test(message))
  return row?.[1] ?? 'other'
}

/**
 * EXECABORT hides the cause, which is in `previousErrors` (in a Cluster: `lastNodeError`). If signing in is refused, one
 * error is shared by everything that was sent and can contain itself, hence `seen`.
 */
function causeOf(error: unknown, seen = new Set<unknown>()): RedisError {
  const own = (error ?? {}) as RedisError
  seen.add(own)
  const cause = own.previousErrors?.[0] ?? own.lastNodeError
  return cause && !seen.has(cause) ? causeOf(cause, seen) : own
}

/** Before 7, what Redis refuses within a script stands behind the place in it: "ERR Error running script …: -OOM command …". */
const REFUSED_IN_SCRIPT = /@user_script: ?\d+: -([A-Z]+ .*)/
/** And has no word where it is a right that lacks. */
const NO_RIGHT_IN_SCRIPT = /@user_script: ?\d+: (The user executing the script can't .*)/

function messageOf({ message = '' }: RedisError): string {
  const right = NO_RIGHT_IN_SCRIPT.exec(message)?.[1]
  return right === undefined ? (REFUSED_IN_SCRIPT.exec(message)?.[1] ?? message) : `NOPERM ${right}`
}

/** The word by which Redis names its refusal, as MISCONF; null where it did not refuse. */
export function refusalWord(error: unknown): string | null {
  const cause = causeOf(error)
  return cause.name === 'ReplyError' ? (/^[A-Z]+(?= )/.exec(messageOf(cause))?.[0] ?? null) : null
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
  [
    /^Connection is closed|^Command aborted due to connection close|ECONNREFUSED|Stream isn't writeable|max retries per request|Socket closed/,
    'connection',
  ],
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

/** Passes on every error that a part meets. All parts meet it at once; how often it is said is for who says it. */
export function redisTrouble(observe: Observe, where: string): (error: unknown) => void {
  return (error) => {
    const [word, code] = [refusalWord(error), systemCode(error)]
    observe({ type: 'redis-error', kind: kindOfRedisError(error), where, ...(word && { word }), ...(code && { code }) })
  }
}

/** As ECONNREFUSED; null where neither Node nor OpenSSL gave one. */
function systemCode(error: unknown): string | null {
  const { code } = causeOf(error)
  return isErrorCode(code) ? code : null
}
