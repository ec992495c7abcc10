/** Redis for a command that somebody waits for. */

import { commandConnection, kindOfRedisError, type Redis } from '../queues/redis.ts'
import type { Config } from './options.ts'

/** Runs `work` with a connection, and closes it. Says which Redis it was that could not be reached. */
export async function withRedis<T>(config: Config, name: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = commandConnection(config.redisUrl, name)
  let last: NodeJS.ErrnoException | null = null
  redis.on('error', (error: Error) => {
    last = error
  })
  try {
    await redis.ping()
    return await work(redis)
  } catch (error) {
    if (kindOfRedisError(error) === 'other') throw error
    const { code, message } = (last ?? error) as NodeJS.ErrnoException
    throw new Error(
      `REDIS_URL: expected a Redis that answers at ${new URL(config.redisUrl).host}, got ${code ?? message}. ` +
        'Is it running, and do REDIS_URL and its password fit?',
    )
  } finally {
    redis.disconnect()
  }
}
