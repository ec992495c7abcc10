/**
 * The hall for programs that ask all day and must not wait: each question is answered, or refused with a reason, within
 * three seconds, whatever Redis does.
 */

import { within } from '../clock.ts'
import type { RedisErrorKind } from '../domain/event.ts'
import type { Redis } from '../redis/connections.ts'
import { isRedisError, kindOfRedisError, refusalInWords } from '../redis/errors.ts'
import type { Hall } from './hall.ts'

/** More than one command may take (two seconds), because most questions are several. */
const ANSWERED_WITHIN_MS = 2_800

/** Redis is away, or refuses, and may be there again. */
export class Unanswered extends Error {
  readonly kind: RedisErrorKind

  constructor(message: string, kind: RedisErrorKind) {
    super(message)
    this.kind = kind
  }
}

const AWAY = 'Redis does not answer; try again in a moment'

export class PromptHall {
  readonly #hall: Hall
  readonly #redis: Redis

  /** The hall's connection fails by itself when Redis hangs. */
  constructor(hall: Hall, redis: Redis) {
    this.#hall = hall
    this.#redis = redis
  }

  /** Rejects with an Unanswered where Redis is away, refuses, or takes too long. */
  async ask<T>(work: (hall: Hall) => Promise<T>): Promise<T> {
    if (this.#redis.status !== 'ready') throw new Unanswered(AWAY, 'connection')
    try {
      const answer = await within(ANSWERED_WITHIN_MS, work(this.#hall))
      if (answer === 'late')
        throw new Unanswered('Redis is too slow to answer in time; try again in a moment', 'timeout')
      return answer
    } catch (error) {
      throw isRedisError(error) ? unavailable(error) : error
    }
  }
}

/** Without the address of Redis, which is nobody's business beyond. */
function unavailable(error: unknown): Unanswered {
  const refusal = refusalInWords(error)
  const said = refusal === null ? AWAY : `Redis refuses: ${refusal}`
  return new Unanswered(said, kindOfRedisError(error))
}
