/**
 * The catalogue of failures: why a call or a lookup failed. No decision depends on a message. Messages are ours and hold
 * no text of the service, of a parser or of a customer.
 */

/** What consumers see in `result.failure.code`. */
export const FAILURE_CODES = [
  'invalid', // the lookup itself cannot be read
  'soap-fault', // the service answered with a SOAP fault
  'http-status', // an HTTP status that is no answer
  'network', // no connection, or it broke
  'timeout', // no answer in time
  'unreadable', // an answer that is not well-formed, cut off, or not SOAP
  'too-large', // an answer above SOAP_MAX_RESPONSE_BYTES
  'contract', // well-formed SOAP that is not what the service's page promises
  'response-code', // the service's own responseCode says no
  'poison', // the lookup's processing ended the process again and again
  'expired', // no answer before the lookup's time was up
  'cancelled', // ended before it started: by hand, or by a job of its flow that failed
] as const
export type FailureCode = (typeof FAILURE_CODES)[number]

/**
 * Whose failure it is, which decides the verdict. permanent: this lookup's, for good. permanent-after-retry: the same,
 * but one more try is worth it. transient: it may pass. configuration: everybody's, until somebody mends it.
 */
const FAILURE_CLASSES = ['permanent', 'permanent-after-retry', 'transient', 'configuration'] as const
export type FailureClass = (typeof FAILURE_CLASSES)[number]

/** The reason, in a word that is safe as a metric label. */
export const FAILURE_REASONS = [
  'connect',
  'dns',
  'reset',
  'tls',
  'timeout',
  'http_status',
  'fault',
  'response_code',
  'unreadable',
  'too_large',
  'contract',
  'internal',
] as const
export type FailureReason = (typeof FAILURE_REASONS)[number]

export interface Failure {
  code: FailureCode
  class: FailureClass
  reason: FailureReason
  message: string
  /**
   * Local name of the fault code (`Client`, `Server`, `Sender`, `Receiver`, …). Set whenever the last answer was a fault.
   */
  soapFaultCode?: string
  /** Set whenever there was an answer whose status was not 200. */
  httpStatus?: number
  /** The service's own code, where that is the failure. */
  responseCode?: number
  /** How long the service asked us to wait (`Retry-After`), in milliseconds. */
  retryAfterMs?: number
}

/** Whether a value that was read from outside can be published as a failure, and decided by. */
export function isFailure(value: unknown): value is Failure {
  if (typeof value !== 'object' || value === null) return false
  const { code, class: kind, reason, message, ...answer } = value as Record<string, unknown>
  const isOneOf = (list: readonly string[], one: unknown) => list.includes(one as string)
  return (
    isOneOf(FAILURE_CODES, code) &&
    isOneOf(FAILURE_CLASSES, kind) &&
    isOneOf(FAILURE_REASONS, reason) &&
    typeof message === 'string' &&
    ['undefined', 'string'].includes(typeof answer.soapFaultCode) &&
    [answer.httpStatus, answer.responseCode].every((one) => ['undefined', 'number'].includes(typeof one))
  )
}

/** What the service answered, in words: `SOAP fault Server, HTTP 500`; '' where it answered nothing that has a name. */
export function answerInWords(said: {
  fault: string | null
  httpStatus: number | null
  responseCode: number | null
}): string {
  const { fault, httpStatus, responseCode } = said
  return [
    fault === null ? null : `SOAP fault ${fault}`,
    httpStatus === null ? null : `HTTP ${httpStatus}`,
    responseCode === null ? null : `responseCode ${responseCode}`,
  ]
    .filter((one) => one !== null)
    .join(', ')
}
