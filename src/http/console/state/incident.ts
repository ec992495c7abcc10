/** What was seen of the service, as Markdown for its owner. No customer's data: kinds, counts and times alone, in UTC. */

import type { History } from '../../../fleet/history.ts'
import type { FleetStatus } from '../../../fleet/status.ts'
import { T } from '../texts.ts'

const LATE_MS = 3_600_000
const OF_THE_SERVICE = ['service', 'configuration']

export function incidentOf(status: FleetStatus, { holds, slices, kinds, at, sliceMs }: History): string {
  const recent = holds.filter(({ reason, to }) => OF_THE_SERVICE.includes(reason) && to > at - LATE_MS)
  const isOn =
    status.serviceProblem === null ? status.holds.filter(({ reason }) => OF_THE_SERVICE.includes(reason)) : []
  const since = Math.min(...isOn.map((hold) => hold.since), ...recent.map(({ from }) => from))
  const from = Number.isFinite(since) ? since - 5 * 60_000 : at - LATE_MS
  const looked = slices.filter((slice) => slice.at + sliceMs > from)
  const calls = new Map<string, number>()
  for (const slice of looked)
    for (const [outcome, count] of Object.entries(slice.calls)) calls.set(outcome, (calls.get(outcome) ?? 0) + count)
  const words = T.incident
  return [
    words.head(utc(at)),
    '',
    ...(isOn.length === 0 ? [words.over] : isOn.map((hold) => words.on(utc(hold.since), hold.why, hold.probes))),
    '',
    ...recent.map(({ from, to, reason, why, probes }) =>
      words.held(utc(from), to > at ? null : utc(to), reason, why, probes),
    ),
    '',
    words.calls(utc(looked[0]?.at ?? from)),
    '',
    words.callsHead,
    ...[...calls].map(([outcome, count]) => words.row(words.outcomes[outcome] ?? outcome, count)),
    '',
    words.seen,
    '',
    ...(kinds.length === 0 ? [T.kinds.none] : [words.seenNote, '', words.seenHead]),
    ...kinds.map(({ kind, count, firstAt, lastAt }) =>
      words.kind(T.kindInWords(kind), count, utc(firstAt), utc(Math.min(lastAt, at))),
    ),
  ].join('\n')
}

function utc(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
