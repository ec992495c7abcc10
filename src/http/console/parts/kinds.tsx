import type { SeenKind } from '../../../fleet/history.ts'
import { history } from '../state/history.ts'
import { moment } from '../state/time.ts'
import { T } from '../texts.ts'
import { type Column, Table } from './table.tsx'

const COLUMNS: readonly Column<SeenKind>[] = [
  { head: T.kinds.kind, of: ({ kind }) => T.kindInWords(kind) },
  { head: T.kinds.count, of: ({ count }) => T.figure(count), isFigure: true },
  { head: T.kinds.first, of: ({ firstAt }) => moment(firstAt) },
  { head: T.kinds.last, of: ({ lastAt }) => moment(Math.min(lastAt, history.value?.at ?? lastAt)) },
]

/** What the service answered besides the usual. */
export function Kinds() {
  const kinds = history.value?.kinds
  return (
    <section class="card stack">
      <h3>{T.kinds.title}</h3>
      {kinds?.length ? (
        <Table caption={T.kinds.caption} columns={COLUMNS} rows={kinds} keyOf={({ kind }) => kind} />
      ) : (
        <p class="soft">{kinds ? T.kinds.none : T.now.loading}</p>
      )}
    </section>
  )
}
