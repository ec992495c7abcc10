import type { LookupView } from '../../../fleet/find.ts'
import { type Found, findProblem, found, isSearching, searchOn, selectionOf, shownLookup } from '../state/find.ts'
import { type LookupAction, lookupAction } from '../state/lookup-actions.ts'
import { clock, moment } from '../state/time.ts'
import { T } from '../texts.ts'
import { ActionButton } from './action-button.tsx'
import { Filters, NoneWithFilters } from './filters.tsx'
import { StateOf } from './lookup-state.tsx'
import { type Column, Table } from './table.tsx'

const COLUMNS: readonly Column<LookupView>[] = [
  { head: T.find.columns.connectionId, of: (one) => <Open of={one} /> },
  { head: T.find.columns.state, of: StateOf },
  { head: T.find.columns.why, of: whyOf },
  { head: T.find.columns.enqueued, of: ({ enqueuedAt }) => moment(enqueuedAt) },
  { head: T.find.columns.ended, of: ({ endedAt }) => moment(endedAt) },
  { head: T.find.columns.calls, of: ({ calls }) => calls ?? '–', isFigure: true },
  { head: T.find.columns.producer, of: ({ producer }) => producer ?? '–' },
]

export function FoundList() {
  const { value } = found
  if (findProblem.value !== null)
    return (
      <p class="problem" role="alert">
        {findProblem.value}
      </p>
    )
  if (!value) return <p class="soft">{isSearching.value ? T.find.searching : T.find.begin}</p>
  return (
    <section class="card stack">
      <div class="row between">
        <p role="status">{T.find.found(value.lookups.length, value.next !== null, value.looked, clock(value.at))}</p>
        <div class="row">{value.lookups.length > 0 ? <OnAll of={value} /> : null}</div>
      </div>
      <Filters of={value} />
      <NoneWithFilters of={value} />
      {value.lookups.length > 0 ? (
        <Table
          caption={T.find.caption}
          columns={COLUMNS}
          rows={value.lookups}
          keyOf={({ queue, lookupId }) => `${queue} ${lookupId}`}
        />
      ) : null}
      {value.next === null ? null : (
        <div>
          <button type="button" disabled={isSearching.value} onClick={() => void searchOn()}>
            {T.find.next}
          </button>
        </div>
      )}
    </section>
  )
}

/** On all that match, not only on those that are shown. */
function OnAll({ of: { lookups, filters } }: { of: Found }) {
  const given = selectionOf(filters)
  const selection = Object.keys(given).length === 0 ? { all: true as const } : given
  const { state } = given
  const kinds: LookupAction[] = [
    ...(lookups.some((one) => one.state === 'waiting' || one.state === 'delayed') ? (['cancel'] as const) : []),
    ...(state === 'dead' || state === 'finished' ? (['redrive'] as const) : []),
    ...(state === 'dead' ? (['drop'] as const) : []),
  ]
  return (
    <>
      {kinds.map((kind) => (
        <ActionButton
          key={kind}
          action={() => lookupAction(kind, { selection })}
          words={T.actions[kind].all}
          isGrave={kind !== 'redrive'}
        />
      ))}
    </>
  )
}

function Open({ of: { lookupId, connectionId } }: { of: LookupView }) {
  return (
    <button type="button" class="link mono" onClick={() => (shownLookup.value = lookupId)}>
      {connectionId ?? lookupId}
    </button>
  )
}

function whyOf({ failure, fault, httpStatus, responseCode, waits, dueAt }: LookupView): string {
  const cause = [failure, fault, httpStatus && `HTTP ${httpStatus}`, responseCode && `responseCode ${responseCode}`]
  const words = cause.filter(Boolean).join(', ')
  return [words, waits ? T.waits(waits, dueAt === null ? null : moment(dueAt)) : ''].filter(Boolean).join('; ') || '–'
}
