// npm install bullmq ioredis
import { Worker } from 'bullmq'

const connection = { url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379' }
const consume = async ({ data }) => {
  console.log(JSON.stringify(data)) // yours: upsert on lookupId and redrive
}
const consumer = new Worker('chat-results', consume, { connection, removeOnComplete: { count: 0 } })
consumer.on('error', (error) => console.error(`Redis: ${error.message}`)) // it connects again by itself
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => consumer.close())
