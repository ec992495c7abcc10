/** Lookups whose callers wait for the result. However many wait, one connection listens for all of them. */

import { deadline, orAborted } from '../clock.ts'
import type { Lane } from '../domain/lane.ts'
import { LookupTimeout, ResultGone } from '../intake/errors.ts'
import type { Request } from '../intake/submit.ts'
import type { Awaited, Hall, Result, Waiting } from './hall.ts'
import type { StandingHall } from './standing-hall.ts'

const LANE = 'interactive'

export class AwaitedLookups {
  readonly #hall: StandingHall
  readonly #callers = new Map<string, Set<Caller>>()
  #waiting: Waiting | null = null

  constructor(hall: StandingHall) {
    this.#hall = hall
  }

  /**
   * Enqueues, and resolves to the result. Rejects with a LookupTimeout or a ResultGone, or when the signal aborts. `cancel`: what
   * to do with a lookup that comes too late; whether it could be cancelled.
   */
  lookup(request: Request, timeoutMs: number, signal: AbortSignal, cancel?: Cancel): Promise<Result> {
    return this.#hall.enter(async (hall, acknowledger) => {
      const { lookupId } = await acknowledger.one(LANE, { deliver: 'wait', ...request })
      const late = deadline(timeoutMs, () => new LookupTimeout(lookupId, timeoutMs), signal)
      const wait = this.wait(hall, LANE, lookupId)
      try {
        return await orAborted(resultOf(wait), late.signal)
      } catch (error) {
        if (!(cancel && error instanceof LookupTimeout)) throw error
        throw new LookupTimeout(lookupId, timeoutMs, await cancel(hall, lookupId))
      } finally {
        late.clear()
        wait.leave()
      }
    })
  }

  /** Waits for a lookup that is on its queue, until it is left. `listens` rejects where Redis could not be asked for it. */
  wait(hall: Hall, lane: Lane, lookupId: string): Wait {
    this.#waiting ??= hall.awaitResults((awaited) => this.#ended(awaited))
    const waiting = this.#waiting
    const caller = new Caller()
    this.#callers.set(lookupId, (this.#callers.get(lookupId) ?? new Set()).add(caller))
    const listens = waiting.expect(lane, [lookupId]).then(() => waiting.lookFor(lane, [lookupId]))
    listens.catch(() => {}) // told to whoever awaits it
    return { listens, hasEnded: caller.hasEnded, leave: () => this.#leave(lane, lookupId, caller) }
  }

  #ended(awaited: Awaited): void {
    for (const caller of this.#callers.get(awaited.lookupId) ?? []) caller.end(awaited)
  }

  /** Several callers with the same idempotency key wait for one lookup. */
  #leave(lane: Lane, lookupId: string, caller: Caller): void {
    const callers = this.#callers.get(lookupId)
    callers?.delete(caller)
    if (!callers || callers.size > 0) return
    this.#callers.delete(lookupId)
    this.#waiting?.forget(lane, lookupId)
  }
}

/** Whether the lookup was cancelled. */
export type Cancel = (hall: Hall, lookupId: string) => Promise<boolean>

export interface Wait {
  /** Resolves when nothing can be missed any more. */
  listens: Promise<void>
  hasEnded: Promise<Awaited>
  leave(): void
}

async function resultOf({ listens, hasEnded }: Wait): Promise<Result> {
  await listens
  const { lookupId, result, status } = await hasEnded
  if (result) return result
  throw new ResultGone(lookupId, status === 'removed' ? null : status)
}

class Caller {
  end!: (awaited: Awaited) => void
  readonly hasEnded = new Promise<Awaited>((resolve) => {
    this.end = resolve
  })
}
