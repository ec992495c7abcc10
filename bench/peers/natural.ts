/** What somebody builds in a day: a BullMQ Worker, undici, fast-xml-parser, results.add(). None of the promises. */

import { Queue, Worker } from 'bullmq'
import { XMLParser } from 'fast-xml-parser'
import { Redis } from 'ioredis'
import { Pool } from 'undici'

const connection = new Redis(process.env.REDIS_URL ?? '', { protocol: 2, maxRetriesPerRequest: null })
const endpoint = new URL(process.env.SOAP_ENDPOINT ?? '')
const pool = new Pool(endpoint.origin)
// Numeric references are decoded only if asked for: without that, names arrive wrong.
const parser = new XMLParser({ ignoreAttributes: false, parseTagValue: false, htmlEntities: true })
const results = new Queue('chat-results', { connection })

const HEAD =
  '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>' +
  '<GetChatRequestByConnectionId xmlns="http://tempuri.org/"><PublicKey1>bench-key</PublicKey1><EncryptedUser>bench-user' +
  '</EncryptedUser><EncryptedPassword>bench-password</EncryptedPassword><EncryptedSignature>bench-signature' +
  '</EncryptedSignature><ChatConnectionIDBD>'
const TAIL = '</ChatConnectionIDBD></GetChatRequestByConnectionId></soap:Body></soap:Envelope>'
const HEADERS = {
  'content-type': 'text/xml; charset=utf-8',
  soapaction: '"http://tempuri.org/GetChatRequestByConnectionId"',
}

const worker = new Worker(
  'chat-lookups',
  async (job) => {
    const { connectionId } = job.data
    const body = HEAD + connectionId + TAIL
    const answer = await pool.request({ method: 'POST', path: endpoint.pathname, headers: HEADERS, body })
    const { 'soap:Envelope': envelope } = parser.parse(await answer.body.text())
    const chatRequest =
      envelope['soap:Body'].GetChatRequestByConnectionIdResponse.GetChatRequestByConnectionIdResult.ChatRequest
    await results.add('enriched', { lookupId: job.id, connectionId, status: 'enriched', chatRequest })
  },
  { connection, concurrency: Number(process.env.CONCURRENCY), removeOnComplete: { age: 86_400 } },
)
worker.on('error', () => {})
await worker.waitUntilReady()
console.log('up')
