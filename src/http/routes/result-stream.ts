/** All results as server-sent events, each once, in order; whoever was away goes on where it was. */

import type { FastifyRequest } from 'fastify'
import * as z from 'zod'
import { positionOf, type ResultsFollowed, type StreamedResult, type TailReader } from '../../app/results-followed.ts'
import { answers } from '../answers.ts'
import type { Server } from '../api-server.ts'
import { type EventStream, type EventStreams, NO_HEAD } from '../event-stream.ts'
import { Problem } from '../problem.ts'

const idHeader = z.object({
  'last-event-id': z.string().optional().describe('The id of the last event that was seen; without it: from now on.'),
})

export function resultStreamRoute(server: Server, results: ResultsFollowed | null, streams: EventStreams): void {
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
  server.get(
    '/v1/results/stream',
    { ...NO_HEAD, config: { roles: ['results'] as const }, schema },
    async (request, reply) => {
      if (!results)
        throw new Problem('results-stream-off', 'no stream of results: set RESULT_STREAM for API and workers')
      const after = lastSeen(request)
      const stream = streams.open(request, reply)
      // Answers with a problem if Redis does not.
      stream.begin(await results.follow(new ResultReader(stream), after))
    },
  )
}

function lastSeen({ headers }: FastifyRequest): bigint | null {
  const id = headers['last-event-id']
  if (id === undefined || id === '') return null
  const position = typeof id === 'string' ? positionOf(id) : null
  if (position !== null) return position
  const problem = 'expected the id of an event, as 1700000000000-0, got something else'
  throw new Problem('invalid-request', `Last-Event-ID: ${problem}`, [{ field: 'Last-Event-ID', problem }])
}

class ResultReader implements TailReader {
  readonly #stream: EventStream

  constructor(stream: EventStream) {
    this.#stream = stream
  }

  get isReady(): boolean {
    return this.#stream.isReady
  }

  take(results: StreamedResult[]): void {
    this.#stream.say(results.map(({ id, result }) => `id: ${id}\nevent: result\ndata: ${result}\n\n`).join(''))
  }

  gap(): void {
    this.#stream.say('event: gap\ndata: {}\n\n')
  }
}
