/** The same by the SOAP client that most would take: npm's `soap`, from a WSDL. */

import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { createClientAsync } from 'soap'
import { startStandIn } from '../../src/stand-in/stand-in.ts'

const connection = new Redis(process.env.REDIS_URL ?? '', { protocol: 2, maxRetriesPerRequest: null })
const results = new Queue('chat-results', { connection })
const standIn = await startStandIn()
const client = await createClientAsync(`${standIn.url}?WSDL`, { endpoint: process.env.SOAP_ENDPOINT ?? '' })
await standIn.close()

const worker = new Worker(
  'chat-lookups',
  async (job) => {
    const { connectionId } = job.data
    const [answer] = await client.GetChatRequestByConnectionIdAsync({
      PublicKey1: 'bench-key',
      EncryptedUser: 'bench-user',
      EncryptedPassword: 'bench-password',
      EncryptedSignature: 'bench-signature',
      ChatConnectionIDBD: connectionId,
    })
    const { ChatRequest: chatRequest } = answer.GetChatRequestByConnectionIdResult
    await results.add('enriched', { lookupId: job.id, connectionId, status: 'enriched', chatRequest })
  },
  { connection, concurrency: Number(process.env.CONCURRENCY), removeOnComplete: { age: 86_400 } },
)
worker.on('error', () => {})
await worker.waitUntilReady()
console.log('up')
