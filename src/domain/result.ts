/** Result: what is published, exactly one for each lookup. CONTRACT of the result queue, version 1. */

import type { ChatRequest, ServiceResponse } from './chat-request.ts'
import type { Failure, FailureCode } from './failure.ts'

export const RESULT_STATUSES = ['enriched', 'not-found', 'rejected', 'invalid', 'failed'] as const
export type ResultStatus = (typeof RESULT_STATUSES)[number]

export interface ResultFailure {
  code: FailureCode
  message: string
  soapFaultCode?: string
  httpStatus?: number
}

export interface Result {
  version: 1
  lookupId: string
  /** Null only if none could be read from an invalid lookup. */
  connectionId: string | null
  correlationId: string | null
  metadata: Record<string, unknown> | null
  status: ResultStatus
  chatRequest: ChatRequest | null
  response: ServiceResponse | null
  failure: ResultFailure | null
  /** SOAP calls made for the lookup, in all its attempts. */
  calls: number
  /** Times the lookup was run. */
  attempts: number
  /** `service` also where no call was made. */
  source: 'service' | 'shared' | 'cache'
  /** ISO 8601, UTC. */
  enqueuedAt: string
  finishedAt: string
  /** How often the lookup was put back after it gave up; 0 at first. */
  redrive: number
}

/** What is known of any lookup, however little of it could be read. */
export interface ResultSubject {
  lookupId: string
  connectionId: string | null
  correlationId: string | null
  metadata: Record<string, unknown> | null
  enqueuedAt: string
  finishedAt: string
  calls: number
  attempts: number
}

/** A result whose unknown fields are null. */
export function resultOf(
  subject: ResultSubject,
  status: ResultStatus,
  known: {
    chatRequest?: ChatRequest | null
    response?: ServiceResponse | null
    failure?: Failure
    source?: Result['source']
  } = {},
): Result {
  return {
    version: 1,
    lookupId: subject.lookupId,
    connectionId: subject.connectionId,
    correlationId: subject.correlationId,
    metadata: subject.metadata,
    status,
    chatRequest: known.chatRequest ?? null,
    response: known.response ?? null,
    failure: known.failure ? publicPart(known.failure) : null,
    calls: subject.calls,
    attempts: subject.attempts,
    source: known.source ?? 'service',
    enqueuedAt: subject.enqueuedAt,
    finishedAt: subject.finishedAt,
    redrive: 0,
  }
}

function publicPart({ code, message, soapFaultCode, httpStatus }: Failure): ResultFailure {
  return {
    code,
    message,
    ...(soapFaultCode === undefined ? {} : { soapFaultCode }),
    ...(httpStatus === undefined ? {} : { httpStatus }),
  }
}
