import type { FleetStatus } from '../../../fleet/status.ts'
import { howIs } from '../state/how.ts'
import { status } from '../state/live.ts'
import { moment, span } from '../state/time.ts'
import { T } from '../texts.ts'

/** Whether the service is called at all: no hold is no sign that it answers. */
function Verdict({ of }: { of: FleetStatus }) {
  const how = howIs(of)
  if (how === 'nobody') return <Card good="bad" label={T.hold.nobody} means={T.hold.nobodyMeans} />
  if (of.serviceProblem !== null || of.holds.length > 0) return null
  if (how === 'slow') return <Card good="warn" label={T.hold.slow} means={T.hold.slowMeans} />
  return <Card good="good" label={T.hold.none} means={T.hold.noneMeans} />
}

function Card({ good, label, means }: { good: 'good' | 'warn' | 'bad'; label: string; means: string }) {
  return (
    <p class={`card banner ${good}`}>
      <span class={`state ${good}`}>{label}</span> {means}
    </p>
  )
}

/** The holds that are on: whose fault, since when, why, what to do, and when it is tried again. */
export function HoldList() {
  const { value } = status
  if (!value) return null
  const { holds, at } = value.serviceProblem === null ? value : { holds: [], at: 0 }
  return (
    <>
      <Verdict of={value} />
      {holds.map(({ reason, kind, why, since, suspectedSince, spent, nextProbeAt, expiresAt, probes, by }) => (
        <section key={reason} class="card banner warn stack" aria-label={T.hold.label(reason)}>
          <p class="row">
            <span class="state warn">{T.hold.label(reason)}</span>
            <strong>{T.hold.whose[reason]}</strong>
          </p>
          <dl class="facts">
            <dt>{T.hold.since}</dt>
            <dd>
              {moment(since)}, {span(at - since)}
              {by === null ? '' : `, ${T.hold.by(by)}`}
            </dd>
            <dt>{T.hold.why}</dt>
            <dd>
              {why}
              {suspectedSince === null || spent === 0 ? '' : `; ${T.hold.spent(spent, moment(suspectedSince))}`}
            </dd>
            <dt>{T.hold.cure}</dt>
            <dd>{T.hold.cureOf({ reason, kind })}</dd>
            <dt>{T.hold.next}</dt>
            <dd>
              {nextProbeAt === null
                ? T.hold.ends(moment(expiresAt))
                : T.hold.probe(span(Math.max(0, nextProbeAt - at)), probes)}
            </dd>
          </dl>
        </section>
      ))}
    </>
  )
}
