/**
 * From the end of a run to what becomes of its job:
 *
 *     it has its result                     complete, or dead-letter where that is `failed`; a completed job whose lookup is
 *                                           kept without it leaves BullMQ
 *     retry later                           delay
 *     hold, or held before it could call    wait: back to its place, at no cost
 *     shutdown, or a suspect runs alone     wait
 *     the hold's probe, and held again      delay, behind the others: it may be its own fault
 *     Redis in trouble, a mistake of ours   delay
 *     its lock is lost                      leave
 *
 * Nothing that goes wrong on our side ever fails a job: worse to lose a lookup than to run it twice.
 */

import type { Observe } from '../domain/event.ts'
import { afterNothing, type LookupHistory } from '../domain/history.ts'
import { Held } from '../domain/hold.ts'
import { sumOf } from '../domain/timing.ts'
import { failedReasonOf, type KeptEnd, keptOf, keptOfMarker } from '../queues/kept-end.ts'
import type { LookupHistories } from '../queues/lookup-history.ts'
import type { Publisher } from '../queues/publisher.ts'
import { isSuspect, type TakenLookup } from '../queues/taken-lookup.ts'
import { isRedisError } from '../redis/errors.ts'
import type { Attempt } from './attempt.ts'
import { HandBack, LockLost, MakeWay } from './in-hand.ts'
import type { RunEnd } from './run-end.ts'

/** `history` null: the stored history stands. */
export type Conclusion =
  | { type: 'complete'; kept: KeptEnd; leaves: boolean }
  | { type: 'dead-letter'; reason: string }
  | { type: 'wait'; history: LookupHistory; why: PutBackReason }
  | { type: 'delay'; ms: number; history: LookupHistory | null; mayBeCharged: boolean; why: PutBackReason }
  /** Its lock ends, and a live worker takes it up. */
  | { type: 'leave' }

export type PutBack = Extract<Conclusion, { type: 'wait' | 'delay' }>

export type PutBackReason = 'retry' | 'hold' | 'shutdown' | 'make-way' | 'trouble'

const LEAVE: Conclusion = { type: 'leave' }
const BEHIND_THE_OTHERS_MS = 1

export class Conclusions {
  readonly #publisher: Publisher
  readonly #histories: LookupHistories
  readonly #observe: Observe
  readonly #trouble: (error: unknown) => void

  /** `trouble` is told of every error of Redis. */
  constructor(
    parts: { publisher: Publisher; histories: LookupHistories },
    observe: Observe,
    trouble: (error: unknown) => void,
  ) {
    this.#publisher = parts.publisher
    this.#histories = parts.histories
    this.#observe = observe
    this.#trouble = trouble
  }

  /** Publishes the result, if there is one; rejects with the reason if the lookup is taken away before Redis takes it. */
  async ofEnd(end: RunEnd, taken: TakenLookup, attempt: Attempt): Promise<Conclusion> {
    switch (end.type) {
      case 'has-result':
        this.#observe({ type: 'suppressed', lookupId: taken.lookupId })
        if (end.status === 'failed') return deadLetter((await this.#histories.failedReason(taken)) ?? 'failed')
        return { type: 'complete', kept: keptOfMarker(end.status), leaves: await this.#histories.isKept(taken) }
      case 'result': {
        const { result, failure } = end
        const leaves = await this.#publisher.untilDone(end, taken, attempt.cancellation, this.#trouble)
        const kept = keptOf(result, failure)
        return result.status === 'failed' ? deadLetter(failedReasonOf(kept)) : { type: 'complete', kept, leaves }
      }
      case 'hold':
        return { type: 'wait', history: end.history, why: 'hold' }
      case 'retry-later':
        return { type: 'delay', ms: end.delayMs, history: end.history, mayBeCharged: end.mayBeCharged, why: 'retry' }
    }
  }

  /** The conclusion of a run that `error` interrupted. */
  async ofInterruption(error: unknown, taken: TakenLookup, attempt: Attempt): Promise<Conclusion> {
    if (error instanceof LockLost) return this.#lockLost(taken)
    if (error instanceof Held || error instanceof HandBack) {
      const history = await this.#historyAfter(taken, attempt).catch(this.#trouble)
      if (!history) return LEAVE
      if (error instanceof HandBack)
        return { type: 'wait', history, why: error instanceof MakeWay ? 'make-way' : 'shutdown' }
      if (!attempt.isProbe) return { type: 'wait', history, why: 'hold' }
      return { type: 'delay', ms: BEHIND_THE_OTHERS_MS, history, mayBeCharged: false, why: 'hold' }
    }
    if (isRedisError(error)) this.#trouble(error)
    else this.#observe({ type: 'internal-error', lookupId: taken.lookupId, where: 'run', error })
    return { type: 'delay', ms: 1000 * (1 + Math.random()), history: null, mayBeCharged: false, why: 'trouble' }
  }

  #lockLost(taken: TakenLookup): Conclusion {
    this.#observe({ type: 'lock-lost', lookupId: taken.lookupId })
    if (isSuspect(taken)) void this.#histories.endAlone(taken).catch(this.#trouble)
    return LEAVE
  }

  /** The history after a run without an end: with its calls, or as no attempt if it made none. */
  async #historyAfter(taken: TakenLookup, { calls, timing }: Attempt): Promise<LookupHistory> {
    const { history } = await this.#histories.recall(taken)
    return { ...afterNothing(history, calls), timing: sumOf(history.timing, timing) }
  }
}

function deadLetter(reason: string): Conclusion {
  return { type: 'dead-letter', reason }
}
