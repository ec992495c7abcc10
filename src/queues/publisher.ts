/**
 * Publishes the result of a lookup and reports it: published now, or suppressed because the lookup had its result
 * already.
 */

import { type Signal, sleep } from '../clock.ts'
import type { Observe } from '../domain/event.ts'
import { NO_HISTORY } from '../domain/history.ts'
import type { LookupHistories } from './lookup-history.ts'
import {
  aboutUnread,
  CHILD_FAILED,
  endWithout,
  FAILED_UNRUN,
  invalid,
  type LookupEnd,
  POISON,
} from './lookup-results.ts'
import type { Published, ResultQueue } from './result-queue.ts'
import { ageOf, deliveryOf, type TakenLookup } from './taken-lookup.ts'

const AGAIN_MS = { min: 200, max: 5_000 }

export class Publisher {
  readonly #results: ResultQueue
  readonly #histories: LookupHistories
  readonly #observe: Observe

  constructor(results: ResultQueue, histories: LookupHistories, observe: Observe) {
    this.#results = results
    this.#histories = histories
    this.#observe = observe
  }

  /**
   * Tries until Redis has the result, because an answer of the service must not be lost to Redis' bad day. `trouble` is
   * told of each failed try. Rejects with the signal's reason.
   *
   * Resolves to whether what is kept of the finished lookup is kept without its job.
   */
  async untilDone(
    end: LookupEnd,
    taken: TakenLookup,
    signal: Signal,
    trouble: (error: unknown) => void,
  ): Promise<boolean> {
    for (let waitMs = AGAIN_MS.min; ; waitMs = Math.min(waitMs * 2, AGAIN_MS.max)) {
      try {
        const published = await this.once(end, taken)
        return published === 'kept' || (published === 'suppressed' && (await this.#histories.isKept(taken)))
      } catch (error) {
        trouble(error)
        await sleep(waitMs, signal)
      }
    }
  }

  /** Rejects when Redis did not take it. */
  async once({ result, failure }: LookupEnd, taken: TakenLookup): Promise<Published> {
    const { lookupId } = taken
    const { status } = result
    const sinceEnqueuedMs = ageOf(taken)
    const published = await this.#results.publish(result, taken, deliveryOf(taken), failure)
    if (published === 'suppressed') this.#observe({ type: 'suppressed', lookupId })
    else
      this.#observe({
        type: 'published',
        lookupId,
        status,
        sinceEnqueuedMs,
        timing: result.timing,
        redrive: taken.redrive,
        failure: failure ?? null,
      })
    return published
  }

  /** The result of a lookup that BullMQ failed without running it. Rejects when Redis did not take it. */
  async poison(taken: TakenLookup): Promise<void> {
    const [{ history }, hasFailedChild] = await Promise.all([
      this.#histories.recall(taken),
      this.#histories.hasFailedChild(taken),
    ])
    // BullMQ counts a stall each time a process died or lost the lookup.
    const failure = hasFailedChild ? CHILD_FAILED : taken.stalls > 0 ? POISON : FAILED_UNRUN
    await this.once(endWithout(aboutUnread(taken), history, failure), taken)
  }

  /** The result of a job that nobody can work on, and why. Rejects when Redis did not take it. */
  async unreadable(taken: TakenLookup, problem: string): Promise<void> {
    const neverRun = { ...aboutUnread(taken), taken: 0 } // however often BullMQ tried to hand it out
    await this.once(endWithout(neverRun, NO_HISTORY, invalid(problem)), taken)
  }
}
