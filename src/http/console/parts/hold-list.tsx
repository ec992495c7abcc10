import { status } from '../state/live.ts'
import { moment, span } from '../state/time.ts'
import { verdictsOf } from '../state/verdict.ts'
import { T } from '../texts.ts'

/** The holds that are on: whose fault, since when, why, what to do, and when it is tried again. */
export function HoldList() {
  const { value } = status
  if (!value) return null
  const { holds, at } = value.serviceProblem === null ? value : { holds: [], at: 0 }
  return (
    <>
      {verdictsOf(value).map(({ good, label, means }) => (
        <p key={label} class={`card banner ${good}`}>
          <span class={`state ${good}`}>{label}</span> {means}
        </p>
      ))}
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
