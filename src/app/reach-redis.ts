/** Redis for somebody who waits: a connection that fails within seconds and says in words why. */

import { every, sleep, within } from '../clock.ts'
import { RedisUnavailable } from '../intake/errors.ts'
import { commandConnection, placeInWords, type Redis, type RedisPlace } from '../redis/connections.ts'
import { kindOfRedisError, refusalInWords } from '../redis/errors.ts'
import { refusedDatabase } from '../redis/preflight.ts'

/** A Redis that accepts the connection and then says nothing must not keep anybody waiting. */
const ANSWERS_WITHIN_MS = 5000
const SAYS_WITHIN_MS = 200
const ASK_EVERY_MS = 2000

const nothing = () => {}

/** Runs `work` with a connection, and closes it. Says which Redis it was that could not be reached. */
export async function withRedis<T>(place: RedisPlace, name: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = commandConnection(place, name)
  let last: Error | null = null
  // A lost connection without an open question is not noticed, and work on other connections would wait for ever.
  const pulse = every(ASK_EVERY_MS, () => redis.ping().then(nothing, nothing))
  redis.on('error', (error: Error) => {
    last = error
  })
  try {
    if ((await within(ANSWERS_WITHIN_MS, redis.ping())) === 'late') {
      throw noRedis(place, new Error(`no answer in ${ANSWERS_WITHIN_MS / 1000} s`))
    }
    const database = await refusedDatabase(redis)
    if (database !== null) throw new Error(`${placeInWords(place).variable}: ${database}`)
    return await Promise.race([work(redis), longGivenUp(redis)])
  } catch (error) {
    throw inWords(error, place, { hasEnded: redis.status === 'end', last })
  } finally {
    pulse.stop()
    redis.disconnect()
  }
}

/**
 * The error as a person reads it: a RedisUnavailable where Redis is away or refuses, any other as it is. `last` is what the
 * connection itself said last.
 */
export function inWords(error: unknown, place: RedisPlace, known: { hasEnded: boolean; last: Error | null }): unknown {
  const refusal = refusalInWords(error)
  if (refusal) return new RedisUnavailable(`Redis at ${placeInWords(place).where}: ${refusal}`, { cause: error })
  if (kindOfRedisError(error) === 'other' && !known.hasEnded) return error
  return noRedis(place, known.last ?? (error as Error))
}

/** Rejects when the connection is given up, because a command that was sent before neither answers nor fails. */
export async function givenUp(redis: Redis): Promise<never> {
  await new Promise<void>((resolve) => redis.once('end', () => resolve()))
  throw new Error('Connection is closed.')
}

/** The code that hears of the loss first says how far it came. */
async function longGivenUp(redis: Redis): Promise<never> {
  await givenUp(redis).catch(() => sleep(SAYS_WITHIN_MS))
  throw new Error('Connection is closed.')
}

/** Where a Cluster could not be asked, the nodes' own error says more. */
function reasonOf(error: NodeJS.ErrnoException & { lastNodeError?: Error | null }): string {
  return error.lastNodeError ? reasonOf(error.lastNodeError) : (error.code ?? error.message)
}

function noRedis(place: RedisPlace, error: Error): RedisUnavailable {
  const { variable, where } = placeInWords(place)
  const got = reasonOf(error)
  const cure = /NOAUTH|WRONGPASS|NOPERM/.test(got)
    ? 'Check the user and the password in REDIS_URL.'
    : `Is it running there? Set ${variable} if it is elsewhere.`
  return new RedisUnavailable(
    `${variable}: expected a Redis that answers at ${where}, got ${got.replace(/\.$/, '')}. ${cure}`,
    { cause: error },
  )
}
