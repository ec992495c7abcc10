/**
 * The client of TPClientWebServicesAPI: one connection id in, one SOAP call, its CallEnd out. No retries and no pace:
 * those are the caller's.
 */

import { monotonic, type Signal } from '../clock.ts'
import type { CallEnd, FailedCall, Outcome } from '../domain/call-end.ts'
import { type CallOutcome, type Observe, OUTCOME_OF } from '../domain/event.ts'
import type { ResponseCodes } from '../domain/response-codes.ts'
import { SETTINGS_UNREADABLE } from './answer-table.ts'
import { type Evidence, readBody } from './evidence.ts'
import type { HttpAnswer } from './exchange.ts'
import { LookupFailure } from './lookup-failure.ts'
import type { SoapVersion } from './names.ts'
import { type Credentials, isXmlText, RequestWriter, type SoapRequest } from './request.ts'
import { readRetryAfter } from './retry-after.ts'
import { errorCode } from './socket-errors.ts'
import { judge } from './to-failure.ts'
import { Transport, type TransportSettings } from './transport.ts'

/** Milliseconds and bytes throughout. */
export interface SoapSettings extends TransportSettings {
  version: SoapVersion
  /** Read anew for every call: the files behind it may change. */
  credentials: () => Credentials
  codes: ResponseCodes
  /** A longer `Retry-After` is cut to this. */
  retryAfterMaxMs: number
}

export class SoapClient {
  readonly #settings: SoapSettings
  readonly #observe: Observe
  readonly #requests: RequestWriter
  readonly #transport: Transport

  constructor(settings: SoapSettings, observe: Observe = () => undefined) {
    this.#settings = settings
    this.#observe = observe
    this.#requests = new RequestWriter(settings.version)
    this.#transport = new Transport(settings, (expiresAt) => observe({ type: 'tls-certificate-seen', expiresAt }))
  }

  /**
   * Asks the service once. Throws a LookupFailure for all that is no outcome (docs: what an answer means), and the
   * signal's reason when the caller's signal aborts.
   */
  async lookup(connectionId: string, signal?: AbortSignal): Promise<Outcome> {
    const end = await this.call(connectionId, signal)
    if ('failure' in end) throw new LookupFailure(end)
    return end.outcome
  }

  /** The same, with a failure as a value. Rejects with the signal's reason when the caller's signal aborts. */
  async call(connectionId: string, signal?: Signal): Promise<CallEnd> {
    signal?.throwIfAborted()
    if (!isXmlText(connectionId)) return NOT_FOR_XML
    const request = this.#prepare(connectionId)
    return request ? this.#post(request, signal) : this.#judge(NO_SETTINGS)
  }

  /** Waits for the calls that are on the way, then closes every connection. */
  async close(): Promise<void> {
    await this.#transport.close()
  }

  /** Null if credentials or certificates cannot be read just now. Their errors name paths, so they are dropped. */
  #prepare(connectionId: string): SoapRequest | null {
    try {
      this.#transport.refresh()
      return this.#requests.write(this.#settings.credentials(), connectionId)
    } catch {
      return null
    }
  }

  async #post(request: SoapRequest, signal?: Signal): Promise<CallEnd> {
    const started = monotonic()
    this.#observe({ type: 'call-started' })
    let answer: HttpAnswer | { error: unknown }
    try {
      answer = await this.#transport.post(request, signal)
    } catch (error) {
      answer = { error }
    }
    // The caller gave up on the call: it is counted as one without an answer in time.
    const abandoned = 'error' in answer && signal?.aborted === true && answer.error === signal.reason
    const end = this.#judge(
      'error' in answer ? { is: 'no-answer', errorCode: errorCode(answer.error) } : this.#evidence(answer),
    )
    const outcome = abandoned ? 'timeout' : callOutcome(end)
    const durationMs = monotonic() - started
    if ('error' in answer) this.#observe({ type: 'call-finished', outcome, durationMs, responseBytes: 0 })
    else {
      const { bytes: responseBytes, status: httpStatus } = answer
      const kind = kindOf(end)
      const finished = { type: 'call-finished' as const, outcome, durationMs, responseBytes, httpStatus }
      this.#observe(kind === null ? finished : { ...finished, kind })
    }
    if (abandoned) throw signal?.reason
    return end
  }

  #evidence(answer: HttpAnswer): Evidence {
    const body = readBody(answer)
    if ((body.is === 'record' || body.is === 'fault') && !SOAP_CONTENT_TYPE.test(answer.contentType ?? '')) {
      this.#observe({ type: 'unexpected-content-type' })
    }
    const retryAfterMs = readRetryAfter(answer.retryAfter, this.#settings.retryAfterMaxMs, answer.date)
    return { is: 'answer', status: answer.status, retryAfterMs, body }
  }

  #judge(evidence: Evidence): CallEnd {
    return judge(evidence, this.#settings.codes)
  }
}

const NO_SETTINGS: Evidence = { is: 'no-answer', errorCode: SETTINGS_UNREADABLE }
const SOAP_CONTENT_TYPE = /^\s*(?:text\/xml|application\/soap\+xml)\s*(?:;|$)/i

function callOutcome(end: CallEnd): CallOutcome {
  return ('failure' in end && OUTCOME_OF[end.failure.code]) || 'answer'
}

/** What is worth a note when somebody asks later what the service said; null: the usual answer, or none that has a name. */
function kindOf(end: CallEnd): string | null {
  const { soapFaultCode: fault, httpStatus } = 'failure' in end ? end.failure : {}
  if (fault !== undefined) return `fault:${PLAIN_NAME.test(fault) ? fault : 'other'}`
  if (httpStatus !== undefined) return `http:${httpStatus}`
  const code = ('failure' in end ? end.record : end.outcome)?.response?.code ?? 0
  return code === 0 ? null : `code:${code}`
}

const PLAIN_NAME = /^[\w.-]{1,40}$/

/** Lookups are checked before they get here; this is for those who use the client alone. */
const NOT_FOR_XML: FailedCall = {
  failure: {
    code: 'invalid',
    class: 'permanent',
    reason: 'internal',
    message: 'connectionId: expected characters that XML can carry, got others',
  },
  record: null,
}
