/** Actions on the whole fleet: hold, release, accept a code, set a limit. */

import { counted, seconds } from '../../../domain/figures.ts'
import type { FleetStatus, GateStatus } from '../../../fleet/status.ts'
import { T } from '../texts.ts'
import type { Action, Input, Plan } from './action.ts'
import { ask } from './api.ts'
import { commandOf, quoted } from './command.ts'
import { lookNow, status } from './live.ts'
import { readActivity } from './running.ts'
import { moment } from './time.ts'

const MINUTES = { name: 'minutes', label: T.hold.minutes, type: 'number', value: '60', min: 1, max: 10_080 } as const
const REASON = { name: 'reason', label: T.hold.reason, type: 'text', value: '' } as const
const PACE = { name: 'pace', label: T.release.pace, type: 'number', value: '100', min: 1, max: 100 } as const
const RATE = {
  name: 'rate',
  type: 'number',
  value: '',
  min: 1,
  max: 100_000,
  isNeeded: true,
} as const

export function holdAction(): Action {
  const forMs = ({ minutes }: Input) => (Number(minutes) || 60) * 60_000
  return {
    ...{ title: T.hold.title, verb: T.hold.verb, role: 'operate', fields: [MINUTES, REASON] },
    plan: async (input) => plan([T.hold.would(seconds(forMs(input))), ...waiting()]),
    command: ({ minutes, reason }) =>
      commandOf('hold', {}, ['--for', `${minutes || 60}m`, ...(reason ? ['--reason', quoted(reason)] : [])]),
    run: (input) => {
      const { reason } = input
      return done(ask('POST', 'v1/holds', { forMs: forMs(input), ...(reason && { reason }) }), T.hold.done)
    },
  }
}

export function releaseAction(acceptCode: number | null = null): Action {
  const pace = (input: Input) => Math.min(100, Number(input.pace) || 100) / 100
  const code = acceptCode === null ? {} : { acceptCode }
  const flags = acceptCode === null ? [] : ['--accept-code', String(acceptCode)]
  return {
    ...{ title: acceptCode === null ? T.release.title : T.release.acceptTitle(acceptCode), role: 'operate' },
    ...{ verb: T.release.verb, fields: [PACE] },
    plan: async (input) =>
      plan([
        ...(acceptCode === null ? [] : [T.release.accepts(acceptCode)]),
        T.release.would(pace(input)),
        ...waiting(),
      ]),
    command: (input) => commandOf('release', {}, [...flags, ...(pace(input) < 1 ? ['--pace', `${pace(input)}`] : [])]),
    run: (input) => done(ask('DELETE', 'v1/holds', { ...code, pace: pace(input) }), T.release.done),
  }
}

export function limitAction(): Action {
  return {
    ...{ title: T.limit.title, verb: T.limit.verb, role: 'operate' },
    fields: [{ ...RATE, label: T.limit.rateNow(valuesOf('rate'), share()) }],
    plan: async ({ rate }) => plan([...limitsNow(), T.limit.would(rate ? Number(rate) : null, share())]),
    command: ({ rate }) => commandOf('limit', {}, ['--rate', rate || '…']),
    run: ({ rate }) => {
      const ratePerSecond = Number(rate)
      return done(ask('PUT', 'v1/limit', { ratePerSecond }), T.limit.done(ratePerSecond, share()))
    },
  }
}

export function resetLimitAction(): Action {
  return {
    ...{ title: T.limit.resetTitle, verb: T.limit.resetVerb, role: 'operate' },
    plan: async () => plan([...limitsNow(), T.limit.wouldReset, ...limitsOwn()]),
    command: () => commandOf('limit', {}, ['--reset']),
    run: () => done(ask('DELETE', 'v1/limit'), T.limit.resetDone),
  }
}

type Name = keyof GateStatus['limits']

/** Several: workers differ. Null: it is not known. */
function valuesOf(name: Name): readonly (number | null)[] | null {
  const { value } = status
  return value?.serviceProblem === null && value.limits[name].values.length > 0 ? value.limits[name].values : null
}

/** The part of its pace at which the fleet goes; null: all of it. */
function share(): number | null {
  const { value } = status
  return value?.serviceProblem === null ? (value.pace?.share ?? null) : null
}

/** What is in force, and who has set it. */
export function limitsNow(): string[] {
  const { value } = status
  if (value?.serviceProblem !== null) return []
  const byHand = value.byHand.find(({ what, which }) => what === 'limit' && which === 'rate')
  const by = byHand ? T.limit.by(byHand.who, byHand.since === null ? null : moment(byHand.since)) : T.limit.own
  return [T.limit.now(valuesOf('rate'), share(), by, valuesOf('burst'), valuesOf('inFlight'))]
}

/** What each worker has of its own. */
function limitsOwn(): string[] {
  const rates = [...new Set((status.value?.members ?? []).map(({ limits }) => limits.rate))]
  return rates.length === 0 ? [] : [T.limit.after(rates, share())]
}

function plan(lines: string[]): Plan {
  return { lines, count: null }
}

function waiting(): string[] {
  const { value } = status
  if (!value) return []
  const { backlog } = value as FleetStatus
  return [T.actions.waiting(counted(backlog, 'lookup'))]
}

async function done(doing: Promise<unknown>, words: string): Promise<string> {
  await doing
  await Promise.all([lookNow(), readActivity().catch(() => {})])
  return words
}
