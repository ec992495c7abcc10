/** Actions on lookups: cancel, redrive, drop. Each is planned by the API before it is done by it. */

import { counted, seconds } from '../../../domain/figures.ts'
import type { Selection } from '../../../domain/selection.ts'
import { mayBeCause } from '../../../fleet/held-cause.ts'
import { T } from '../texts.ts'
import type { Action, Field, Input, Plan } from './action.ts'
import { ask, Refused } from './api.ts'
import { commandOf, quoted } from './command.ts'
import { filterWords } from './filter-words.ts'
import { acted } from './find.ts'
import { history } from './history.ts'
import { status } from './live.ts'
import { type ActionProgress, ended, expectCount, follow, readActivity } from './running.ts'
import { seenLately } from './seen-lately.ts'
import { ago } from './time.ts'
import { stopsOf } from './verdict.ts'

export type LookupAction = 'cancel' | 'redrive' | 'drop'
/** Which: all that is selected, or those of these ids, which may have to be in a state. */
export type Which = { selection: Selection } | { lookupIds: string[] } | { lookupIds: string[]; selection: Selection }

const PATHS: Readonly<Record<LookupAction, string>> = {
  cancel: 'v1/lookups/cancel',
  redrive: 'v1/dead-letters/redrive',
  drop: 'v1/dead-letters/drop',
}
const COMMANDS = { cancel: 'cancel', redrive: 'dead-letters redrive', drop: 'dead-letters drop' } as const
const RATE: Field = { name: 'rate', label: T.actions.rate, type: 'number', value: '100', min: 1, max: 10_000 }

export function lookupAction(kind: LookupAction, which: Which): Action {
  const words = T.actions[kind]
  return {
    title: words.title,
    verb: words.verb,
    role: 'operate',
    isGrave: kind !== 'redrive',
    fields: fieldsOf(kind),
    plan: (input) => planOf(kind, which, input),
    command: (input) => commandFor(kind, which, input),
    run: (input, count) => run(kind, which, input, count),
  }
}

function fieldsOf(kind: LookupAction): Field[] {
  if (kind === 'cancel') return [RATE]
  if (kind === 'redrive') return [RATE, { name: 'force', label: T.actions.force, type: 'check', value: '' }]
  return [{ name: 'reason', label: T.actions.reason, type: 'text', value: '', isNeeded: true }, RATE]
}

function bodyOf(kind: LookupAction, which: Which, { rate, reason, force }: Input) {
  return {
    ...which,
    ratePerSecond: Number(rate) || 100,
    ...(kind === 'drop' && { reason: reason || '–' }),
    ...(kind === 'redrive' && force && { force: true }),
  }
}

interface ApiPlan {
  count: number
  calls: number
  seconds: number
  sample: { lookupId: string; connectionId: string | null }[]
  refused?: string | null
}

async function planOf(kind: LookupAction, which: Which, input: Input): Promise<Plan> {
  const plan = await ask<ApiPlan>('POST', PATHS[kind], { ...bodyOf(kind, which, input), dryRun: true })
  const lines = [
    ...('selection' in which ? [T.actions.which(which.selection.all ? null : filterWords(which.selection))] : []),
    T.actions[kind].would(counted(plan.count, 'lookup')),
    plan.calls > 0 ? T.actions.calls(counted(plan.calls, 'call')) : T.actions.noCalls,
    T.actions.takes(seconds(plan.seconds * 1000), plan.calls > 0 && status.value?.members?.length !== 0),
  ]
  const sample = plan.sample.map(({ lookupId, connectionId }) => `${lookupId}  ${connectionId ?? '–'}`)
  const refused = input.force || !plan.refused ? null : refusal()
  const warnings = kind === 'redrive' ? warningsOf(which, Boolean(input.force) || refused !== null) : []
  return { lines, count: plan.count, sample, refused, warnings }
}

/** Of what the page knows anyway. `isDecided`: a hold does not make it wait, because it is forced, or is refused. */
function warningsOf(which: Which, isDecided: boolean): string[] {
  const [hold] = isDecided ? [] : holds()
  const stops = status.value ? stopsOf(status.value) : []
  const seen = 'selection' in which && history.value ? seenLately(which.selection, history.value) : []
  return [
    ...stops.map(({ means }) => means),
    ...(hold ? [T.actions.redrive.held(hold.reason)] : []),
    ...seen.map(({ what, agoMs }) => T.actions.redrive.seen(what, ago(agoMs))),
  ]
}

function holds() {
  const { value } = status
  return value?.serviceProblem === null ? value.holds : []
}

/** The API's own words are for the command line: its flag is a box here. */
function refusal(): string {
  const hold = holds().find(mayBeCause)
  return T.actions.redrive.refused(hold ? `${hold.reason}: ${hold.why}` : null)
}

function inOurWords(error: unknown): never {
  if (!(error instanceof Refused && error.code === 'held-for-cause')) throw error
  throw new Refused(error.status, error.code, refusal())
}

function commandFor(kind: LookupAction, which: Which, { rate, reason, force }: Input): string {
  const flags = [
    ...('lookupIds' in which ? which.lookupIds.map(quoted) : []),
    ...(rate && rate !== RATE.value ? ['--rate', rate] : []),
    ...(kind === 'drop' ? ['--reason', quoted(reason || '…')] : []),
    ...(kind === 'redrive' && force ? ['--force'] : []),
  ]
  return commandOf(COMMANDS[kind], 'selection' in which ? which.selection : {}, flags)
}

async function run(kind: LookupAction, which: Which, input: Input, count: number | null): Promise<string> {
  const answer = await ask<ActionProgress | { done?: number; cancelled?: number; refusedCount: number }>(
    'POST',
    PATHS[kind],
    bodyOf(kind, which, input),
  ).catch(inOurWords)
  void readActivity().catch(() => {})
  if ('id' in answer) {
    if (count !== null) expectCount(answer.id, count)
    follow(answer)
    void ended(answer.id).then(() => acted.value++)
    return T.actions.begun
  }
  acted.value++
  const done = answer.done ?? answer.cancelled ?? 0
  return T.actions[kind].done(counted(done, 'lookup'), answer.refusedCount)
}
