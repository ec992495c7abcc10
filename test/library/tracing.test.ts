import { AsyncLocalStorage } from 'node:async_hooks'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  type Context,
  type ContextManager,
  context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { activeTrace, isTraced } from '../../src/app/active-trace.ts'
import { ChatEnricher } from '../../src/index.ts'
import { parseLines } from '../cli/started.ts'
import { startWorker } from '../support/processes.ts'
import { useConsumer, useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'

const world = useWorld()
const consumer = useConsumer(world)
const folder = mkdtempSync(join(tmpdir(), 'chat-enricher-tracing-'))
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => {
  trace.disable()
  context.disable()
})

/** As a host program has it: spans are kept, and the active one is known. */
function setUp(): InMemorySpanExporter {
  const exporter = new InMemorySpanExporter()
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
  const storage = new AsyncLocalStorage<Context>()
  const manager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (at: Context, run: (...args: unknown[]) => unknown, self: unknown, ...args: unknown[]) =>
      storage.run(at, () => run.apply(self, args)),
    bind: <T>(_: Context, target: T) => target,
    enable: () => manager,
    disable: () => manager,
  }
  context.setGlobalContextManager(manager as unknown as ContextManager)
  return exporter
}

interface Spanned {
  name: string
  spanId: string
  ms: number
  status: number
  kind: number
  traceId: string
  parent: string | null
  attributes: Record<string, unknown>
}

async function spansOf(file: string, count: number): Promise<Spanned[]> {
  const spans = () => (existsSync(file) ? parseLines<Spanned>(readFileSync(file, 'utf8')) : [])
  await until(`${count} spans are there`, () => spans().length >= count)
  return spans()
}

describe('tracing', () => {
  it('is off where nobody has set it up: no span is known, and nothing is loaded', () => {
    expect({ isTraced: isTraced(), ...activeTrace() }).toEqual({ isTraced: false })
    const chunks = readdirSync('dist').filter((name) => /^tracing-.*\.js$/.test(name))
    expect(chunks).toHaveLength(1)
    expect(readFileSync('dist/main.js', 'utf8')).not.toContain('./tracing-')
  })

  it('knows the active span as the API does', () => {
    setUp()
    expect(isTraced()).toBe(true)
    expect(activeTrace()).toEqual({})
    trace.getTracer('host').startActiveSpan('request', (span) => {
      const { traceId, spanId } = span.spanContext()
      expect(activeTrace()).toEqual({ traceparent: `00-${traceId}-${spanId}-01` })
    })
  })

  it('goes from the span of a library, over the queue, to the span of the attempt and to the result', async () => {
    setUp()
    const SPANS_FILE = join(folder, 'spans')
    const setUpFile = pathToFileURL('test/support/otel.mjs').href
    const worker = await startWorker({ ...world.env, SPANS_FILE, NODE_OPTIONS: `--import ${setUpFile}` })
    await using enricher = new ChatEnricher({ redisUrl: world.redisUrl })
    const host = await trace.getTracer('host').startActiveSpan('request', async (span) => {
      const { lookupId } = await enricher.enqueue({ connectionId: 'canary-1' })
      return { ...span.spanContext(), lookupId }
    })
    const given = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00'
    await world.queue(NAMES.lookupQueue).add('lookup', { connectionId: '2', traceparent: given }, { jobId: 'by-hand' })
    await world.queue(NAMES.lookupQueue).add('lookup', { connectionId: '3' }, { jobId: 'untraced' })
    await consumer.have(3)
    expect(consumer.of(host.lookupId)[0]?.traceparent).toBe(`00-${host.traceId}-${host.spanId}-01`)
    expect(consumer.of('by-hand')[0]?.traceparent).toBe(given)
    expect(consumer.of('untraced')[0]).not.toHaveProperty('traceparent')
    const spans = await spansOf(SPANS_FILE, 4) // of two lookups: a span below one that is not sampled is not there
    expect(spans).toContainEqual(
      expect.objectContaining({
        name: 'chat-enricher attempt',
        kind: SpanKind.CONSUMER,
        traceId: host.traceId,
        parent: host.spanId,
      }),
    )
    const attempts = spans.filter(({ name }) => name === 'chat-enricher attempt')
    expect(attempts.find(({ traceId }) => traceId === host.traceId)?.attributes).toMatchObject({
      'chat_enricher.status': 'enriched',
      'chat_enricher.calls': 1,
    })
    expect(attempts.filter(({ parent }) => parent === null)).toHaveLength(1) // the untraced one; a producer's 00 is not sampled
    expect(JSON.stringify(spans)).not.toContain('canary')
    expect((await worker.kill('SIGTERM')).code).toBe(0)
  })

  it('has a span for each call below that of its attempt, with what the service said', async () => {
    const SPANS_FILE = join(folder, 'calls')
    world.standIn.set({ latencyMs: 30, rules: [{ id: 'bad', faults: ['client-fault'] }] })
    const NODE_OPTIONS = `--import ${pathToFileURL('test/support/otel.mjs').href}`
    const worker = await startWorker({ ...world.env, SPANS_FILE, NODE_OPTIONS, LOOKUP_ATTEMPTS: '1' })
    const ids = ['good', 'bad', 'fine', 'well']
    await world.queue(NAMES.lookupQueue).addBulk(ids.map((id) => ({ name: 'lookup', data: { connectionId: id } })))
    await consumer.have(4)
    const spans = await spansOf(SPANS_FILE, 4 + world.standIn.requests.all().length)
    const attempts = spans.filter(({ name }) => name === 'chat-enricher attempt')
    const calls = spans.filter(({ name }) => name === 'chat-enricher call')
    for (const { spanId, attributes } of attempts) {
      const own = calls.filter(({ parent }) => parent === spanId)
      expect(own).toHaveLength(Number(attributes['chat_enricher.calls']))
      for (const call of own) expect(call.kind).toBe(SpanKind.CLIENT)
      for (const { ms } of own) expect(ms).toBeGreaterThanOrEqual(25)
    }
    const codes = calls.map(({ attributes }) => [attributes['http.response.status_code'], attributes['error.type']])
    expect(codes).toContainEqual([500, 'fault:Client'])
    expect(codes.filter(([status, error]) => status === 200 && error === undefined)).toHaveLength(3)
    expect(calls.filter(({ status }) => status === SpanStatusCode.ERROR)).toHaveLength(calls.length - 3)
    expect((await worker.kill('SIGTERM')).code).toBe(0)
  })

  it('refuses a traceparent that is none, by name', async () => {
    await using enricher = new ChatEnricher({ redisUrl: world.redisUrl })
    for (const traceparent of ['x', '00-0-0-01', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`]) {
      await expect(enricher.enqueue({ connectionId: '1', traceparent })).rejects.toThrow(
        /traceparent: expected a traceparent of W3C/,
      )
    }
  })
})
