/** An action on many lookups, with its entry in the activity, and in Redis how far it has come. */

import type { ByHand } from '../domain/by-hand.ts'
import { ActionInSteps } from '../redis/activity.ts'
import type { Redis } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'
import type { PacedOptions, PacedProgress } from './paced.ts'

export type StepOptions = Omit<PacedOptions, 'waitsFor'>

export interface ActionOptions extends StepOptions {
  /** Hears, before the first step, under which id the activity has it. */
  onBegun?: (id: string) => void
}

/** `act` counts what it does on `stepsKey`. Rejects as `act` does. */
export async function inSteps<End>(
  redis: Redis,
  names: QueueNames,
  byHand: ByHand,
  { onBegun, ...options }: ActionOptions,
  act: (stepsKey: string, options: StepOptions) => Promise<End>,
): Promise<End> {
  const action = await ActionInSteps.begin(redis, names, byHand)
  onBegun?.(action.id)
  const onProgress = (progress: PacedProgress) => {
    action.tell(fieldsOf(progress))
    options.onProgress?.(progress)
  }
  let how: 'done' | 'stopped' = 'stopped'
  try {
    const end = await act(action.stepsKey, { ...options, onProgress })
    how = 'done'
    return end
  } finally {
    await action.end(how).catch(() => {}) // what it has done is counted by the steps themselves
  }
}

/** `count`, what was done, is counted in Redis. */
function fieldsOf({ looked, refused, waitsFor }: PacedProgress): Record<string, string> {
  return { looked: `${looked}`, refused: `${refused}`, waitsFor: waitsFor ?? '' }
}
