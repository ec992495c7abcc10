import type { FleetStatus } from '../../../fleet/status.ts'
import { T } from '../texts.ts'
import { type Column, Table } from './table.tsx'

interface Row {
  producer: string | null
  waiting: number
  calls: number
}

/** Who asks: what waits of each, and the calls that were made for it in the last minute. */
export function Producers({ status: { producers } }: { status: FleetStatus }) {
  const rows = rowsOf(producers)
  const isSample = producers.waiting.sampled < producers.waiting.waiting
  const columns: readonly Column<Row>[] = [
    { head: T.producers.producer, of: ({ producer }) => producer ?? T.producers.nobody },
    { head: isSample ? T.producers.share : T.producers.waiting, of: ({ waiting }) => share(waiting), isFigure: true },
    { head: T.producers.calls, of: ({ calls }) => T.figure(calls), isFigure: true },
  ]
  const share = (count: number) =>
    isSample ? `${T.figure((100 * count) / Math.max(1, producers.waiting.sampled))} %` : T.figure(count)
  if (rows.length === 0) return <p class="card soft">{T.producers.none}</p>
  return (
    <section class="card">
      <Table caption={T.producers.caption} columns={columns} rows={rows} keyOf={({ producer }) => producer ?? ''} />
    </section>
  )
}

function rowsOf({ waiting, calls }: FleetStatus['producers']): Row[] {
  const rows = new Map<string | null, Row>()
  const row = (producer: string | null) => {
    const known = rows.get(producer) ?? { producer, waiting: 0, calls: 0 }
    rows.set(producer, known)
    return known
  }
  for (const { producer, lookups } of waiting.by) row(producer).waiting += lookups
  for (const { producer, calls: made } of calls) row(producer).calls += made
  return [...rows.values()].toSorted((a, b) => b.waiting + b.calls - a.waiting - a.calls)
}
