/** What is to be forgotten in the stream of all results. */

import { RESULT_FIELD } from '../queues/result-stream.ts'
import type { Redis } from '../redis/connections.ts'
import { isAbout } from './about-connection.ts'
import { entriesOf } from './event-stream.ts'

/**
 * Removes the results of one connection id, and no others: somebody may still have to read them. No reader gets what was
 * removed; Redis gives its bytes back when the entries around it are trimmed. Resolves to how many there were.
 */
export async function removeStreamed(redis: Redis, stream: string, connectionId: string): Promise<number> {
  if ((await redis.type(stream)) !== 'stream') return 0
  let removed = 0
  for await (const [id, fields] of entriesOf(redis, stream)) {
    const data = fields[fields.indexOf(RESULT_FIELD) + 1] ?? null
    if (isAbout({ id, name: null, data, timestamp: null, redrive: null }, connectionId))
      removed += await redis.xdel(stream, id)
  }
  return removed
}
