import type { SeenMember } from '../../../fleet/members.ts'
import type { FleetStatus, GateStatus } from '../../../fleet/status.ts'
import { now, span } from '../state/time.ts'
import { T } from '../texts.ts'
import { type Column, Table } from './table.tsx'

const LATE_MS = 5_000

/** The workers; what is not as with most of the others is marked. */
export function Members({ status }: { status: FleetStatus }) {
  const { members, lost } = status
  if (members === null) return <p class="notice">{T.members.unknown}</p>
  if (members.length === 0) return <p class="problem">{T.members.none}</p>
  const rows = members.toSorted((a, b) => (a.host + a.pid).localeCompare(b.host + b.pid))
  const comparedOf = compared(status.serviceProblem === null ? status.limitsSet : {})
  const uneven = comparedOf.filter(([, of]) => new Set(members.map(of)).size > 1).map(([label]) => label)
  return (
    <section class="card stack">
      {uneven.length > 0 ? <p class="notice">{T.members.differ(uneven.join(', '))}</p> : null}
      {lost.map(({ host, pid, inProgress, seenMsAgo }) => (
        <p key={`${host} ${pid}`} class="notice">
          {T.members.lost(`${host} ${pid}`, inProgress, span(seenMsAgo))}
        </p>
      ))}
      <Table
        caption={T.members.caption(members.length)}
        columns={columnsOf(members, comparedOf)}
        rows={rows}
        keyOf={({ id }) => id}
      />
    </section>
  )
}

const limit = (value: number | null) => (value === null ? T.none : T.figure(value))
type Compared = readonly [label: string, of: (member: SeenMember) => string]

/** What all should have alike: of limits that in force, because what is set by hand wins over each worker's own. */
function compared(set: GateStatus['limitsSet']): readonly Compared[] {
  const inForce = (name: keyof SeenMember['limits']) => (member: SeenMember) =>
    limit((name in set ? set[name] : member.limits[name]) ?? null)
  return [
    [T.members.version, ({ version }) => version],
    [T.members.rate, inForce('rate')],
    [T.members.burst, inForce('burst')],
    [T.members.inFlight, inForce('inFlight')],
  ]
}

function columnsOf(members: readonly SeenMember[], all: readonly Compared[]): Column<SeenMember>[] {
  const marked = all.map(([head, of], index): Column<SeenMember> => {
    const usual = mostOf(members.map(of))
    return { head, of, isOdd: (member) => of(member) !== usual, isFigure: index > 0 }
  })
  return [
    { head: T.members.worker, of: ({ host, pid }) => `${host} ${pid}` },
    { head: T.members.state, of: (member) => <State of={member} /> },
    { head: T.members.up, of: ({ startedAt }) => span(now.value - Date.parse(startedAt)), isFigure: true },
    { head: T.members.busy, of: ({ inProgress, concurrency }) => `${inProgress} / ${concurrency}`, isFigure: true },
    { head: T.members.perSecond, of: ({ perSecond }) => T.figure(perSecond), isFigure: true },
    ...marked,
  ]
}

function mostOf(values: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? ''
}

function State({ of: { seenMsAgo, stopping } }: { of: SeenMember }) {
  if (seenMsAgo > LATE_MS) return <span class="state bad">{T.members.silent(span(seenMsAgo))}</span>
  return stopping ? (
    <span class="state warn">{T.members.stopping}</span>
  ) : (
    <span class="state good">{T.members.works}</span>
  )
}
