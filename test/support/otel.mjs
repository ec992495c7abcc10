// What a host program sets up before chat-enricher: spans go as lines of JSON into the file that SPANS_FILE names.
import { appendFileSync } from 'node:fs'
import { trace } from '@opentelemetry/api'
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'

const lineOf = (span) => {
  const { traceId, spanId } = span.spanContext()
  const { name, kind, attributes, status } = span
  const parent = span.parentSpanContext?.spanId ?? null
  const ms = span.duration[0] * 1000 + span.duration[1] / 1e6
  return `${JSON.stringify({ name, kind, attributes, traceId, spanId, parent, ms, status: status.code })}\n`
}
const exporter = {
  export: (spans, done) => {
    appendFileSync(process.env.SPANS_FILE, spans.map(lineOf).join(''))
    done({ code: 0 })
  },
  shutdown: async () => {},
}
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
