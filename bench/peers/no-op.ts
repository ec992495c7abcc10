/** A part of the floor: takes a job, adds a result, completes. */

import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'

const connection = new Redis(process.env.REDIS_URL ?? '', { protocol: 2, maxRetriesPerRequest: null })
const results = new Queue('chat-results', { connection })
const worker = new Worker(
  'chat-lookups',
  async (job) => {
    await results.add('enriched', { lookupId: job.id, connectionId: job.data.connectionId, status: 'enriched' })
  },
  { connection, concurrency: Number(process.env.CONCURRENCY), removeOnComplete: { age: 86_400 } },
)
worker.on('error', () => {})
await worker.waitUntilReady()
console.log('up')
