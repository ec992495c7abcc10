/**
 * What a fleet tells people who look at no dashboard: which notice is due, from what is so now and what was told last. It goes by
 * states, not by events, so that what happened within the gap between two notices is told as it stands after it.
 */

import { HOLD_REASONS, type Hold } from '../domain/hold.ts'
import { cureOf } from '../gate/hold-words.ts'

/** What is so now. */
export interface FleetFacts {
  /** Redis' time, ms. */
  at: number
  holds: readonly Hold[]
  /** In the failed sets. */
  deadLetters: number
  /** Results that wait, and for how long the oldest has. */
  results: { waiting: number; oldestMs: number }
}

/** What was told last of a kind. */
export interface Told {
  at: number
  /** Of holds and results: on or off. Of dead letters: how many there were. */
  state: number
  /** When the one before that was told: of what goes on and off, when this same state was told last. */
  before?: number
}

export interface Notice {
  kind: string
  state: number
  /** Null: nothing is said, and this is remembered. */
  text: string | null
}

const DEAD_LETTERS = 'dead-letters'
/** So many more of them than when they were last spoken of. */
const MANY_DEAD_LETTERS = 20
const UNCONSUMED_MS = 10 * 60_000

/** Those that are due. `told` by kind. That a hold has ended is told at once; that it began again, after the gap. */
export function noticesDue(facts: FleetFacts, told: ReadonlyMap<string, Told>, minGapMs: number): Notice[] {
  const { at } = facts
  return [...holdNotices(facts), resultsNotice(facts), deadLettersNotice(facts, told)].filter(
    ({ kind, state, text }) => {
      const last = told.get(kind)
      if (last === undefined) return state !== OFF || text === null
      if (last.state === state) return false
      const lastAt = kind === DEAD_LETTERS ? last.at : (last.before ?? Number.NEGATIVE_INFINITY)
      return text === null || at - lastAt >= minGapMs || at < lastAt // Redis' clock was set back
    },
  )
}

const OFF = 0
const ON = 1

function holdNotices({ holds, at }: FleetFacts): Notice[] {
  return HOLD_REASONS.map((reason) => {
    const hold = holds.find((one) => one.reason === reason)
    if (!hold)
      return { kind: `hold-${reason}`, state: OFF, text: `The hold is over (${reason}): the fleet calls again.` }
    const since = Math.round((at - hold.since) / 1000)
    const text = `The fleet has been holding its calls for ${since} s (${reason}): ${WHY[reason]}. Do: ${cureOf(hold)}.`
    return { kind: `hold-${reason}`, state: ON, text }
  })
}

/** Our own words alone: a reason that was typed, or a text of the service, must not leave the house. */
const WHY: Readonly<Record<Hold['reason'], string>> = {
  service: 'the service does not answer',
  configuration: 'the service refuses everybody, or gives most lookups one and the same refusal',
  results: 'results are not consumed',
  quota: 'QUOTA_CALLS are spent',
  manual: 'somebody has said so',
}

function resultsNotice({ results: { waiting, oldestMs } }: FleetFacts): Notice {
  if (oldestMs < UNCONSUMED_MS) return { kind: 'results', state: OFF, text: 'Results are consumed again.' }
  const text = `${waiting} results wait to be consumed, the oldest for ${Math.round(oldestMs / 60_000)} min. Do: start their consumer.`
  return { kind: 'results', state: ON, text }
}

/** Fewer than before, or the first look: remembered, and not spoken of. */
function deadLettersNotice({ deadLetters }: FleetFacts, told: ReadonlyMap<string, Told>): Notice {
  const kind = DEAD_LETTERS
  const last = told.get(kind)
  if (last === undefined || deadLetters < last.state) return { kind, state: deadLetters, text: null }
  const more = deadLetters - last.state
  if (more < MANY_DEAD_LETTERS) return { kind, state: last.state, text: null }
  const text = `${more} more lookups have given up; there are ${deadLetters} dead letters. Do: chat-enricher dead-letters.`
  return { kind, state: deadLetters, text }
}

/** What a heartbeat needs to know. */
export interface Pulse {
  isHeld: boolean
  /** Lookups that a worker could take, or has. */
  waiting: boolean
  /** Since the last heartbeat. */
  hasEnded: boolean
}

/** Whether all is well, or it is known why not: whoever hears nothing looks. */
export function beats({ isHeld, waiting, hasEnded }: Pulse): boolean {
  return isHeld || !waiting || hasEnded
}
