/** Parts of the queues room on a Redis of the test's own, each on a connection of its own, as in a process of its own. */

import type { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { type Result, type ResultSubject, resultOf } from '../../src/domain/result.ts'
import { noTime } from '../../src/domain/timing.ts'
import { openQueue } from '../../src/queues/lookup-queue.ts'
import { ResultQueue } from '../../src/queues/result-queue.ts'
import type { ResultStream } from '../../src/queues/result-stream.ts'
import { patientConnection, singleRedis } from '../../src/redis/connections.ts'
import type { LookupIdentity } from '../../src/redis/names.ts'
import { NAMES } from './world.ts'

export interface Publisher {
  redis: Redis
  queue: Queue
  results: ResultQueue
}

export function connect(url: string): Redis {
  const redis = patientConnection(singleRedis(url), 'test')
  redis.on('error', () => {})
  return redis
}

export function publisher(
  url: string,
  markerTtlMs = 60_000,
  keepMs = 30_000,
  stream: ResultStream | null = null,
  lookupRetentionMs = 1000,
): Publisher {
  const redis = connect(url)
  const queue = openQueue(NAMES.resultQueue, redis, NAMES)
  return {
    redis,
    queue,
    results: new ResultQueue(queue, redis, NAMES, { markerTtlMs, keepMs, lookupRetentionMs, stream }),
  }
}

export function identityOf(
  lookupId: string,
  queue = NAMES.lookupQueue,
  enqueuedAt = 1_700_000_000_000,
  redrive = 0,
): LookupIdentity {
  return { lookupId, queue, enqueuedAt, redrive }
}

export function subjectFor({ lookupId, enqueuedAt, redrive }: LookupIdentity, connectionId = 'c'): ResultSubject {
  const times = { enqueuedAt: new Date(enqueuedAt).toISOString(), finishedAt: new Date().toISOString() }
  return {
    lookupId,
    connectionId,
    correlationId: null,
    producer: null,
    metadata: null,
    calls: 1,
    attempts: 1,
    timing: noTime(),
    redrive,
    ...times,
  }
}

export function resultFor(identity: LookupIdentity, connectionId = 'c'): Result {
  return resultOf(subjectFor(identity, connectionId), 'enriched')
}
