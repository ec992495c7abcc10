/**
 * CallEnd: how one call ended, as a value that goes from the socket to the verdict, and to lookups that share the call.
 * Anything else that ends a call (a shutdown, a deadline, a hold) is thrown.
 */

import type { ServiceRecord } from './chat-request.ts'
import type { Failure } from './failure.ts'

/** An answer, in the terms of the result. */
export interface Outcome extends ServiceRecord {
  status: 'enriched' | 'not-found'
}

/** `record`: what the service said with the failure, if that can be passed on. */
export interface FailedCall {
  failure: Failure
  record: ServiceRecord | null
}

export type CallEnd = { outcome: Outcome } | FailedCall
