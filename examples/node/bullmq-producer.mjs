// npm install bullmq ioredis
import { Queue } from 'bullmq'

const connection = { url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379' }
const lookups = new Queue('chat-lookups', { connection })
lookups.on('error', (error) => console.error(`Redis: ${error.message}`))
const data = { connectionId: '12345', correlationId: 'order-7', producer: 'crm' }
const job = await lookups.add('lookup', data, { jobId: 'crm-8f14e45f' })
console.log(job.id)
await lookups.close()
