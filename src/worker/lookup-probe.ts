/** The lookup at the head of the queue as the fleet's probe, if there is no id that the service has answered before. */

import { within } from '../clock.ts'
import type { Tap } from './tap.ts'

/** How long we wait for the lookup that is let through. */
const MUST_START_MS = 3_000

/** What the first lookup that comes is given. */
interface Invitation {
  token: string
  started: (run: { ended: Promise<unknown> }) => void
}

export class LookupProbe {
  readonly #tap: Tap
  #invitation: Invitation | null = null

  constructor(tap: Tap) {
    this.#tap = tap
  }

  /** A lookup was let through and has not arrived yet. */
  get isAwaited(): boolean {
    return this.#invitation !== null
  }

  /** While the fleet holds: lets one lookup through. Resolves when its run has ended, or none came. */
  async send(token: string): Promise<void> {
    if (!this.#tap.letOneThrough()) return
    const started = new Promise<{ ended: Promise<unknown> }>((resolve) => {
      this.#invitation = { token, started: resolve }
    })
    const run = await within(MUST_START_MS, started)
    if (run === 'late') this.#close()
    else await run.ended
  }

  /** The first lookup that arrives is the probe; no other may arrive beside it. */
  accept(): Invitation | null {
    const invitation = this.#invitation
    if (invitation) this.#close()
    return invitation
  }

  #close(): void {
    this.#invitation = null
    // Unless the hold has ended meanwhile, because of how the probe ended.
    if (this.#tap.isShutBy('hold')) this.#tap.shut('hold')
  }
}
