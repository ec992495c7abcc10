/** Whether `doctor` looks at the place that is meant: a database, queues and a stream that are right each by itself. */

import { RESULT_STATUSES } from '../domain/result.ts'
import { FIELDS, keysOf, QUEUE_KEYS } from '../queues/bull-layout.ts'
import type { Redis } from '../redis/connections.ts'
import { bullKey, type QueueNames } from '../redis/names.ts'
import { infoOf } from '../redis/preflight.ts'
import { type Finding, fail, orPass, pass, warn } from './finding.ts'

/** A server has 16 databases if nobody has asked for more. */
const MOST_DATABASES = 16

/** Where ours has none of the queues and another database of this server has them, the number in REDIS_URL may be wrong. */
export async function checkDatabase(redis: Redis, names: QueueNames): Promise<Finding> {
  const ours = redis.options.db ?? 0
  const all = pass('redis-database', 'no other database of this Redis has queues of these names alone')
  if (redis.isCluster || (await hasQueues(redis, names))) return all
  const used = [...(await infoOf(redis, 'keyspace')).matchAll(/^db(\d+):/gm)].map(([, number]) => Number(number))
  for (const number of used.filter((one) => one !== ours).slice(0, MOST_DATABASES)) {
    if (!(await isIn(redis, number, names))) continue
    const says = `these queues are not in database ${ours}, and in database ${number} of the same Redis they are`
    return warn('redis-database', says, `if that is the one that is meant: REDIS_URL with /${number} at its end`)
  }
  return all
}

/** A connection of its own, so that ours stays where it is. */
async function isIn(redis: Redis, number: number, names: QueueNames): Promise<boolean> {
  const spare = redis.duplicate({ db: number })
  spare.on('error', () => {})
  try {
    return await hasQueues(spare, names)
  } finally {
    spare.disconnect()
  }
}

async function hasQueues(redis: Redis, names: QueueNames): Promise<boolean> {
  const queues = [names.lookupQueue, names.interactiveQueue, names.resultQueue]
  const keys = queues.flatMap((queue) =>
    [QUEUE_KEYS.meta, QUEUE_KEYS.counter].map((part) => bullKey(names, queue, part)),
  )
  return (await redis.exists(keys)) > 0
}

/** A worker that takes results for lookups asks for them again, and never ends. */
export async function checkQueueContents(redis: Redis, names: QueueNames): Promise<Finding> {
  const isResult = (name: string | null) => RESULT_STATUSES.some((status) => status === name)
  for (const queue of [names.lookupQueue, names.interactiveQueue]) {
    if (!isResult(await nameOfNext(redis, names, queue))) continue
    const says = `${queue} is a queue of lookups here, and holds results`
    return fail(
      'queues-swapped',
      says,
      'correct LOOKUP_QUEUE, INTERACTIVE_QUEUE and RESULT_QUEUE before a worker starts',
    )
  }
  return pass('queues-swapped', 'no queue of lookups holds results')
}

/** The name of the job that is next; null: none waits. */
async function nameOfNext(redis: Redis, names: QueueNames, queue: string): Promise<string | null> {
  const key = keysOf(names, queue)
  const id = (await redis.lindex(key('wait'), -1)) ?? (await redis.zrange(key('prioritized'), '0', '0'))[0]
  return id === undefined ? null : redis.hget(key(id), FIELDS.name)
}

/** RESULT_STREAM is a key that others may have used already. */
export async function checkStream(redis: Redis, stream: string | null): Promise<Finding[]> {
  const type = stream === null ? 'none' : await redis.type(stream)
  const found =
    type === 'none' || type === 'stream'
      ? []
      : [fail('result-stream', `RESULT_STREAM is a key that is there as a ${type}`, 'take a name that nobody uses')]
  return orPass(found, 'result-stream', stream === null ? 'none is written' : 'its key is free, or a stream')
}
