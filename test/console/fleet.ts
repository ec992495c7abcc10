/** A whole fleet for the console: Redis, the stand-in, two workers and the API, as somebody would have them running. */

import { type Api, startApi } from '../http/api.ts'
import { addDeadLetters } from '../support/dead-letters.ts'
import { killAll, startWorker, type WorkerProcess } from '../support/processes.ts'
import { NAMES, startWorld, type World } from '../support/world.ts'

export const TOKENS = {
  operator: 'operator-0123456789abcdef',
  viewer: 'viewer-0123456789abcdef',
  reader: 'reader-0123456789abcdef',
  producer: 'producer-0123456789abcdef',
}
const API_TOKENS = [
  `ana:enqueue+operate+results:${TOKENS.operator}`,
  `vera:view:${TOKENS.viewer}`,
  `rui:view+enqueue+results:${TOKENS.reader}`,
  `crm:enqueue:${TOKENS.producer}`,
].join(',')

export interface ConsoleFleet {
  world: World
  api: Api
  workers: WorkerProcess[]
  env: Record<string, string>
  close(): Promise<void>
}

/** Dead letters are there before the workers, which would take them as they are made. */
export async function startFleet({
  tokens = true,
  workers = 2,
  deadLetters = 0,
  ratePerSecond = 100,
} = {}): Promise<ConsoleFleet> {
  const world = await startWorld({ standIn: { latencyMs: [20, 80] } })
  const env = { ...world.env, RATE_LIMIT_PER_SECOND: String(ratePerSecond) }
  await addDeadLetters(world.redis, world.queue(NAMES.lookupQueue), deadLetters)
  const started = await Promise.all(Array.from({ length: workers }, () => startWorker(env)))
  const api = await startApi({ REDIS_URL: world.redisUrl, ...(tokens && { API_TOKENS }) })
  const close = async () => {
    await api.stop()
    await killAll()
    await world.close()
  }
  return { world, api, workers: started, env, close }
}
