/** Dead letters, many and at once: jobs that BullMQ added, then moved to where a worker leaves those that gave up. */

import type { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { END_FIELD } from '../../src/redis/names.ts'

const MOVE = `
local at = tonumber(ARGV[1])
for i = 2, #ARGV do
  redis.call('LREM', KEYS[1], -1, ARGV[i])
  redis.call('ZADD', KEYS[2], at + i, ARGV[i])
  redis.call('HSET', KEYS[3] .. ARGV[i], 'finishedOn', at + i, 'failedReason', 'soap-fault: m (calls: 1, attempts: 1)',
    'atm', 1, '${END_FIELD}', '{"status":"failed","code":"soap-fault","fault":"Server"}')
end`

const AT_ONCE = 500
/** They gave up so long ago. */
const AGO_MS = 600_000

/** All failed with the SOAP fault Server. Resolves to their ids. */
export async function addDeadLetters(redis: Redis, queue: Queue, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `d-${index}`)
  for (let start = 0; start < count; start += AT_ONCE) {
    const some = ids.slice(start, start + AT_ONCE)
    await queue.addBulk(
      some.map((jobId) => ({ name: 'lookup', data: { connectionId: `of ${jobId}` }, opts: { jobId } })),
    )
    const keys = ['wait', 'failed', ''].map((part) => queue.toKey(part))
    await redis.eval(MOVE, keys.length, ...keys, Date.now() - AGO_MS + start, ...some)
  }
  return ids
}
