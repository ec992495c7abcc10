/**
 * `chat-enricher/soap`: the SOAP client alone, without queues. Importing it has no effects.
 *
 *     const client = new SoapClient({ endpoint, version: '1.1', credentials: () => ({ … }), …DEFAULTS })
 *     const { status, chatRequest, response } = await client.lookup('12345', AbortSignal.timeout(5_000))
 *     await client.close()
 */

import type { SoapSettings } from './client.ts'

export type { CallEnd, FailedCall, Outcome } from '../domain/call-end.ts'
export type { ChatRequest, ServiceRecord, ServiceResponse } from '../domain/chat-request.ts'
export type { LookupEvent, Observe } from '../domain/event.ts'
export type { Failure, FailureClass, FailureCode } from '../domain/failure.ts'
export type { ResponseCodes } from '../domain/response-codes.ts'
export { SoapClient, type SoapSettings } from './client.ts'
export { LookupFailure } from './lookup-failure.ts'
export type { SoapVersion } from './names.ts'
export type { ProxySettings } from './proxy.ts'
export type { Credentials } from './request.ts'
export type { TlsFiles } from './transport.ts'

/** The settings that most have no reason to change, as the worker has them. Milliseconds and bytes. */
export const DEFAULTS = {
  version: '1.1',
  callTimeoutMs: 10_000,
  connectTimeoutMs: 3_000,
  maxResponseBytes: 1_048_576,
  retryAfterMaxMs: 3_600_000,
  codes: { enriched: null, notFound: null, retry: new Set<number>(), hold: new Set<number>() },
} as const satisfies Partial<SoapSettings>
