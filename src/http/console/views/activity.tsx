import { useEffect } from 'preact/hooks'
import type { Activity } from '../../../fleet/activity.ts'
import { Running } from '../parts/running.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { activity, readActivity } from '../state/running.ts'
import { moment } from '../state/time.ts'
import { T } from '../texts.ts'

const COLUMNS: readonly Column<Activity>[] = [
  { head: T.activity.when, of: ({ at }) => moment(at) },
  { head: T.activity.who, of: ({ who }) => who },
  { head: T.activity.what, of: ({ action }) => <strong>{action}</strong> },
  { head: T.activity.with, of: ({ arguments: given }) => <span class="mono">{argumentsOf(given)}</span> },
  { head: T.activity.count, of: ({ count }) => (count === null ? '–' : T.figure(count)), isFigure: true },
  { head: T.activity.state, of: ({ state }) => <span class={`state ${KINDS[state]}`}>{T.running.states[state]}</span> },
]
const KINDS = { done: 'good', running: '', stopped: 'warn', 'cut-off': 'warn' } as const

export function ActivityView() {
  useEffect(() => void readActivity().catch(() => {}), [])
  const { value } = activity
  return (
    <>
      <div>
        <h2>{T.views.activity}</h2>
        <p class="soft">{T.activity.means}</p>
      </div>
      <Running />
      {value?.length ? (
        <section class="card">
          <Table caption={T.activity.caption} columns={COLUMNS} rows={value} keyOf={keyOf} />
        </section>
      ) : (
        <p class="card soft">{value ? T.activity.none : T.now.loading}</p>
      )}
    </>
  )
}

function keyOf({ at, who, action, id }: Activity): string {
  return id ?? `${at} ${who} ${action}`
}

function argumentsOf(given: Readonly<Record<string, unknown>>): string {
  const words = Object.entries(given).map(([name, value]) => {
    return `${name}: ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`
  })
  return words.join(', ') || '–'
}
