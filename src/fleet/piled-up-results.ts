/**
 * Whether an action that brings more results has to wait, because nobody takes those that are there. The action looks at the
 * queue itself: workers hold for it, too, but perhaps none runs.
 */

import { countUntaken } from '../queues/queue-state.ts'
import type { Redis } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'

/** In words; null: it need not. `limit`: unconsumed results at which it waits; null: it never does. */
export async function whyResultsPileUp(redis: Redis, names: QueueNames, limit: number | null): Promise<string | null> {
  if (limit === null) return null
  const waiting = await countUntaken(redis, names, names.resultQueue)
  if (waiting < limit) return null
  return `${waiting} results wait to be consumed, and RESULT_BACKLOG_LIMIT is ${limit}: start their consumer`
}
