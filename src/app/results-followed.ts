/** The stream of all results, for whoever follows it by HTTP. */

import { within } from '../clock.ts'
import type { ConfigOf } from '../config/config.ts'
import { positionOf, ResultTail, type StreamedResult, type TailReader } from '../queues/result-tail.ts'
import { standingConnection } from '../redis/connections.ts'
import { ANSWERED_WITHIN_MS, asUnanswered, Unanswered } from './prompt-hall.ts'

export { positionOf, type StreamedResult, type TailReader }

export class ResultsFollowed {
  readonly #tail: ResultTail

  constructor(tail: ResultTail) {
    this.#tail = tail
  }

  /** As `ResultTail.follow`; rejects with an Unanswered where Redis is away, refuses, or takes too long. */
  async follow(reader: TailReader, after: bigint | null): Promise<() => void> {
    const following = this.#tail.follow(reader, after)
    const leave = await within(ANSWERED_WITHIN_MS, following).catch((error: unknown) => {
      throw asUnanswered(error)
    })
    if (leave !== 'late') return leave
    following.then((late) => late()).catch(() => {}) // whoever asked has had an answer
    throw new Unanswered(new Error('Command timed out'))
  }

  close(): void {
    this.#tail.close()
  }
}

/** Null: there is no such stream. */
export function followResults(config: ConfigOf<'redis' | 'queues'>): ResultsFollowed | null {
  if (config.resultStream === null) return null
  const redis = standingConnection(config, 'api-results')
  redis.on('error', () => {}) // told by what fails
  return new ResultsFollowed(new ResultTail(redis, config.resultStream))
}
