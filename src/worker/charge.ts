/**
 * Whose failure was it? Asked when a lookup is taken up again after an attempt that failed in passing.
 *
 * If the service has answered others since then, the failure was the lookup's, and that attempt is charged to it. If it
 * has not, though nobody may have asked, a probe goes first: a call for a connection id that the service has answered
 * before. It is answered: charged. It is not: the service's bad day, which costs a lookup nothing. Where no id was ever
 * answered, nobody can tell, and nothing is charged.
 */

import type { KnownLookup } from '../queues/lookup-history.ts'
import type { Attempt } from './enrich.ts'

export type Charge = 'charged' | 'free' | 'service-is-down'

export interface AnswerMemory {
  stamp(connectionId: string): void
  read(): Promise<{ at: number; connectionId: string | null }>
}

export class ChargeDecision {
  readonly #answers: AnswerMemory
  readonly #probeConnectionId: string | null

  constructor(answers: AnswerMemory, probeConnectionId: string | null) {
    this.#answers = answers
    this.#probeConnectionId = probeConnectionId
  }

  /** `service-is-down` only when a probe was sent and not answered. Rejects with the signal's reason. */
  async decide(known: KnownLookup, attempt: Attempt): Promise<Charge> {
    if (known.failedAt === null) return 'free'
    const last = await this.#answers.read()
    if (last.at > known.failedAt) return 'charged'
    const probe = this.#probeConnectionId ?? last.connectionId
    if (probe === null) return 'free'
    return (await this.#isAnswered(probe, attempt)) ? 'charged' : 'service-is-down'
  }

  async #isAnswered(probe: string, attempt: Attempt): Promise<boolean> {
    try {
      await attempt.call(probe) // its answer is thrown away
      this.#answers.stamp(probe)
      return true
    } catch {
      attempt.throwIfCancelled()
      return false
    }
  }
}
