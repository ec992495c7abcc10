// A program with the library: COUNT lookups from an async iterable. Prints seconds and the most memory that it had, MB.

import { ChatEnricher } from '../../dist/index.js'

const count = Number(process.env.COUNT)

async function* lookups() {
  for (let i = 0; i < count; i++) yield { connectionId: `bench-${i}` }
}

const enricher = new ChatEnricher({ redisUrl: process.env.REDIS_URL })
const from = performance.now()
let added = 0
for await (const ack of enricher.enqueueMany(lookups())) if (ack.isNew) added++
const seconds = (performance.now() - from) / 1000
await enricher.close()
console.log(JSON.stringify({ added, seconds, mostMb: process.resourceUsage().maxRSS / 1024 }))
