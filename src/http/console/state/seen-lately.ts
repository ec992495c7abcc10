/** Failures of the kind that is to be redriven, and that calls had a moment ago: what is redriven may fail again. */

import { OUTCOME_OF } from '../../../domain/event.ts'
import type { Selection } from '../../../domain/selection.ts'
import type { History } from '../../../fleet/history.ts'
import { T } from '../texts.ts'

const LATELY_MS = 5 * 60_000

export interface SeenLately {
  what: string
  agoMs: number
}

type Wanted = Pick<Selection, 'failure' | 'fault' | 'httpStatus' | 'responseCode'>

/** The last one first. A selection that names no failure may mean any. */
export function seenLately(wanted: Wanted, history: Pick<History, 'at' | 'kinds' | 'slices'>): SeenLately[] {
  return [...kindsOf(wanted, history), ...outcomesOf(wanted, history)]
    .filter(({ agoMs }) => agoMs <= LATELY_MS)
    .sort((a, b) => a.agoMs - b.agoMs)
}

function kindsOf({ failure, fault, httpStatus, responseCode }: Wanted, { at, kinds }: Pick<History, 'at' | 'kinds'>) {
  const asked = [
    ['fault', 'soap-fault', fault],
    ['http', 'http-status', httpStatus],
    ['code', 'response-code', responseCode],
  ] as const
  const isAsked = (kind: string) => {
    const [what, which] = kind.split(':')
    return asked.some(
      ([name, code, given]) =>
        name === what && (failure ?? code) === code && (given === undefined || String(given) === which),
    )
  }
  return kinds
    .filter(({ kind }) => isAsked(kind))
    .map(({ kind, lastAt }) => ({ what: T.kindInWords(kind), agoMs: Math.max(0, at - lastAt) }))
}

const OUTCOMES = ['timeout', 'network', 'unreadable'] as const

/** As near as ten seconds. Several failures count as one outcome. */
function outcomesOf({ failure }: Wanted, { at, slices }: Pick<History, 'at' | 'slices'>): SeenLately[] {
  return OUTCOMES.filter((outcome) => failure === undefined || OUTCOME_OF[failure] === outcome).flatMap((outcome) => {
    const last = slices.findLast(({ calls }) => (calls[outcome] ?? 0) > 0)
    return last ? [{ what: T.incident.outcomes[outcome] ?? outcome, agoMs: Math.max(0, at - last.at) }] : []
  })
}
