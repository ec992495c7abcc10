/** Redis for a command that somebody waits for. */

import { within } from '../clock.ts'
import { commandConnection, placeInWords, type RedisPlace } from '../queues/connections.ts'
import { kindOfRedisError, type Redis } from '../queues/redis.ts'

/** A Redis that takes the connection and then says nothing must not keep anybody waiting. */
const ANSWERS_WITHIN_MS = 5000

/** Runs `work` with a connection, and closes it. Says which Redis it was that could not be reached. */
export async function withRedis<T>(place: RedisPlace, name: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = commandConnection(place, name)
  let last: Error | null = null
  redis.on('error', (error: Error) => {
    last = error
  })
  try {
    if ((await within(ANSWERS_WITHIN_MS, redis.ping())) === 'late') {
      throw noRedis(place, `no answer in ${ANSWERS_WITHIN_MS / 1000} s`)
    }
    return await work(redis)
  } catch (error) {
    if (kindOfRedisError(error) === 'other' && redis.status !== 'end') throw error
    throw noRedis(place, reasonOf(last ?? (error as Error)))
  } finally {
    redis.disconnect()
  }
}

/** Of a Cluster that could not be asked the nodes' own error says more. */
function reasonOf(error: NodeJS.ErrnoException & { lastNodeError?: Error | null }): string {
  return error.lastNodeError ? reasonOf(error.lastNodeError) : (error.code ?? error.message)
}

function noRedis(place: RedisPlace, got: string): Error {
  const { variable, where } = placeInWords(place)
  const flag = `--${variable.toLowerCase().replaceAll('_', '-')}`
  const cure = /NOAUTH|WRONGPASS|NOPERM/.test(got)
    ? 'Check the user and the password in REDIS_URL.'
    : `Is it running there? Set ${variable}, or ${flag}, if it is elsewhere.`
  return new Error(`${variable}: expected a Redis that answers at ${where}, got ${got.replace(/\.$/, '')}. ${cure}`)
}
