/** What is still changed by hand, for people: a line each. */

import type { ByHandSet } from '../../app/hall.ts'
import { iso } from '../../clock.ts'
import { LIMITS, limitInWords } from './limits-in-words.ts'

export function byHandInWords(set: readonly ByHandSet[]): string[] {
  return set.map((one) => {
    const ends = one.cure === null ? '' : `; ${one.cure} ends it`
    return `by hand: ${whatInWords(one)}, ${whoInWords(one)}${ends}`
  })
}

function whatInWords({ what, which, value }: ByHandSet): string {
  switch (what) {
    case 'hold':
      return `held (${which})`
    case 'pace':
      return `${which} of the pace`
    case 'limit':
      return `limit ${limitNamed(which, value)}`
    case 'accept-code':
      return `responseCode ${which} is accepted as not found`
    case 'queue-paused':
      return `${which} is paused`
  }
}

function limitNamed(which: string, value: number | null): string {
  const [name, label] = LIMITS.find(([known]) => known === which) ?? (['rate', which] as const)
  return `${label} ${limitInWords(name, value)}`
}

function whoInWords({ who, since }: ByHandSet): string {
  if (who === null && since === null) return 'nobody knows by whom or since when'
  const when = since === null ? 'nobody knows since when' : `since ${iso(since).slice(0, 16).replace('T', ' ')} UTC`
  return `${who === null ? 'nobody knows by whom' : `by ${who}`}, ${when}`
}
