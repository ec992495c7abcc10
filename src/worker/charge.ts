/**
 * Whose failure was it? Decided when a lookup is taken up again after an attempt that failed in a way that may pass.
 *
 * If the service has answered others since then, the failure was the lookup's, and that attempt is charged. If nobody may
 * have asked since, another id is asked for first: a connection id that the service has answered before. If that call is
 * answered, the attempt is charged. If it is not, it was the service's bad day, which costs a lookup nothing. A failure
 * before or during a hold is not charged either, nor is an attempt whose quick retry the gate refused (enrich.ts). If no
 * other id was ever answered, nobody can tell, and nothing is charged.
 */

import { Held } from '../domain/hold.ts'
import type { ServiceMemory } from '../gate/service-memory.ts'
import type { KnownLookup } from '../queues/lookup-history.ts'
import type { Attempt } from './attempt.ts'

export type Charge = 'charged' | 'free' | 'service-is-down'

export class ChargeDecision {
  readonly #memory: { read(): Promise<ServiceMemory> }
  readonly #probeConnectionId: string | null

  constructor(memory: { read(): Promise<ServiceMemory> }, probeConnectionId: string | null) {
    this.#memory = memory
    this.#probeConnectionId = probeConnectionId
  }

  /**
   * `service-is-down` only if another id was asked for, and not answered. Rejects with the signal's reason, or with Held.
   * `connectionId` is the lookup's own, which proves nothing by itself.
   */
  async decide({ failedAt }: KnownLookup, connectionId: string, attempt: Attempt): Promise<Charge> {
    if (failedAt === null) return 'free'
    const { answeredAt, answered, heldUntil } = await this.#memory.read()
    if (heldUntil >= failedAt) return 'free'
    if (answeredAt > failedAt) return 'charged'
    const otherId = this.#probeConnectionId ?? answered.find((id) => id !== connectionId)
    if (otherId === undefined) return 'free'
    return (await isAnswered(otherId, attempt)) ? 'charged' : 'service-is-down'
  }
}

/** Its answer is thrown away. */
async function isAnswered(otherId: string, attempt: Attempt): Promise<boolean> {
  try {
    const end = await attempt.call(otherId)
    return 'outcome' in end || end.failure.class === 'permanent'
  } catch (error) {
    attempt.throwIfCancelled()
    if (error instanceof Held) throw error
    return false
  }
}
