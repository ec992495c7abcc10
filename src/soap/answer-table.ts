/**
 * What an answer means: one table, first match wins. Faults come first, in any HTTP status; then the statuses that are no
 * answer; then, with 200, what the body is; last, calls without any answer.
 *
 * No row decides by a text of the service, because that may be Portuguese, or a stack trace. The order matters where rows
 * overlap, and the comment at a row says why.
 */

import type { Outcome } from '../domain/call-end.ts'
import { isErrorCode } from '../domain/error-code.ts'
import type { FailureClass, FailureCode, FailureReason } from '../domain/failure.ts'
import type { ResponseCodes } from '../domain/response-codes.ts'
import {
  bodyOf,
  type Evidence,
  faultNames,
  hasChatRequest,
  hasCode,
  recordOf,
  socketCode,
  statusOf,
} from './evidence.ts'
import { PROXY_REFUSED } from './proxy.ts'
import { isConnectCode, isDnsCode, isProtocolCode, isResetCode, isTimeoutCode, isTlsCode } from './socket-errors.ts'

export interface Row {
  name: string
  matches: (evidence: Evidence, codes: ResponseCodes) => boolean
  means: Outcome['status'] | RowFailure
}

export interface RowFailure {
  code: FailureCode
  class: FailureClass
  reason: FailureReason
  message: string | ((evidence: Evidence) => string)
  /** Only if waiting helps: a `Retry-After` beside a redirect or a login page is not meant for us. */
  obeysRetryAfter?: true
}

/** Code of a call that was not made, because its credentials or certificates cannot be read. */
export const SETTINGS_UNREADABLE = 'SETTINGS_UNREADABLE'

const CONFIGURATION_FAULTS = ['VersionMismatch', 'MustUnderstand', 'DataEncodingUnknown', 'ActionNotSupported']
const CONFIGURATION_STATUSES = [401, 403, 404, 405, 407, 415]

