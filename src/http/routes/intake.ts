/** What the routes that take lookups share: whose they are, and whether there is room for them. */

import type { FastifyRequest } from 'fastify'
import type { PromptHall } from '../../app/prompt-hall.ts'
import type { StandingHall } from '../../app/standing-hall.ts'
import type { Observe } from '../../domain/event.ts'
import type { Lane } from '../../domain/lane.ts'
import { UnknownService } from '../../fleet/known-services.ts'
import { Snapshot } from '../../fleet/snapshot.ts'
import type { Request } from '../../intake/submit.ts'
import { Problem } from '../problem.ts'
import type { Waits } from '../waits.ts'

const MOST_STREAMS = 100

export class Intake {
  readonly hall: PromptHall
  readonly standing: StandingHall
  readonly waits: Waits
  /** Aborts when the API stops. */
  readonly stopping: AbortSignal
  readonly #observe: Observe
  readonly #isFull: Snapshot<boolean>
  #streams = 0

  constructor(hall: PromptHall, standing: StandingHall, waits: Waits, observe: Observe, stopping: AbortSignal) {
    this.hall = hall
    this.standing = standing
    this.waits = waits
    this.stopping = stopping
    this.#observe = observe
    this.#isFull = new Snapshot(() => hall.ask(async (own) => hasPiledUp(await own.control())).catch(ofNobody))
  }

  /** Throws while results pile up that nobody takes: more lookups would only wait, and fill Redis. */
  async checkRoom(): Promise<void> {
    if (await this.#isFull.get())
      throw new Problem('results-piled-up', 'nobody takes the results: start their consumer')
  }

  /** The token's name is the producer; it cannot say another. An empty field is refused, as in every body. */
  ofCaller({ caller }: FastifyRequest, asked: Request): Request {
    if (asked.correlationId === '')
      throw new Problem('invalid-request', 'correlationId: expected 1 to 256 characters, got an empty string')
    if (caller.name === null) return asked
    if (asked.producer != null && asked.producer !== caller.name) {
      throw new Problem('producer-of-another', `producer: expected ${caller.name}, the name of the token, got another`)
    }
    return { ...asked, producer: caller.name }
  }

  accepted({ caller }: FastifyRequest, count: number): void {
    this.#observe({ type: 'lookups-accepted', producer: caller.name, count })
  }

  /** Throws where there are too many. Call what it returns at the end. */
  openStream(): () => void {
    if (this.#streams >= MOST_STREAMS)
      throw new Problem('too-many-streams', `${MOST_STREAMS} bulk intakes are open already`)
    this.#streams++
    this.#observe({ type: 'stream-opened' })
    return () => {
      this.#streams--
      this.#observe({ type: 'stream-closed' })
    }
  }
}

async function hasPiledUp(control: { read(): Promise<{ holds: readonly { reason: string }[] }> }): Promise<boolean> {
  return (await control.read()).holds.some(({ reason }) => reason === 'results')
}

/** Nobody has called a service yet, or it is not clear which: then nobody holds for results either. */
function ofNobody(error: unknown): false {
  if (error instanceof UnknownService) return false
  throw error
}

export function laneOf(interactive: boolean): Lane {
  return interactive ? 'interactive' : 'batch'
}
