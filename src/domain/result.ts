/** Result: what is published, exactly one for each lookup. CONTRACT of the result queue, version 1. */

import type * as z from 'zod/mini'
import type { ChatRequest, ServiceResponse } from './chat-request.ts'
import type { Failure } from './failure.ts'
import type { resultFailureSchema, resultSchema } from './result-schema.ts'
import type { Timing } from './timing.ts'

export const RESULT_STATUSES = ['enriched', 'not-found', 'rejected', 'invalid', 'failed'] as const
export type ResultStatus = (typeof RESULT_STATUSES)[number]

/** A type of its schema: a field is added there. */
export type Result = z.infer<typeof resultSchema>
export type ResultFailure = z.infer<typeof resultFailureSchema>

/** What is known of any lookup, however little of it could be read. */
export interface ResultSubject {
  lookupId: string
  connectionId: string | null
  correlationId: string | null
  producer: string | null
  metadata: Record<string, unknown> | null
  traceparent?: string | undefined
  enqueuedAt: string
  redrive: number
  finishedAt: string
  calls: number
  attempts: number
  timing: Timing
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
  const result: Result = {
    version: 1,
    lookupId: subject.lookupId,
    connectionId: subject.connectionId,
    correlationId: subject.correlationId,
    producer: subject.producer,
    metadata: subject.metadata,
    status,
    chatRequest: known.chatRequest ?? null,
    response: known.response ?? null,
    failure: known.failure ? publicPart(known.failure) : null,
    calls: subject.calls,
    attempts: subject.attempts,
    source: known.source ?? 'service',
    timing: subject.timing,
    enqueuedAt: subject.enqueuedAt,
    finishedAt: subject.finishedAt,
    redrive: subject.redrive,
  }
  if (subject.traceparent !== undefined) result.traceparent = subject.traceparent // a spread would cost each result
  return result
}

function publicPart({ code, message, soapFaultCode, httpStatus }: Failure): ResultFailure {
  return {
    code,
    message,
    ...(soapFaultCode === undefined ? {} : { soapFaultCode }),
    ...(httpStatus === undefined ? {} : { httpStatus }),
  }
}
