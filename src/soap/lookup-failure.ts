import type { FailedCall } from '../domain/call-end.ts'
import type { ServiceRecord } from '../domain/chat-request.ts'
import type { Failure } from '../domain/failure.ts'

/**
 * A failed call as an exception, for programs that use the client alone. Its message is the failure's, so nothing else
 * leaks through it.
 */
export class LookupFailure extends Error implements FailedCall {
  override name = 'LookupFailure'
  readonly failure: Failure
  readonly record: ServiceRecord | null

  constructor({ failure, record }: FailedCall) {
    super(failure.message)
    this.failure = failure
    this.record = record
  }
}
