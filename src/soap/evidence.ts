/** What one call brought back, in the distinctions that the answer table needs, and without any text of the service. */

import type { ServiceRecord } from '../domain/chat-request.ts'
import { BodyProblem, type BodyProblemKind } from './body-problem.ts'
import { decodeText } from './decode.ts'
import { readEnvelope, type SoapFault } from './envelope.ts'
import type { HttpAnswer } from './exchange.ts'
import { toServiceRecord } from './to-chat-request.ts'
import { parseXml } from './xml.ts'

export type BodyEvidence =
  | { is: 'record'; record: ServiceRecord }
  | { is: 'fault'; fault: SoapFault }
  /** A page for people: a login form, a proxy's notice, IIS's own error. */
  | { is: 'html' }
  | { is: 'empty' }
  /** The transport ended before the body did. */
  | { is: 'cut-off' }
  | { is: 'timed-out' }
  | { is: 'too-large' }
  /** A Content-Encoding that we did not ask for. */
  | { is: 'encoded' }
  /** `problem` is a message of ours. */
  | { is: BodyProblemKind; problem: string }

export type Evidence =
  /** `errorCode`: of the socket, of TLS, of the HTTP client, or one of ours (transport.ts, client.ts). */
  | { is: 'no-answer'; errorCode: string }
  | { is: 'answer'; status: number; retryAfterMs: number | null; body: BodyEvidence }

/** A fault may come in any status: 200 and 400 as well as 500. */
export function readBody(answer: HttpAnswer): BodyEvidence {
  const body = answer.body.is === 'complete' ? readBytes(answer.body.bytes, answer.contentType) : answer.body
  return isPage(body, answer.contentType) ? { is: 'html' } : body
}

function readBytes(bytes: Uint8Array, contentType: string | null): BodyEvidence {
  if (bytes.length === 0) return { is: 'empty' }
  try {
    return readText(decodeText(bytes, contentType))
  } catch (error) {
    if (error instanceof BodyProblem) return { is: error.is, problem: error.message }
    // The error of a parser that breaks down on an answer is dropped, because it may quote the answer.
    return { is: 'unreadable', problem: 'expected XML, got what cannot be read' }
  }
}

/** Blank lines and byte order marks before the document are no part of it: some template or proxy put them there. */
const BEFORE_DOCUMENT = /^[ \t\r\n\ufeff]+/

function readText(received: string): BodyEvidence {
  const text = received.replace(BEFORE_DOCUMENT, '')
  if (text === '') return { is: 'empty' }
  if (HTML_START.test(text.slice(0, HTML_STARTS_WITHIN))) return { is: 'html' }
  const body = readEnvelope(parseXml(text))
  return body.is === 'fault' ? body : { is: 'record', record: toServiceRecord(body.element) }
}

/** No page has a longer preamble, and searching one would no longer take linear time. */
const HTML_STARTS_WITHIN = 4_096
/** After white space, comments and a declaration. */
const HTML_START =
  /^(?:\s|<!--(?:(?!-->)[\s\S])*-->|<\?xml[^>]*\?>)*<(?:!doctype\s+html|html|head|body|title|meta|script|h1|center|p|div)(?=[\s/>])/i

/** Problems that no longer matter once the content type says that the body was a page. */
const NO_SOAP: ReadonlySet<BodyEvidence['is']> = new Set(['unreadable', 'encoded', 'cut-off', 'too-large', 'dtd'])

function isPage(body: BodyEvidence, contentType: string | null): boolean {
  return NO_SOAP.has(body.is) && /^\s*(?:text\/html|application\/xhtml\+xml)\b/i.test(contentType ?? '')
}

// What the answer table asks of it.

/** The fault's code, then its subcodes; nothing if the answer is no fault. */
export function faultNames(evidence: Evidence): string[] {
  if (evidence.is !== 'answer' || evidence.body.is !== 'fault') return []
  return [evidence.body.fault.code, ...evidence.body.fault.subcodes]
}

export function statusOf(evidence: Evidence): number {
  return evidence.is === 'answer' ? evidence.status : 0
}

export function bodyOf(evidence: Evidence): string {
  return evidence.is === 'answer' ? evidence.body.is : ''
}

export function socketCode(evidence: Evidence): string {
  return evidence.is === 'no-answer' ? evidence.errorCode : ''
}

export function recordOf(evidence: Evidence): ServiceRecord | null {
  return evidence.is === 'answer' && evidence.status === 200 && evidence.body.is === 'record'
    ? evidence.body.record
    : null
}

export function hasCode(evidence: Evidence, codes: ReadonlySet<number>): boolean {
  const code = recordOf(evidence)?.response?.code ?? null
  return code !== null && codes.has(code)
}

/** Whether the ChatRequest is about a chat: .NET writes 0 for an id that was never set. */
export function hasChatRequest(evidence: Evidence): boolean {
  return Boolean(recordOf(evidence)?.chatRequest?.idRequest)
}
