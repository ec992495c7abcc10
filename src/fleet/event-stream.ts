/** What is to be forgotten in an event stream of BullMQ. */

import type { Redis } from '../redis/connections.ts'
import { mentions } from './about-connection.ts'

const PAGE = 1000

/**
 * Empties the stream if an entry of it is about one of these jobs, or names the connection id. All of it, because XDEL only
 * marks an entry, and its bytes stay until all around it are gone. Readers go on behind what they have read, and a consumer
 * group stays; events are news, which BullMQ itself throws away after some thousands. Resolves to how many there were.
 */
export async function emptyEvents(
  redis: Redis,
  stream: string,
  jobIds: ReadonlySet<string>,
  connectionId: string,
): Promise<number> {
  for await (const [, fields] of entriesOf(redis, stream)) {
    const isOfAJob = fields.some((text, i) => text === 'jobId' && i % 2 === 0 && jobIds.has(fields[i + 1] ?? ''))
    if (isOfAJob || fields.some((text, i) => i % 2 === 1 && mentions(text, connectionId))) {
      return redis.xtrim(stream, 'MAXLEN', 0)
    }
  }
  return 0
}

export async function* entriesOf(redis: Redis, stream: string): AsyncGenerator<[id: string, fields: string[]]> {
  for (let from = '-'; ; ) {
    const page = await redis.xrange(stream, from, '+', 'COUNT', PAGE)
    yield* page
    if (page.length < PAGE) return
    from = `(${page.at(-1)?.[0]}`
  }
}
