import type { DeadLetterGroup } from '../../../fleet/dead-letters.ts'
import { deadLetters, deadLettersProblem, selectionOf } from '../state/dead-letters.ts'
import { searchFor } from '../state/find.ts'
import { lookupAction } from '../state/lookup-actions.ts'
import { go } from '../state/route.ts'
import { moment } from '../state/time.ts'
import { T } from '../texts.ts'
import { ActionButton } from './action-button.tsx'
import { type Column, Table } from './table.tsx'

const COLUMNS: readonly Column<DeadLetterGroup>[] = [
  { head: T.dead.cause, of: (group) => <Cause of={group} /> },
  { head: T.dead.count, of: ({ count }) => T.figure(count), isFigure: true },
  { head: T.dead.first, of: ({ firstAt }) => moment(firstAt) },
  { head: T.dead.last, of: ({ lastAt }) => moment(lastAt) },
  {
    head: T.dead.again,
    of: ({ failedAgain }) => T.figure(failedAgain),
    isFigure: true,
    isOdd: ({ failedAgain }) => failedAgain > 0,
  },
  { head: T.dead.actions, of: (group) => <Actions of={group} /> },
]

export function DeadLetterGroups() {
  const { value } = deadLetters
  if (deadLettersProblem.value !== null) {
    return (
      <p class="problem" role="alert">
        {deadLettersProblem.value}
      </p>
    )
  }
  if (!value) return <p aria-busy="true">{T.dead.reading}</p>
  if (value.groups.length === 0) return <p class="card">{T.dead.none}</p>
  return (
    <section class="card stack">
      <Table caption={T.dead.caption} columns={COLUMNS} rows={value.groups} keyOf={keyOf} />
      {value.unread > 0 ? <p class="notice">{T.dead.unread(value.unread)}</p> : null}
    </section>
  )
}

function keyOf({ failure, fault, httpStatus }: DeadLetterGroup): string {
  return JSON.stringify([failure, fault, httpStatus])
}

function Cause({ of: { failure, fault, httpStatus } }: { of: DeadLetterGroup }) {
  const more = [fault, httpStatus === null ? null : `HTTP ${httpStatus}`].filter(Boolean).join(', ')
  return (
    <>
      <strong>{failure ?? T.dead.unknown}</strong>
      {more === '' ? null : <span class="soft"> {more}</span>}
      <div class="soft small">{T.failures[failure ?? ''] ?? ''}</div>
    </>
  )
}

function Actions({ of: group }: { of: DeadLetterGroup }) {
  const selection = selectionOf(group)
  const show = () => {
    go('find')
    void searchFor(Object.fromEntries(Object.entries(selection).map(([name, value]) => [name, String(value)])))
  }
  return (
    <div class="row">
      <ActionButton action={() => lookupAction('redrive', { selection })} words={T.actions.redrive.verb} />
      <ActionButton action={() => lookupAction('drop', { selection })} words={T.actions.drop.verb} isGrave />
      <button type="button" onClick={show}>
        {T.dead.show}
      </button>
    </div>
  )
}
