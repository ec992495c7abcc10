/**
 * Facts as spans of OpenTelemetry: one for each attempt at a lookup, a child of the span that its producer had, and below it one
 * for each call. Loaded only where the process has set up where spans go. No id and nothing of a customer stands in a span.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import { ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import type { LookupEvent, Observe } from '../domain/event.ts'

export function traceEvents(version: string): Observe {
  const tracer = trace.getTracer('chat-enricher', version)
  const open = new Map<string, Span>()
  /** A call does not say whose it is; it ends in what its attempt has begun. */
  const running = new AsyncLocalStorage<Span>()
  return (event) => {
    if (event.type === 'attempt-started') {
      const attributes = {
        'messaging.system': 'bullmq',
        'chat_enricher.first': event.first,
        'chat_enricher.waited_ms': event.waitedMs,
      }
      const span = tracer.startSpan(
        'chat-enricher attempt',
        { kind: SpanKind.CONSUMER, attributes },
        parentOf(event.traceparent),
      )
      open.set(event.lookupId, span)
      running.enterWith(span)
    } else if (event.type === 'call-finished') {
      addCall(tracer, running.getStore(), event)
    } else if (event.type === 'attempt-finished') {
      const span = open.get(event.lookupId)
      open.delete(event.lookupId)
      if (span) end(span, event)
    }
  }
}

/** The whole call, once it is over. */
function addCall(
  tracer: Tracer,
  attempt: Span | undefined,
  call: Extract<LookupEvent, { type: 'call-finished' }>,
): void {
  const { outcome, durationMs, httpStatus, kind } = call
  const endTime = Date.now()
  const parent = attempt ? trace.setSpan(ROOT_CONTEXT, attempt) : ROOT_CONTEXT
  const attributes = {
    'rpc.system': 'soap',
    'rpc.method': 'GetChatRequestByConnectionId',
    'chat_enricher.outcome': outcome,
    ...(httpStatus === undefined ? {} : { 'http.response.status_code': httpStatus }),
    ...(kind === undefined ? {} : { 'error.type': kind }),
  }
  const startTime = endTime - durationMs
  const span = tracer.startSpan('chat-enricher call', { kind: SpanKind.CLIENT, attributes, startTime }, parent)
  if (outcome !== 'answer') span.setStatus({ code: SpanStatusCode.ERROR })
  span.end(endTime)
}

function end(span: Span, { status, calls }: Extract<LookupEvent, { type: 'attempt-finished' }>): void {
  span.setAttributes({ 'chat_enricher.status': status, 'chat_enricher.calls': calls })
  if (status === 'failed') span.setStatus({ code: SpanStatusCode.ERROR })
  span.end()
}

function parentOf(traceparent: string | undefined) {
  if (traceparent === undefined) return ROOT_CONTEXT
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-')
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true })
}
