/** What a worker process does again and again beside its lookups. */

import { every } from '../clock.ts'
import type { Observe } from '../domain/event.ts'
import { MEMBER_BEAT_MS } from '../fleet/members.ts'
import { redisTrouble } from '../redis/errors.ts'
import { UPKEEP_EVERY_MS } from '../upkeep/upkeep.ts'
import { BACKLOG_LOOK_EVERY_MS } from '../worker/backlog-hold.ts'
import { STUCK_LOOK_EVERY_MS } from '../worker/stuck.ts'

/** It writes once in ten seconds; this is how soon it sees that they are over. */
const HISTORY_LOOK_EVERY_MS = 500
const CRY_LOOK_EVERY_MS = 5_000

export interface RoundsParts {
  /** Says to the fleet that this process is there. */
  beat(): Promise<void>
  history: { turn(): Promise<void> }
  upkeep: { run(): Promise<void> }
  backlogHold: { look(): Promise<void> } | null
  /** Tells people what they should know; null: nobody wants to be told. */
  crier: { look(): Promise<void> } | null
  stuckWatch: { look(): void }
  /** They keep their own time. */
  watches: readonly { start(): Promise<void>; stop(): void }[]
}

export class Rounds {
  readonly #parts: RoundsParts
  readonly #trouble: (error: unknown) => void
  readonly #timers: { stop(): void }[] = []
  #isStopped = false

  constructor(parts: RoundsParts, observe: Observe) {
    this.#parts = parts
    this.#trouble = redisTrouble(observe, 'upkeep')
  }

  /** Resolves when the fleet knows of this process and the watches have seen Redis. */
  async start(): Promise<void> {
    const { beat, history, upkeep, backlogHold, crier, stuckWatch, watches } = this.#parts
    const beats = this.#each(MEMBER_BEAT_MS, beat)
    // A fleet that starts again finds at once what an earlier one left; no lookup waits until that is done.
    void this.#each(UPKEEP_EVERY_MS, () => upkeep.run())()
    void this.#each(HISTORY_LOOK_EVERY_MS, () => history.turn())()
    this.#timers.push(every(STUCK_LOOK_EVERY_MS, () => stuckWatch.look()))
    if (backlogHold) this.#each(BACKLOG_LOOK_EVERY_MS, () => backlogHold.look())
    if (crier) void this.#each(CRY_LOOK_EVERY_MS, () => crier.look())()
    await Promise.all([beats(), ...watches.map((watch) => watch.start())])
  }

  stop(): void {
    this.#isStopped = true
    for (const timer of [...this.#timers, ...this.#parts.watches]) timer.stop()
  }

  /** Runs `task` every `ms`. What it returns runs the task now. */
  #each(ms: number, task: () => Promise<void>): () => Promise<void> {
    const run = async () => {
      try {
        await task()
      } catch (error) {
        // What a stop cuts short is no trouble of Redis: the connections close under it.
        if (!this.#isStopped) this.#trouble(error)
      }
    }
    this.#timers.push(every(ms, run))
    return run
  }
}
