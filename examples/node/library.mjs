// npm install chat-enricher (or the file that `npm pack` makes here)
import { ChatEnricher } from 'chat-enricher'

const enricher = new ChatEnricher({ redisUrl: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379' })
// A person waits: on the interactive lane, and its result comes here.
const { status, chatRequest } = await enricher.lookup({ connectionId: '12345' }, { timeoutMs: 10_000 })
console.log(status, chatRequest?.userName)
// Any number, from any iterable or async iterable, in flat memory: their results go on the result queue.
const backfill = ['4', '5'].map((connectionId) => ({ connectionId, idempotencyKey: `backfill-${connectionId}` }))
for await (const ack of enricher.enqueueMany(backfill)) {
  if ('error' in ack) console.error(ack.connectionId, ack.error.message)
  else console.log(ack.lookupId, ack.isNew)
}
await enricher.close()
