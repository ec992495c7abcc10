/** The lookup at the head of the queue as the fleet's probe, where there is no id that the service has answered before. */

import { within } from '../clock.ts'
import type { Tap } from './tap.ts'

/** How long a lookup may take to come when one is let through. */
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

  /** A lookup was let through, and has not come yet. */
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

  /** The first lookup that comes is the probe; no other may come beside it. */
  accept(): Invitation | null {
    const invitation = this.#invitation
    if (invitation) this.#close()
    return invitation
  }

  #close(): void {
    this.#invitation = null
    // Unless it has been released meanwhile, by what the probe came to.
    if (this.#tap.isShutBy('hold')) this.#tap.shut('hold')
  }
}
