/** Dead letters in groups by cause. Reading them walks over all of them, so it is done when there is a reason to. */

import { signal } from '@preact/signals'
import type { Selection } from '../../../domain/selection.ts'
import type { DeadLetterGroup, DeadLetters } from '../../../fleet/dead-letters.ts'
import { ask, Refused } from './api.ts'

export const deadLetters = signal<DeadLetters | null>(null)
export const deadLettersProblem = signal<string | null>(null)

export async function readDeadLetters(): Promise<void> {
  try {
    deadLetters.value = await ask<DeadLetters>('GET', 'v1/dead-letters')
    deadLettersProblem.value = null
  } catch (error) {
    deadLettersProblem.value = error instanceof Refused ? error.message : String(error)
  }
}

/** The lookups of a group. A cause that does not say something cannot be asked for by that. */
export function selectionOf({ failure, fault, httpStatus }: DeadLetterGroup): Selection {
  return {
    state: 'dead',
    ...(failure !== null && { failure: failure as NonNullable<Selection['failure']> }),
    ...(fault !== null && { fault }),
    ...(httpStatus !== null && { httpStatus }),
  }
}
