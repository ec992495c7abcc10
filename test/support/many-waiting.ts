/** Lookups that wait, a million of them in seconds: copies of one that `chat-enricher enqueue` would write. */

import type { Redis } from 'ioredis'
import type { Failure } from '../../src/domain/failure.ts'
import { keysOf, QUEUE_KEYS, WAKE } from '../../src/queues/bull-layout.ts'
import { LookupQueues } from '../../src/queues/lookup-queue.ts'
import { HISTORY_FIELD, lookupIdFor } from '../../src/redis/names.ts'
import { NAMES } from './world.ts'

/** Of every so many one has failed before, with HTTP status 503. */
export const FAILED_ONE_IN = 1000
const LAST_FAILURE: Failure = {
  code: 'http-status',
  class: 'transient',
  reason: 'http_status',
  message: 'm',
  httpStatus: 503,
}
const HISTORY = { charged: 1, failures: 1, calls: 3, lastFailure: LAST_FAILURE }

const COPY = `
local fields = redis.call('HGETALL', KEYS[1])
local at
for i = 1, #fields, 2 do if fields[i] == 'data' then at = i + 1 end end
local data = fields[at]
for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  local id = string.format('lk-%032x', i)
  fields[at] = string.gsub(data, 'the%-first', string.format('9f1c2e34-5b6a-4d7e-8f90-%012d', i))
  redis.call('HSET', KEYS[3] .. id, unpack(fields))
  if i % ${FAILED_ONE_IN} == 0 then redis.call('HSET', KEYS[3] .. id, '${HISTORY_FIELD}', ARGV[3]) end
  redis.call('LPUSH', KEYS[2], id)
end`
const AT_ONCE = 2000

/** As `addWaiting` numbers them. */
export const connectionIdOf = (number: number) => `9f1c2e34-5b6a-4d7e-8f90-${String(number).padStart(12, '0')}`

/** Where no worker takes the one that is copied. */
const APART = { ...NAMES, prefix: 'apart' }

/** Numbers them from 1, in the order in which they wait. */
export async function addWaiting(redis: Redis, count: number): Promise<void> {
  const key = keysOf(NAMES, NAMES.lookupQueue)
  const apart = keysOf(APART, APART.lookupQueue)
  const first = lookupIdFor()
  await new LookupQueues(redis, APART).add('batch', [
    { lookupId: first, connectionId: 'the-first', correlationId: 'order-2024-000123' },
  ])
  for (let from = 1; from <= count; from += AT_ONCE) {
    const to = Math.min(count, from + AT_ONCE - 1)
    await redis.eval(COPY, 3, apart(first), key('wait'), key(''), from, to, JSON.stringify(HISTORY))
  }
  await redis.zadd(key(QUEUE_KEYS.marker), WAKE.score, WAKE.member)
  await redis.del([first, 'wait', ...Object.values(QUEUE_KEYS)].map(apart))
}
