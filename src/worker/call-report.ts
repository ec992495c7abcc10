/**
 * When failures mean the service, or our configuration, and not this lookup: what one call that has ended says to the
 * fleet. The counting is Redis' (gate/report-script.ts); what counts as what is decided here.
 *
 *     an outcome                      the service answers
 *     permanent                       it answers; a refusal whose kind is everybody's is suspicious
 *     permanent-after-retry           it answers, badly
 *     transient                       it failed
 *     configuration                   it refuses everybody
 */

import type { CallEnd } from '../domain/call-end.ts'
import type { Failure } from '../domain/failure.ts'
import type { CallReport } from '../domain/hold.ts'

/** Of which codes somebody has said what they mean, by a SOAP_*_CODES variable or by hand. */
export interface KnownCodes {
  isKnown(code: number): boolean
}

export function reportOf(end: CallEnd, connectionId: string, codes: KnownCodes): CallReport {
  if ('outcome' in end) {
    const { status, response } = end.outcome
    // A ChatRequest came, whatever its code: nobody was refused.
    const kind = status === 'enriched' ? null : kindOfCode(response?.code, codes)
    return { answered: true, kind, connectionId }
  }
  const { failure, record } = end
  switch (failure.class) {
    case 'configuration':
      return { answered: false, kind: null, configuration: inWords(failure) }
    case 'transient':
      return { answered: false, kind: null, ...(failure.retryAfterMs ? { retryAfterMs: failure.retryAfterMs } : {}) }
    case 'permanent':
      return { answered: true, kind: kindOfFault(failure) ?? kindOfCode(record?.response?.code, codes) }
    case 'permanent-after-retry':
      return { answered: true, kind: null }
  }
}

function kindOfFault({ soapFaultCode }: Failure): string | null {
  return soapFaultCode === undefined ? null : `fault:${soapFaultCode}`
}

function kindOfCode(code: number | null | undefined, codes: KnownCodes): string | null {
  return code === undefined || code === null || code === 0 || codes.isKnown(code) ? null : `code:${code}`
}

function inWords({ message, httpStatus, soapFaultCode }: Failure): string {
  const details = [httpStatus && `HTTP ${httpStatus}`, soapFaultCode && `fault ${soapFaultCode}`].filter(Boolean)
  return details.length > 0 ? `${message} (${details.join(', ')})` : message
}
