/**
 * When failures mean the service, or our configuration, and not this lookup: what one call that has ended says to the
 * fleet. The counting is Redis' (gate/report-script.ts); what counts as what is decided here.
 *
 *     an outcome                      the service answers; not found is suspicious, when everybody is
 *     permanent                       it answers; a refusal whose kind is everybody's is suspicious, or one that found nothing
 *     permanent-after-retry           it answers, badly; what cannot be read is suspicious, when it is everybody's
 *     transient                       it failed
 *     configuration                   it refuses everybody, or this lookup alone: the fleet asks
 */

import type { CallEnd, Outcome } from '../domain/call-end.ts'
import type { ServiceRecord } from '../domain/chat-request.ts'
import type { Failure, FailureReason } from '../domain/failure.ts'
import { type CallReport, NOT_FOUND } from '../domain/hold.ts'

/** The codes that somebody has given a meaning, by a SOAP_*_CODES variable or by hand. */
export interface KnownCodes {
  isKnown(code: number): boolean
}

/** An object of its own, to which the caller may add. */
export function reportOf(end: CallEnd, connectionId: string, codes: KnownCodes): CallReport {
  if ('outcome' in end) {
    // A ChatRequest that came, whatever its code, is no refusal.
    if (end.outcome.status === 'enriched') return { answered: true, connectionId, kind: null }
    return { answered: true, connectionId, ...nothingFound(end.outcome.response, codes) }
  }
  const { failure, record } = end
  switch (failure.class) {
    case 'configuration':
      return { answered: false, kind: null, connectionId, configuration: inWords(failure) }
    case 'transient': {
      const { retryAfterMs } = failure
      return { answered: false, ...unread(failure), how: how(failure), ...(retryAfterMs && { retryAfterMs }) }
    }
    case 'permanent':
      return { answered: true, ...(suspiciousFault(failure) ?? suspiciousRefusal(record, codes)) }
    case 'permanent-after-retry':
      return { answered: true, ...unread(failure) }
  }
}

type Suspicion = Pick<CallReport, 'kind' | 'says'>

const NONE: Suspicion = { kind: null }

/** With SOAP_NOT_FOUND_CODES set, an answer with nothing in it is a refusal, too. A service that has forgotten says it. */
function suspiciousRefusal(record: ServiceRecord | null, codes: KnownCodes): Suspicion {
  if (record === null) return NONE
  return record.chatRequest?.idRequest ? suspiciousCode(record.response, codes) : nothingFound(record.response, codes)
}

function nothingFound(response: Outcome['response'], codes: KnownCodes): Suspicion {
  const ofCode = suspiciousCode(response, codes)
  return ofCode.kind === null ? { kind: NOT_FOUND } : ofCode
}

function suspiciousFault({ soapFaultCode }: Failure): Suspicion | null {
  return soapFaultCode === undefined ? null : { kind: `fault:${soapFaultCode}` }
}

function suspiciousCode(response: Outcome['response'], codes: KnownCodes): Suspicion {
  const { code = null, description = null } = response ?? {}
  if (code === null || code === 0 || codes.isKnown(code)) return NONE
  return { kind: `code:${code}`, ...(description && { says: oneLine(description) }) }
}

/** For an answer that cannot be used, our own words: what was expected and what was read. */
function unread({ reason, message }: Failure): Suspicion {
  return reason === 'contract' || reason === 'unreadable' ? { kind: `read:${reason}`, says: message } : NONE
}

const SAYS_AT_MOST = 100

function oneLine(text: string): string {
  return text
    .replace(/[\s\p{C}]+/gu, ' ')
    .trim()
    .slice(0, SAYS_AT_MOST)
}

const HOW: Partial<Record<FailureReason, string>> = {
  connect: 'no connection',
  dns: 'no address (DNS)',
  reset: 'connection reset',
  unreadable: 'unreadable answer',
  response_code: 'responseCode to retry',
}

function how({ reason, httpStatus, soapFaultCode }: Failure): string {
  if (soapFaultCode !== undefined) return `SOAP fault ${soapFaultCode}`
  return httpStatus === undefined ? (HOW[reason] ?? reason) : `HTTP ${httpStatus}`
}

function inWords({ message, httpStatus, soapFaultCode }: Failure): string {
  const what = [httpStatus && `HTTP ${httpStatus}`, soapFaultCode && `SOAP fault ${soapFaultCode}`].filter(Boolean)
  return what.length > 0 ? `the service answers ${what.join(', ')} to everybody` : message
}
