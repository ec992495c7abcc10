/** Redis for a command that somebody waits for. */

import { within } from '../clock.ts'
import { commandConnection, kindOfRedisError, type Redis } from '../queues/redis.ts'
import type { Config } from './options.ts'

/** A Redis that takes the connection and then says nothing must not keep anybody waiting. */
const ANSWERS_WITHIN_MS = 5000

/** Runs `work` with a connection, and closes it. Says which Redis it was that could not be reached. */
export async function withRedis<T>(
  { redisUrl }: Pick<Config, 'redisUrl'>,
  name: string,
  work: (redis: Redis) => Promise<T>,
): Promise<T> {
  const redis = commandConnection(redisUrl, name)
  let last: NodeJS.ErrnoException | null = null
  redis.on('error', (error: Error) => {
    last = error
  })
  try {
    if ((await within(ANSWERS_WITHIN_MS, redis.ping())) === 'late') {
      throw noRedis(redisUrl, `no answer in ${ANSWERS_WITHIN_MS / 1000} s`)
    }
    return await work(redis)
  } catch (error) {
    if (kindOfRedisError(error) === 'other' && redis.status !== 'end') throw error
    const { code, message } = (last ?? error) as NodeJS.ErrnoException
    throw noRedis(redisUrl, code ?? message)
  } finally {
    redis.disconnect()
  }
}

function noRedis(url: string, got: string): Error {
  const where = new URL(url).host || '127.0.0.1:6379'
  const cure = /NOAUTH|WRONGPASS|NOPERM/.test(got)
    ? 'Check the user and the password in REDIS_URL.'
    : 'Is it running there? Set REDIS_URL, or --redis-url, if it is elsewhere.'
  return new Error(`REDIS_URL: expected a Redis that answers at ${where}, got ${got.replace(/\.$/, '')}. ${cure}`)
}
