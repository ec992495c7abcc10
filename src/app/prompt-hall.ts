/**
 * The hall for whoever asks by HTTP: each question is answered, or refused with a reason, within three seconds, whatever
 * Redis does.
 */

import { within } from '../clock.ts'
import type { RedisErrorKind } from '../domain/event.ts'
import type { Acknowledger } from '../intake/acknowledge.ts'
import { RedisUnavailable } from '../intake/errors.ts'
import { isRedisError, kindOfRedisError, refusalInWords } from '../redis/errors.ts'
import type { Hall } from './hall.ts'
import type { StandingHall } from './standing-hall.ts'

/** So that whoever asked has heard within three seconds, also on a busy machine. */
export const ANSWERED_WITHIN_MS = 2_600

/** Redis is away, or refuses, and may be there again. Nothing is said of where it is: that is nobody's business outside. */
export class Unanswered extends Error {
  readonly kind: RedisErrorKind

  constructor(cause: unknown) {
    const refusal = refusalInWords(cause)
    super(refusal === null ? 'Redis does not answer in time; try again in a moment' : `Redis refuses: ${refusal}`, {
      cause,
    })
    this.kind = kindOfRedisError(cause)
  }
}

export class PromptHall {
  readonly #hall: StandingHall

  constructor(hall: StandingHall) {
    this.#hall = hall
  }

  /** Rejects with an Unanswered where Redis is away, refuses, or takes too long; what is not begun by then is never done. */
  async ask<T>(work: (hall: Hall, acknowledger: Acknowledger) => Promise<T>): Promise<T> {
    const late = new Unanswered(new Error('Command timed out'))
    let isLate = false
    const asked = this.#hall.enter((hall, acknowledger) => {
      if (isLate) throw late
      return work(hall, acknowledger)
    })
    try {
      const answer = await within(ANSWERED_WITHIN_MS, asked)
      if (answer === 'late') throw late
      return answer
    } catch (error) {
      throw asUnanswered(error)
    } finally {
      isLate = true
      asked.catch(() => {}) // whoever asked has had an answer
    }
  }

  /** For work of many steps, each of which fails by itself while Redis is away. */
  async take<T>(work: (hall: Hall) => Promise<T>): Promise<T> {
    await this.ask(async () => {}) // nothing is begun without Redis
    try {
      return await this.#hall.enter(work)
    } catch (error) {
      throw asUnanswered(error)
    }
  }
}

/** What has another reason stays as it is. */
export function asUnanswered(error: unknown): unknown {
  if (error instanceof RedisUnavailable) return new Unanswered(error.cause ?? error)
  return isRedisError(error) ? new Unanswered(error) : error
}
