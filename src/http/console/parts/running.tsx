import { type ActionProgress, dismiss, expectedCount, running } from '../state/running.ts'
import { moment } from '../state/time.ts'
import { T } from '../texts.ts'

/** Actions on their way, and how far they have come. */
export function Running() {
  return (
    <>
      {running.value.map((one) => (
        <Progress key={one.id} of={one} />
      ))}
    </>
  )
}

function Progress({ of: { id, action, who, at, state, count, refused, waitsFor } }: { of: ActionProgress }) {
  const expected = expectedCount(id)
  const cure = T.running.cures[state]
  const isOver = state !== 'running'
  const words = T.running.words(action, who, moment(at), T.running.states[state], count, expected, refused)
  return (
    <section class="card stack" aria-label={T.running.label(action)}>
      <div class="row between">
        <span role="status">{words}</span>
        {isOver ? (
          <button type="button" onClick={() => dismiss(id)}>
            {T.actions.close}
          </button>
        ) : null}
      </div>
      {isOver ? null : <progress aria-label={words} {...(expected !== null && { value: count, max: expected })} />}
      {waitsFor ? <p class="notice">{T.running.waits(waitsFor)}</p> : null}
      {cure ? <p class="notice">{cure}</p> : null}
    </section>
  )
}
