/** The fleet as it is, once a second, for whoever watches it. */

import * as z from 'zod'
import type { Live } from '../../app/live.ts'
import { answers } from '../answers.ts'
import type { Server } from '../api-server.ts'
import { type EventStreams, NO_HEAD } from '../event-stream.ts'
import { toProblem } from '../to-problem.ts'

export function liveRoute(server: Server, live: Live<object>, streams: EventStreams): void {
  const schema = {
    tags: ['fleet'],
    operationId: 'watchFleet',
    summary: 'The fleet once a second, as server-sent events.',
    response: answers(
      {
        200: {
          description: 'Events `status` (data: as GET /v1/status), `problem` (it cannot be read now), `stopping`.',
          content: { 'text/event-stream': { schema: z.string() } },
        },
      },
      'too-many-streams',
    ),
  }
  server.get('/v1/live', { ...NO_HEAD, config: { roles: ['view'] as const }, schema }, async (request, reply) => {
    const stream = streams.open(request, reply)
    // Whoever reads slowly misses some: the next one says all that is.
    const leave = live.follow({
      seen: (json) => void (stream.isReady && stream.say(`event: status\ndata: ${json}\n\n`)),
      failed: (error) => stream.say(`event: problem\ndata: ${JSON.stringify(toProblem(error))}\n\n`),
    })
    stream.begin(leave)
  })
}
