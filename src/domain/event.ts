/**
 * The facts that the pipeline emits. Nothing in the pipeline logs or counts; `observe/` turns facts into log lines and
 * metrics. No event carries a connection id, a name, a message of the service or a credential.
 */

import type { Failure, FailureCode, FailureReason } from './failure.ts'
import type { Hold, HoldReason } from './hold.ts'
import type { ResultStatus } from './result.ts'
import type { Timing } from './timing.ts'

export const CALL_OUTCOMES = ['answer', 'fault', 'http_error', 'timeout', 'network', 'unreadable'] as const
export type CallOutcome = (typeof CALL_OUTCOMES)[number]

/** What a call that failed counts as; a failure that is not here is an answer that could be read. */
export const OUTCOME_OF: Readonly<Partial<Record<FailureCode, CallOutcome>>> = {
  'soap-fault': 'fault',
  'http-status': 'http_error',
  timeout: 'timeout',
  network: 'network',
  unreadable: 'unreadable',
  'too-large': 'unreadable',
  contract: 'unreadable',
}

/** How an attempt ended. */
export const ATTEMPT_VERDICTS = ['answered', 'retry-later', 'recheck', 'hold', 'give-up'] as const
export type AttemptVerdict = (typeof ATTEMPT_VERDICTS)[number]

/** Kinds of trouble with Redis, safe as a metric label. */
export const REDIS_ERROR_KINDS = [
  'connection',
  'timeout',
  'oom',
  'readonly',
  'misconf',
  'noreplicas',
  'busy',
  'loading',
  'auth',
  'lock',
  'other',
] as const
export type RedisErrorKind = (typeof REDIS_ERROR_KINDS)[number]

/** What came of a try to post a result to the webhook. `busy`: status 429 or 503; `refused`: another 4xx; `error`: another 5xx. */
export const DELIVERY_OUTCOMES = [
  'delivered',
  'refused',
  'redirect',
  'gone',
  'busy',
  'error',
  'timeout',
  'network',
] as const
export type DeliveryOutcome = (typeof DELIVERY_OUTCOMES)[number]

export type LookupEvent =
  // soap
  | { type: 'call-started' }
  | {
      type: 'call-finished'
      outcome: CallOutcome
      durationMs: number
      /** Bytes of the body that were read. */
      responseBytes: number
      httpStatus?: number
      /** What is not the usual answer: `code:5`, `fault:Client`, `http:503`. */
      kind?: string
    }
  | { type: 'unexpected-content-type' }
  | { type: 'tls-certificate-seen'; expiresAt: number }
  // gate
  | { type: 'permit-granted'; waitedMs: number }
  /** This process began the hold. */
  | { type: 'hold-began'; reason: HoldReason }
  /** This process has seen that `hold` is new, or that it is over. */
  | { type: 'held'; hold: Hold; at: number; cure: string }
  | { type: 'released'; hold: Hold; at: number }
  // worker
  | { type: 'attempt-started'; lookupId: string; waitedMs: number; first: boolean; traceparent?: string | undefined }
  | {
      type: 'attempt-finished'
      lookupId: string
      durationMs: number
      status: ResultStatus | 'retry' | 'handed-back'
      /** The calls that it made; and for whom, if the lookup says so. */
      calls: number
      producer: string | null
    }
  | { type: 'retry'; lookupId: string; when: 'now' | 'later'; reason: FailureReason; delayMs: number }
  | { type: 'call-shared'; source: 'shared' | 'cache' }
  | { type: 'verdict'; lookupId: string; verdict: AttemptVerdict; reason: FailureReason | 'none'; calls: number }
  | { type: 'attempt-charged'; lookupId: string; charged: number; limit: number }
  | {
      type: 'published'
      lookupId: string
      status: ResultStatus
      /** Or put back. */
      sinceEnqueuedMs: number
      timing: Timing
      redrive?: number
      failure?: Failure | null
    }
  | { type: 'suppressed'; lookupId: string }
  | { type: 'recovered'; lookupId: string }
  /** The lookup lay in no list of its queue, and was put back where it belongs. */
  | { type: 'adopted'; lookupId: string }
  | { type: 'set-apart'; lookupId: string; stalls: number }
  | { type: 'handed-back'; lookupId: string }
  | { type: 'held-back'; lookupId: string }
  | { type: 'lock-lost'; lookupId: string }
  | { type: 'internal-error'; lookupId: string; where: string; error: unknown }
  // http; `route` is the route's pattern, so that no id stands in it; `who` is the name of a token
  | { type: 'request-finished'; method: string; route: string; status: number; durationMs: number; who: string | null }
  | { type: 'request-failed'; route: string; error: unknown }
  | { type: 'token-refused' }
  /** What the file of the tokens holds does not count, but what it held before; null: it counts again. */
  | { type: 'tokens-stale'; why: string | null }
  | { type: 'lookups-accepted'; producer: string | null; count: number }
  | { type: 'stream-opened' }
  | { type: 'stream-closed' }
  // webhook
  | { type: 'result-posted'; outcome: DeliveryOutcome; durationMs: number; status?: number; code?: string }
  /** Null: it does not hold any more. */
  | { type: 'webhook-held'; why: 'gone' | 'silent' | null }
  /** People could not be told. */
  | { type: 'not-told'; what: 'notify' | 'heartbeat'; why: string }
  // redis and the process
  /** `word`: by which Redis names its refusal. `code`: of Node or OpenSSL. */
  | { type: 'redis-error'; kind: RedisErrorKind; where: string; word?: string; code?: string }
  /** Something about Redis that could not be found out at the start. */
  | { type: 'redis-unknown'; what: string }
  | { type: 'redis-ready'; where: string }
  /** What Redis does when its memory is full: this has changed, or it was seen for the first time. */
  | { type: 'memory-policy'; policy: string; isSafe: boolean; isFirst: boolean }
  | { type: 'started'; what: string; details: Record<string, unknown> }
  | { type: 'stopping'; reason: string }
  | { type: 'stopped'; clean: boolean; durationMs: number }

/** Receives every fact. Must not throw and must not wait. */
export type Observe = (event: LookupEvent) => void
