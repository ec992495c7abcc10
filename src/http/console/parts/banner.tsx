import type { FleetStatus } from '../../../fleet/status.ts'
import { deadOf, GOOD, howIs } from '../state/how.ts'
import { moment, now, span } from '../state/time.ts'
import { T } from '../texts.ts'

/** The fleet in one sentence, the same as `status` says; below it what keeps it from going on, and what was changed by hand. */
export function Banner({ status }: { status: FleetStatus | null }) {
  if (!status)
    return (
      <section class="card banner" aria-busy="true">
        {T.now.loading}
      </section>
    )
  const how = howIs(status)
  const notes = [
    ...fullIn(status),
    ...nobodyIn(status),
    ...holdsOf(status),
    ...deadIn(status),
    ...certificatesOf(status),
    ...byHandOf(status),
  ]
  return (
    <section class={`card banner ${GOOD[how]}`} aria-label={T.now.summary}>
      <p class="row" aria-live="polite">
        <span class={`state ${GOOD[how]}`}>{T.how[how]}</span>
        <span class="sentence" elementtiming="sentence">
          {T.now.sentence(status)}
        </span>
      </p>
      {notes.length > 0 ? (
        <ul>
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      ) : null}
    </section>
  )
}

function fullIn({ redis }: FleetStatus): string[] {
  return redis?.isFull ? [T.now.full(redis)] : []
}

function nobodyIn({ members }: FleetStatus): string[] {
  return members?.length === 0 ? [T.now.nobody] : []
}

/** So that nobody takes them for lost. */
function deadIn(status: FleetStatus): string[] {
  const dead = deadOf(status)
  return dead > 0 ? [T.now.dead(dead)] : []
}

function holdsOf(status: FleetStatus): string[] {
  if (status.serviceProblem !== null) return []
  const { at } = status
  return status.holds.map(({ reason, kind, why, since }) =>
    T.now.held(reason, span(at - since), moment(since), why, T.hold.cureOf({ reason, kind })),
  )
}

/** Those that end soon, or have ended. */
function certificatesOf({ members }: FleetStatus): string[] {
  const seen = T.certificate.inWords(members ?? [], now.value)
  return seen.filter(({ state }) => state !== 'good').map(({ says }) => says)
}

function byHandOf({ byHand }: FleetStatus): string[] {
  return byHand
    .filter(({ what }) => what !== 'hold')
    .map(({ what, which, value, who, since }) => {
      return T.now.byHand(T.byHand[what](which, value), who, since === null ? null : moment(since))
    })
}
