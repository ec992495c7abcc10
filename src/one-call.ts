/** One call to the service outside of any queue, for a person at a terminal. */

import { deadline, within } from './clock.ts'
import type { Config } from './config.ts'
import type { Outcome } from './domain/outcome.ts'
import { Gate } from './gate/gate.ts'
import { impatientConnection } from './queues/redis.ts'
import { SoapClient } from './soap/client.ts'
import { soapSettings } from './soap-settings.ts'

const REDIS_MAY_TAKE_MS = 1000
const TURN_MAY_TAKE_MS = 1000

/** What whoever waits is told. */
export interface OneCallNews {
  /** There is no Redis to ask for permission; why. */
  withoutGate(why: string): void
  /** The permission takes more than a moment. */
  waiting(): void
}

/**
 * Calls, when the fleet's gate permits it. Where Redis does not answer the call is made all the same, after `withoutGate`:
 * what somebody tries by hand in an outage must not depend on Redis too. Rejects with a LookupFailure.
 */
export async function oneCall(
  config: Config,
  connectionId: string,
  signal: AbortSignal,
  news: OneCallNews,
): Promise<Outcome> {
  const redis = impatientConnection(config.redisUrl, 'lookup')
  let why = `no answer in ${REDIS_MAY_TAKE_MS / 1000} s`
  redis.on('error', (error: NodeJS.ErrnoException) => {
    why = error.code ?? error.message
  })
  const client = new SoapClient(soapSettings(config))
  try {
    const permit = await permitFrom(redis, config, signal, news).catch((error: unknown) => {
      signal.throwIfAborted()
      if (!(error instanceof RedisIsAway)) throw error
      news.withoutGate(why)
      return null
    })
    try {
      return await client.lookup(connectionId, signal)
    } finally {
      permit?.release()
    }
  } finally {
    redis.disconnect()
    await client.close()
  }
}

class RedisIsAway extends Error {}

async function permitFrom(
  redis: ReturnType<typeof impatientConnection>,
  config: Config,
  signal: AbortSignal,
  news: OneCallNews,
) {
  const soon = deadline(REDIS_MAY_TAKE_MS, new RedisIsAway(), signal)
  try {
    await new Promise<void>((resolve, reject) => {
      redis.once('ready', resolve)
      soon.signal.addEventListener('abort', () => reject(soon.signal.reason), { once: true })
    })
  } finally {
    soon.clear()
  }
  const gate = new Gate(redis, config, { ...config, burst: config.rateBurst, longestCallMs: config.soapCallTimeoutMs })
  const permit = gate.permit('interactive', signal)
  if ((await within(TURN_MAY_TAKE_MS, permit)) === 'late') news.waiting()
  return permit
}
