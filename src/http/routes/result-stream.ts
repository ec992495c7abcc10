/** All results as server-sent events, each once, in order; whoever was away goes on where it was. */

import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import { positionOf, type ResultsFollowed, type StreamedResult, type TailReader } from '../../app/results-followed.ts'
import { every, monotonic } from '../../clock.ts'
import type { Observe } from '../../domain/event.ts'
import { answers } from '../answers.ts'
import type { Server } from '../api-server.ts'
import { Problem } from '../problem.ts'
import { mayRest } from '../stalls.ts'

const MOST_STREAMS = 100
const HEARTBEAT_MS = 15_000
/** So much may lie unread; no more is written until it has gone. */
const MOST_UNREAD_BYTES = 262_144
/** Whoever reads nothing for so long is cut; it may come again, and goes on where it was. */
const SLOW_MS = 30_000
const LOOK_MS = 5_000

const idHeader = z.object({
  'last-event-id': z.string().optional().describe('The id of the last event that was seen; without it: from now on.'),
})

export function resultStreamRoute(
  server: Server,
  results: ResultsFollowed | null,
  observe: Observe,
  stopping: AbortSignal,
): void {
  const schema = {
    tags: ['results'],
    operationId: 'streamResults',
    summary: 'All results as server-sent events, from RESULT_STREAM.',
    headers: idHeader,
    response: answers(
      {
        200: {
          description: 'Events `result` (data: the result), `gap` (some were trimmed unseen), `stopping`.',
          content: { 'text/event-stream': { schema: z.string() } },
        },
      },
      'invalid-request',
      'results-stream-off',
      'too-many-streams',
    ),
  }
  const open = new Set<EventStream>()
  stopping.addEventListener('abort', () => {
    for (const stream of open) stream.stop()
  })
  server.get('/v1/results/stream', { config: { roles: ['results'] as const }, schema }, async (request, reply) => {
    if (!results) throw new Problem('results-stream-off', 'no stream of results: set RESULT_STREAM for API and workers')
    if (stopping.aborted) throw new Problem('stopping', 'the API stops; come again')
    const after = lastSeen(request)
    if (open.size >= MOST_STREAMS)
      throw new Problem('too-many-streams', `${MOST_STREAMS} streams of results are open already`)
    const stream = new EventStream(reply)
    open.add(stream)
    observe({ type: 'stream-opened' })
    stream.onEnd(() => {
      open.delete(stream)
      observe({ type: 'stream-closed' })
    })
    await stream.run(results, after)
  })
}

function lastSeen({ headers }: FastifyRequest): bigint | null {
  const id = headers['last-event-id']
  if (id === undefined || id === '') return null
  const position = typeof id === 'string' ? positionOf(id) : null
  if (position !== null) return position
  const problem = 'expected the id of an event, as 1700000000000-0, got something else'
  throw new Problem('invalid-request', `Last-Event-ID: ${problem}`, [{ field: 'Last-Event-ID', problem }])
}

class EventStream implements TailReader {
  readonly #reply: FastifyReply
  readonly #raw: ServerResponse
  #hasHead = false
  #isStopping = false
  #slowSince: number | null = null
  #saidAt = monotonic()

  constructor(reply: FastifyReply) {
    this.#reply = reply
    this.#raw = reply.raw
  }

  onEnd(ended: () => void): void {
    this.#raw.once('close', ended)
  }

  /** Answers with a problem if Redis does not; else goes on until whoever asked is gone. */
  async run(results: ResultsFollowed, after: bigint | null): Promise<void> {
    const leave = await results.follow(this, after)
    this.#reply.hijack()
    const watch = every(LOOK_MS, () => this.#watch())
    const end = () => {
      watch.stop()
      leave()
    }
    this.#raw.once('close', end)
    if (this.#raw.destroyed) end()
    this.#begin()
  }

  get isReady(): boolean {
    return this.#hasHead && this.#raw.writableLength < MOST_UNREAD_BYTES
  }

  take(results: StreamedResult[]): void {
    this.#say(results.map(({ id, result }) => `id: ${id}\nevent: result\ndata: ${result}\n\n`).join(''))
  }

  gap(): void {
    this.#say('event: gap\ndata: {}\n\n')
  }

  stop(): void {
    this.#isStopping = true
    if (this.#hasHead) this.#raw.end('event: stopping\ndata: {}\n\n')
  }

  #begin(): void {
    const headers = { ...this.#reply.getHeaders(), 'content-type': 'text/event-stream', 'cache-control': 'no-store' }
    mayRest(this.#raw.socket as NonNullable<ServerResponse['socket']>, SLOW_MS)
    this.#raw.writeHead(200, headers as Record<string, string>)
    this.#raw.flushHeaders()
    this.#hasHead = true
    this.#say('retry: 2000\n\n')
    if (this.#isStopping) this.stop()
  }

  #say(text: string): void {
    if (this.#raw.writableEnded || this.#raw.destroyed) return
    this.#raw.write(text)
    this.#saidAt = monotonic()
  }

  #watch(): void {
    const at = monotonic()
    if (this.isReady) this.#slowSince = null
    else this.#slowSince ??= at
    if (this.#slowSince !== null && at - this.#slowSince >= SLOW_MS) this.#raw.destroy()
    else if (this.isReady && at - this.#saidAt >= HEARTBEAT_MS - LOOK_MS) this.#say(': still here\n\n')
  }
}
