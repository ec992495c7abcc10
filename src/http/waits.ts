/** Requests that wait for the end of a lookup: at most so many, and none longer than it takes to stop. */

import type { AwaitedLookups } from '../app/awaited-lookups.ts'
import type { PromptHall } from '../app/prompt-hall.ts'
import { sleep } from '../clock.ts'
import type { Lane } from '../domain/lane.ts'
import { Problem } from './problem.ts'

const MOST_WAITING = 500

export class Waits {
  readonly #hall: PromptHall
  readonly #awaited: AwaitedLookups
  readonly #stopping: AbortSignal
  #waiting = 0

  constructor(hall: PromptHall, awaited: AwaitedLookups, stopping: AbortSignal) {
    this.#hall = hall
    this.#awaited = awaited
    this.#stopping = stopping
  }

  /** Resolves when the lookup has ended, the time is over, whoever asked has gone, or the API stops. */
  async until(lane: Lane, lookupId: string, ms: number, gone: AbortSignal): Promise<void> {
    if (this.#waiting >= MOST_WAITING) throw new Problem('too-many-waiting', `${MOST_WAITING} requests wait already`)
    this.#waiting++
    const over = new AbortController()
    try {
      const wait = await this.#hall.ask(async (hall) => this.#awaited.wait(hall, lane, lookupId))
      try {
        await this.#hall.ask(() => wait.listens)
        const enough = AbortSignal.any([gone, this.#stopping, over.signal])
        await Promise.race([wait.hasEnded, sleep(ms, enough).catch(() => {})])
      } finally {
        wait.leave()
      }
    } finally {
      over.abort()
      this.#waiting--
    }
  }
}
