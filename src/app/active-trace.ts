/**
 * Whether this program traces, and the span that is active, asked of what the OpenTelemetry API has put on globalThis. So nothing
 * of it is loaded where nobody traces. The names are of its version 1, and a test holds them against the API itself.
 */

interface SpanContext {
  traceId: string
  spanId: string
  traceFlags: number
}

interface Api {
  trace?: unknown
  context?: { active(): { getValue(key: symbol): { spanContext(): SpanContext } | undefined } }
}

const SPAN = Symbol.for('OpenTelemetry Context Key SPAN')

function api(): Api {
  return ((globalThis as Record<symbol, unknown>)[Symbol.for('opentelemetry.js.api.1')] ?? {}) as Api
}

/** Somebody has set up where spans go. */
export function isTraced(): boolean {
  return api().trace !== undefined
}

/** As a part of what is asked; empty where no span is active. */
export function activeTrace(): { traceparent?: string } {
  const span = api().context?.active().getValue(SPAN)?.spanContext()
  if (!span || /^0*$/.test(span.traceId)) return {}
  return { traceparent: `00-${span.traceId}-${span.spanId}-${(span.traceFlags & 1).toString(16).padStart(2, '0')}` }
}
