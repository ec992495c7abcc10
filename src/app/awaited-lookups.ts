/** Lookups whose callers wait for the result. However many wait, one connection listens for all of them. */

import { deadline, orAborted } from '../clock.ts'
import { LookupTimeout, ResultGone } from '../intake/errors.ts'
import type { Request } from '../intake/submit.ts'
import type { Awaited, Result, Waiting } from './hall.ts'
import type { StandingHall } from './standing-hall.ts'

const LANE = 'interactive'

export class AwaitedLookups {
  readonly #hall: StandingHall
  readonly #callers = new Map<string, Set<Caller>>()
  #waiting: Waiting | null = null

  constructor(hall: StandingHall) {
    this.#hall = hall
  }

  /** Enqueues, and resolves to the result. Rejects with a LookupTimeout or a ResultGone, or when the signal aborts. */
  lookup(request: Request, timeoutMs: number, signal: AbortSignal): Promise<Result> {
    return this.#hall.enter(async (hall, acknowledger) => {
      this.#waiting ??= hall.awaitResults((awaited) => this.#ended(awaited))
      const { lookupId } = await acknowledger.one(LANE, { deliver: 'wait', ...request })
      const late = deadline(timeoutMs, () => new LookupTimeout(lookupId, timeoutMs), signal)
      const caller = new Caller()
      try {
        return await orAborted(this.#resultOf(lookupId, caller, this.#waiting), late.signal)
      } finally {
        late.clear()
        this.#leave(lookupId, caller)
      }
    })
  }

  async #resultOf(lookupId: string, caller: Caller, waiting: Waiting): Promise<Result> {
    this.#callers.set(lookupId, (this.#callers.get(lookupId) ?? new Set()).add(caller))
    await waiting.expect(LANE, [lookupId])
    await waiting.lookFor(LANE, [lookupId])
    const { result, status } = await caller.hasEnded
    if (result) return result
    throw new ResultGone(lookupId, status === 'removed' ? null : status)
  }

  #ended(awaited: Awaited): void {
    for (const caller of this.#callers.get(awaited.lookupId) ?? []) caller.end(awaited)
  }

  /** Several callers with the same idempotency key wait for one lookup. */
  #leave(lookupId: string, caller: Caller): void {
    const callers = this.#callers.get(lookupId)
    callers?.delete(caller)
    if (!callers || callers.size > 0) return
    this.#callers.delete(lookupId)
    this.#waiting?.forget(LANE, lookupId)
  }
}

class Caller {
  end!: (awaited: Awaited) => void
  readonly hasEnded = new Promise<Awaited>((resolve) => {
    this.end = resolve
  })
}