export const ANSWER_TABLE: readonly Row[] = [
  {
    // Such a fault says that we ask wrongly, so it would meet every lookup. SOAP 1.2 and WS-Addressing put it into a
    // subcode.
    name: 'fault: version, header, encoding or action',
    matches: (evidence) => faultNames(evidence).some((name) => CONFIGURATION_FAULTS.includes(name)),
    means: failure('soap-fault', 'configuration', 'fault', 'expected an answer, got a SOAP fault about how we ask'),
  },
  {
    // The service blames this lookup. If it blames every lookup, the suspicion rule notices (gate/report-script.ts).
    name: 'fault: Client or Sender',
    matches: (evidence) => ['Client', 'Sender'].includes(faultNames(evidence)[0] ?? ''),
    means: failure(
      'soap-fault',
      'permanent',
      'fault',
      (evidence) => `expected an answer, got a SOAP fault that blames the request (${faultNames(evidence)[0]})`,
    ),
  },
  {
    // Server, Receiver, and codes of no standard: any unhandled exception looks so.
    name: 'fault: any other',
    matches: (evidence) => faultNames(evidence).length > 0,
    means: {
      ...failure('soap-fault', 'transient', 'fault', 'expected an answer, got a SOAP fault of the service'),
      obeysRetryAfter: true,
    },
  },
  {
    // A moved endpoint, or a login page.
    name: 'status: redirect',
    matches: (evidence) => statusOf(evidence) >= 300 && statusOf(evidence) < 400,
    means: failure('http-status', 'configuration', 'http_status', gotStatus),
  },
  {
    // Credentials, address, method or content type: the same for every lookup.
    name: 'status: refused',
    matches: (evidence) => CONFIGURATION_STATUSES.includes(statusOf(evidence)),
    means: failure('http-status', 'configuration', 'http_status', gotStatus),
  },
  {
    // 408, 425, 429, every 5xx, and every status that nobody foresaw, such as ASP.NET's 400 with an empty body.
    name: 'status: any other but 200',
    matches: (evidence) => evidence.is === 'answer' && evidence.status !== 200,
    means: {
      ...failure('http-status', 'transient', 'http_status', gotStatus),
      obeysRetryAfter: true,
    },
  },
  {
    // The operator says that this code means the account or the set-up.
    name: 'code: hold',
    matches: (evidence, codes) => hasCode(evidence, codes.hold),
    means: failure('response-code', 'configuration', 'response_code', 'got a responseCode that is set to hold'),
  },
  {
    name: 'code: retry',
    matches: (evidence, codes) => hasCode(evidence, codes.retry),
    means: failure('response-code', 'transient', 'response_code', 'got a responseCode that is set to retry'),
  },
  {
    // Before `enriched`, because the operator's list outweighs a ChatRequest that came along.
    name: 'code: not found',
    matches: (evidence, codes) => codes.notFound !== null && hasCode(evidence, codes.notFound),
    means: 'not-found',
  },
  {
    name: 'record: a ChatRequest',
    matches: (evidence, codes) =>
      hasChatRequest(evidence) && (codes.enriched === null || hasCode(evidence, codes.enriched)),
    means: 'enriched',
  },
  {
    // Without a list, an empty result, or one full of zeros (.NET's empty object), is what "not found" looks like.
    name: 'record: no ChatRequest',
    matches: (evidence, codes) => recordOf(evidence) !== null && codes.notFound === null && !hasChatRequest(evidence),
    means: 'not-found',
  },
  {
    name: 'record: any other',
    matches: (evidence) => recordOf(evidence) !== null,
    means: failure(
      'response-code',
      'permanent',
      'response_code',
      'expected a ChatRequest, got a responseCode without one',
    ),
  },
  {
    // A proxy or a login page stands before the service.
    name: 'body: HTML',
    matches: (evidence) => bodyOf(evidence) === 'html',
    means: failure('unreadable', 'configuration', 'unreadable', 'expected SOAP, got an HTML page'),
  },
  {
    name: 'body: header not understood',
    matches: (evidence) => bodyOf(evidence) === 'not-understood',
    means: failure('contract', 'configuration', 'contract', 'expected no mandatory SOAP header, got one'),
  },
  {
    name: 'body: too large',
    matches: (evidence) => bodyOf(evidence) === 'too-large',
    means: failure(
      'too-large',
      'permanent-after-retry',
      'too_large',
      'expected an answer within SOAP_MAX_RESPONSE_BYTES, got a larger one',
    ),
  },
  {
    // SOAP forbids both. Asked again, the service will hardly send anything else.
    name: 'body: document type or not the contract',
    matches: (evidence) => ['dtd', 'not-contract'].includes(bodyOf(evidence)),
    means: failure(
      'contract',
      'permanent-after-retry',
      'contract',
      'expected the contract of the service, got something else',
    ),
  },
  {
    // The deadline passed while the body arrived.
    name: 'body: timed out',
    matches: (evidence) => bodyOf(evidence) === 'timed-out',
    means: failure('timeout', 'transient', 'timeout', 'expected the whole answer in time, got a part'),
  },
  {
    name: 'body: empty, cut off, encoded or unreadable',
    matches: (evidence) => ['empty', 'cut-off', 'encoded', 'unreadable'].includes(bodyOf(evidence)),
    means: failure('unreadable', 'transient', 'unreadable', 'expected SOAP, got nothing that can be read'),
  },
  {
    // No call was made, so it is no lookup's fault.
    name: 'no call: settings',
    matches: (evidence) => socketCode(evidence) === SETTINGS_UNREADABLE,
    means: failure('network', 'configuration', 'internal', 'expected credentials and certificates that can be used'),
  },
  {
    // The proxy's address, or our credentials for it, are wrong for every lookup.
    name: 'no answer: refused by the proxy',
    matches: (evidence) => socketCode(evidence) === PROXY_REFUSED,
    means: failure('network', 'configuration', 'connect', 'expected a way through the proxy, it refused'),
  },
  {
    name: 'no answer: TLS',
    matches: (evidence) => isTlsCode(socketCode(evidence)),
    means: failure(
      'network',
      'configuration',
      'tls',
      withCode('expected a TLS connection that both sides trust, got none'),
    ),
  },
  {
    name: 'no answer: timeout',
    matches: (evidence) => isTimeoutCode(socketCode(evidence)),
    means: failure('timeout', 'transient', 'timeout', 'expected an answer in time, got none'),
  },
  {
    name: 'no answer: DNS',
    matches: (evidence) => isDnsCode(socketCode(evidence)),
    means: failure('network', 'transient', 'dns', withCode('expected an address for the host, got none')),
  },
  {
    // Also if the connection was not there in time: nobody was asked, so this is no slow answer.
    name: 'no answer: connect',
    matches: (evidence) => isConnectCode(socketCode(evidence)),
    means: failure('network', 'transient', 'connect', withCode('expected a connection, got none')),
  },
  {
    name: 'no answer: not HTTP',
    matches: (evidence) => isProtocolCode(socketCode(evidence)),
    means: failure('unreadable', 'transient', 'unreadable', withCode('expected HTTP, got something else')),
  },
  {
    // A server may close an idle connection at any time, also while a request is on its way to it.
    name: 'no answer: reset',
    matches: (evidence) => isResetCode(socketCode(evidence)),
    means: failure('network', 'transient', 'reset', withCode('expected an answer, the connection broke')),
  },
  {
    name: 'no answer: anything else',
    matches: () => true,
    means: failure('network', 'transient', 'internal', withCode('expected an answer, the call broke')),
  },
]

function failure(
  code: FailureCode,
  className: FailureClass,
  reason: FailureReason,
  message: RowFailure['message'],
): RowFailure {
  return { code, class: className, reason, message }
}

function gotStatus(evidence: Evidence): string {
  return `expected HTTP 200, got HTTP ${statusOf(evidence)}`
}

/**
 * Adds the code, a name of Node's, OpenSSL's or the HTTP client's, because many causes share one message. Their texts are
 * left out, because they may quote a certificate.
 */
function withCode(message: string) {
  return (evidence: Evidence): string => {
    const code = socketCode(evidence)
    return isErrorCode(code) ? `${message} (${code})` : message
  }
}
