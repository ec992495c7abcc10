/** Where one lookup is, as its queue has it; and the word for that, which lists and stories use alike. */

import type { LookupState } from './selection.ts'

export type LookupPlace = 'waiting' | 'prioritized' | 'delayed' | 'active' | 'completed' | 'failed' | 'gone'

const STATES: Readonly<Record<LookupPlace, LookupState | 'gone'>> = {
  ...{ waiting: 'waiting', prioritized: 'waiting', delayed: 'delayed', active: 'active' },
  ...{ completed: 'finished', failed: 'dead', gone: 'gone' },
}

/** `gone`: what is kept says that it has ended, or nothing of it is there any more. */
export function stateAt(place: LookupPlace): LookupState | 'gone' {
  return STATES[place]
}

/** Nothing more happens to it by itself, also where its result is forgotten. */
export function hasEndedAt(place: LookupPlace): boolean {
  return !['waiting', 'delayed', 'active'].includes(stateAt(place))
}
